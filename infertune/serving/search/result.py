"""What a search for a server's settings tells: where it stands, and what it came to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from infertune.load.arrival_load import Load
from infertune.serving.measure.figures import Figures
from infertune.serving.measure.goal import Goal
from infertune.serving.search.finals import Finalist, ServingFinals
from infertune.serving.search.trial import ServingTrial
from infertune.serving.search.verdict import ServingVerdict
from infertune.space import SearchSpace
from infertune.types import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingProgress:
    """Where a search stands.

    Attributes:
        phase: ``search`` or ``finals``.
        doing: The server that is pressed, and how.
        trials: All so far.
        spent: Of ``budget``, in seconds.
    """

    phase: str
    doing: str
    trials: Sequence[ServingTrial]
    spent: float
    budget: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSearchResult:
    """What a search came to.

    Attributes:
        space: That was searched.
        trials: In their order; the default's first.
        finals: Their rounds, and how those who took part compare.
        to_decide: The budget, in seconds, with which what is undecided would about be decided; None where nothing is.
        spent: Seconds by arm, of all runs of the study.
        bought: Seconds of this run of the command; the rest was in the log.
        void: Why bursts were void, one text for each; those that had broken their SLO were made again.
    """

    goal: Goal
    space: SearchSpace
    trials: Sequence[ServingTrial]
    finals: ServingFinals
    verdict: ServingVerdict
    budget: float
    to_decide: float | None
    spent: dict[str, float]
    bought: float
    void: Sequence[str]
    burst_seconds: float

    @property
    def default(self) -> Configuration:
        """The engine's own settings."""
        return self.trials[0].configuration

    @property
    def finalists(self) -> Sequence[Finalist]:
        """All that took part in the finals."""
        return list(self.finals.finalists.values())

    @property
    def bursts(self) -> list[tuple[Configuration, Figures]]:
        """All, with the settings that they were of; those of the search first."""
        found = [
            (trial.configuration, each) for trial in self.trials if trial.measured for each in trial.measured.bursts
        ]
        turns = [(one.configuration, turn) for one in self.finalists for turn in one.turns.values()]
        return found + [(configuration, each) for configuration, turn in turns for each in turn.bursts]


def words(load: Load) -> str:
    """Return a load in words: ``4.2 requests/s``, ``16 in flight``, ``all at once``."""
    if load.concurrency is not None:
        return f"{load.concurrency} in flight"
    assert load.rate is not None
    return f"{load.rate:.3g} requests/s" if math.isfinite(load.rate) else "all at once"


def short(configuration: Configuration, space: SearchSpace) -> str:
    """Return what differs from the defaults: ``max_num_seqs=32 block_size=64``, or ``default``."""
    default = space.default_configuration()
    differing = {name: value for name, value in configuration.items() if default.get(name) != value}
    return " ".join(f"{name.removeprefix('engine.')}={value}" for name, value in differing.items()) or "default"
