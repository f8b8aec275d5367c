"""What the finals say: a clear winner, the default, or that it is not decided yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from infertune.serving.search.comparison import NONE, ServingComparison
from infertune.serving.search.finals import Finalist, ServingFinals
from infertune.types import Configuration

Kind = Literal["clear", "keep", "undecided", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingVerdict:
    """What is said, and what to do.

    Attributes:
        kind: ``clear``: something is better than the default, which may be out. ``keep``: the default is as good as
            the best seen within a margin. ``undecided``: neither is shown. ``nothing``: nothing keeps the SLO.
        recommended: What to start; of what is undecided, what looks best. None for nothing.
        best: What the default was compared with: the winner, or the best that was seen. None where nothing else ran.
        comparison: Of the best with the default; of no turns where one of the two is out.
        rivals: Others that are not clearly worse than the winner.
    """

    kind: Kind
    recommended: Finalist | None
    best: Configuration | None
    comparison: ServingComparison
    rivals: Sequence[Configuration] = ()

    @property
    def is_clear(self) -> bool:
        """Whether there is a clear winner."""
        return self.kind == "clear"


def verdict(finals: ServingFinals) -> ServingVerdict:
    """Return what the finals say."""
    default = finals.of(finals.default.configuration)
    if finals.leader is not None:
        best = finals.leader.configuration
        comparison = finals.against_default(best) if finals.base is not None else NONE
        return ServingVerdict(
            kind="clear", recommended=finals.leader, best=best, comparison=comparison, rivals=tuple(finals.rivals)
        )
    if finals.undecided:
        best = max(finals.undecided, key=lambda each: _shown(finals, each))
        comparison = finals.against_default(best)
        looks_better = comparison.difference > 0 if comparison.n else finals.base is None
        return ServingVerdict(
            kind="undecided",
            recommended=finals.of(best) if looks_better else default,
            best=best,
            comparison=comparison,
        )
    if finals.base is None or (finals.default.score is None and not default.scores):
        return ServingVerdict(kind="nothing", recommended=None, best=None, comparison=NONE)
    others = [each for each in finals.finalists if each != finals.base and not finals.of(each).is_out]
    nearest = max(others, key=lambda each: finals.against_default(each).difference, default=None)
    comparison = NONE if nearest is None else finals.against_default(nearest)
    return ServingVerdict(kind="keep", recommended=default, best=nearest, comparison=comparison)


def _shown(finals: ServingFinals, configuration: Configuration) -> tuple[bool, float]:
    """Return what to compare the undecided by: how they did in the finals, before them the rank in the search."""
    comparison = finals.against_default(configuration)
    rank = [trial.configuration for trial in finals.seen].index(configuration)
    return bool(comparison.n), comparison.expected if comparison.n else -float(rank)
