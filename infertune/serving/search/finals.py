"""The finals: what was seen best against the default, started anew in every round and measured with longer bursts.

What was best of many in short bursts was also the luckiest, so the finals forget it. The members of a round are
measured one after another, in another order each time, so that a machine that grows slower hurts all of them alike.
Who meets next:

1. The default and the best seen, two rounds before anything else.
2. The default and one after another, until something is clearly better or all are clearly not: whoever looks better in
   the finals so far; what the search saw clearly better than the default; and then again the best seen.
3. Where something is clearly better, whatever the search saw above it, twice, and for as long as it looks better.
4. When the search has no room left, the next best seen against what is best.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from infertune.engines.process.failures import ServerFailure
from infertune.serving.measure.score import NOT_KEPT, NOT_KEPT_THERE, Measured
from infertune.serving.search.comparison import FEWEST_TURNS, MARGIN, ServingComparison, compared
from infertune.serving.search.trial import ServingTrial
from infertune.types import Configuration

MOST_RIVALS = 3  # of the best, that are looked at when there is time left

Round = Mapping[Configuration, Measured | ServerFailure]
"""What its members showed; who is missing had no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """What one showed.

    Attributes:
        turns: Its measurements, by the number of the round.
        failure: Of the server, if it failed.
    """

    configuration: Configuration
    turns: Mapping[int, Measured]
    failure: ServerFailure | None = None

    @property
    def scores(self) -> tuple[float, ...]:
        """Of the turns that have one."""
        return tuple(each.score for each in self.turns.values() if each.score is not None)

    @property
    def is_out(self) -> bool:
        """Whether it failed, or broke the SLO in any turn; a turn that the budget cut short says nothing."""
        return self.failure is not None or any(each.end in (NOT_KEPT, NOT_KEPT_THERE) for each in self.turns.values())

    @property
    def mean(self) -> float:
        """Of the scores; minus infinity where there is none or it is out."""
        return float(np.mean(self.scores)) if self.scores and not self.is_out else -math.inf

    def against(self, other: "Finalist") -> ServingComparison:
        """Return how it compares with another one, by the turns of both."""
        pairs = [
            (one, other.turns[number])
            for number, one in self.turns.items()
            if one.score is not None and number in other.turns and other.turns[number].score is not None
        ]
        differences = [(one.score or 0.0) - (two.score or 0.0) for one, two in pairs]
        return compared(differences, [math.hypot(one.error, two.error) for one, two in pairs])


@dataclass(frozen=True)
class ServingFinals:
    """Where the finals stand.

    Attributes:
        default: The trial of the default settings.
        seen: Trials of other settings that have a score, the best first.
        rounds: So far.
    """

    default: ServingTrial
    seen: Sequence[ServingTrial]
    rounds: Sequence[Round] = field(default=())

    @cached_property
    def finalists(self) -> Mapping[Configuration, Finalist]:
        """All that took part."""
        found: dict[Configuration, Finalist] = {}
        for number, shown in enumerate(self.rounds):
            for configuration, one in shown.items():
                so_far = found.get(configuration, Finalist(configuration=configuration, turns={}))
                failure = one if isinstance(one, ServerFailure) else so_far.failure
                turns = so_far.turns if isinstance(one, ServerFailure) else {**so_far.turns, number: one}
                found[configuration] = Finalist(configuration=configuration, turns=turns, failure=failure)
        return found

    @property
    def base(self) -> Configuration | None:
        """The default settings; None where they fail or keep the SLO at no load."""
        default = self.default
        is_out = default.failure is not None or default.outcome.failure or self.of(default.configuration).is_out
        return None if is_out else default.configuration

    def of(self, configuration: Configuration) -> Finalist:
        """Return what settings have shown, nothing if they did not take part."""
        return self.finalists.get(configuration, Finalist(configuration=configuration, turns={}))

    def against_default(self, configuration: Configuration) -> ServingComparison:
        """Return how settings compare with the default."""
        return self.of(configuration).against(self.of(self.default.configuration))

    @cached_property
    def leader(self) -> Finalist | None:
        """What is clearly better than the default, of several the best; None for nothing."""
        others = [one for c, one in self.finalists.items() if c != self.default.configuration and not one.is_out]
        if self.base is None:
            better = [one for one in others if len(one.scores) >= FEWEST_TURNS]
            return max(better, key=lambda one: one.mean, default=None)
        better = [one for one in others if self.against_default(one.configuration).is_better]
        return max(better, key=lambda one: self.against_default(one.configuration).expected, default=None)

    @cached_property
    def undecided(self) -> Sequence[Configuration]:
        """What must be compared before anything can be said, in order; see the head of this file."""
        if self.leader is not None:
            leads = self._seen(self.leader.configuration)
            above = [t.configuration for t in self.seen if leads is None or _score(t) > _score(leads)]
            met = [c for c in above if self._is_open(c) and self.n_turns(c) < FEWEST_TURNS]
            better = [c for c in above if self._is_open(c) and self._looks_better(c)]
            return list(dict.fromkeys((*self._sorted(better), *met)))
        standing = [t for t in self.seen if not self.of(t.configuration).is_out]
        clearly = [t for t in standing[1:] if _low(t) > _high(self.default)] if self.base is not None else []
        named = [t.configuration for t in (*standing[:1], *clearly)]
        first = [c for c in named[:1] if self.n_turns(c) < FEWEST_TURNS]
        begun = [c for c in named if 0 < self.n_turns(c) < FEWEST_TURNS]
        better = [c for c in self.finalists if c != self.default.configuration and self._looks_better(c)]
        unmet = [c for c in named if not self.n_turns(c)]
        ordered = dict.fromkeys((*first, *begun, *self._sorted(better), *unmet, *named))
        return [c for c in ordered if self._is_open(c)]

    @property
    def rivals(self) -> Sequence[Configuration]:
        """The next best seen that may be better than the leader; or than the default, where that is to be kept."""
        best = self.leader.configuration if self.leader is not None else self.default.configuration
        others = [t.configuration for t in self.seen if t.configuration != best][:MOST_RIVALS]
        return list(filter(self._is_open, others))

    def members(self, configuration: Configuration) -> tuple[Configuration, ...]:
        """Return who meets in a round for settings that are undecided, in the order in which they start."""
        leader = () if self.leader is None else (self.leader.configuration,)
        base = () if self.base is None else (self.base,)
        members = tuple(dict.fromkeys((*base, *leader, configuration)))
        return tuple(members[place] for place in order(len(members), len(self.rounds)))

    @property
    def n_members(self) -> int:
        """How many would meet in the rounds of settings that are tried next."""
        return 1 + (self.base is not None) + (self.leader is not None)

    def n_turns(self, configuration: Configuration) -> int:
        """Return how many turns settings have with what they must beat; alone, where there is nothing."""
        alone = self.base is None and self.leader is None
        return len(self.of(configuration).scores) if alone else self.comparison(configuration).n

    def comparison(self, configuration: Configuration) -> ServingComparison:
        """Return how settings compare with what they must beat: the leader, or else the default."""
        return self.of(configuration).against(self.leader or self.of(self.default.configuration))

    def _is_open(self, configuration: Configuration) -> bool:
        one = self.of(configuration)
        if one.is_out or (self.leader is not None and one.configuration == self.leader.configuration):
            return False
        if self.base is None and self.leader is None:
            return True
        if self.base is not None and self.against_default(configuration).is_no_better:
            return False
        comparison = self.comparison(configuration)
        return not comparison.is_better and not comparison.is_no_better

    def _looks_better(self, configuration: Configuration) -> bool:
        """Whether the finals so far say that settings beat what they must beat, however surely."""
        return self.comparison(configuration).expected > math.log1p(MARGIN)

    def _sorted(self, configurations: Sequence[Configuration]) -> Sequence[Configuration]:
        return sorted(configurations, key=lambda each: self.comparison(each).expected, reverse=True)

    def _seen(self, configuration: Configuration) -> ServingTrial | None:
        return next((t for t in (self.default, *self.seen) if t.configuration == configuration), None)


def order(n: int, turn: int) -> list[int]:
    """Return in which order the members of a round are measured: one further each time, and back every other turn."""
    turned = [(turn + place) % n for place in range(n)]
    return turned if turn % 2 == 0 else turned[::-1]


def _score(trial: ServingTrial) -> float:
    return -math.inf if trial.score is None else trial.score


def _low(trial: ServingTrial) -> float:
    return trial.measured.low if trial.measured is not None and trial.score is not None else -math.inf


def _high(trial: ServingTrial) -> float:
    return trial.measured.high if trial.measured is not None and trial.score is not None else math.inf
