"""The finals: the best few and the default, started again in turns and measured with longer bursts.

What was best of many in short bursts was also the luckiest, so the finals forget it. All finalists take part in every
turn, one after another and in another order each time, so that a machine that grows slower hurts all of them alike.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from infertune.configuration import Configuration
from infertune.engines.vllm.failures import ServerFailure
from infertune.estimators import FloatArray
from infertune.serving.measure.worth import Measured

CONFIDENCE = 0.95
FEWEST_TURNS = 2
MOST_TURNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """What one showed.

    Attributes:
        turns: One measurement of each turn; None where the server failed or the budget ended.
        failure: Of the server, if it failed.
    """

    configuration: Configuration
    turns: tuple[Measured | None, ...]
    failure: ServerFailure | None = None

    @property
    def scores(self) -> tuple[float, ...]:
        """Of the turns that have one."""
        return tuple(each.score for each in self.turns if each is not None and each.score is not None)

    @property
    def mean(self) -> float:
        """Of the scores; minus infinity unless every turn has one: what failed or broke the promise once is out."""
        complete = self.failure is None and self.scores and len(self.scores) == len(self.turns)
        return float(np.mean(self.scores)) if complete else -math.inf

    @property
    def interval(self) -> tuple[float, float]:
        """Of the mean score, Student's at 95%; infinitely wide for a single turn."""
        return student(np.array(self.scores)) if self.scores else (-math.inf, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who won.

    Attributes:
        winner: Of the finalists, by the mean of its scores; None where all are out.
        is_clear: Whether it is clearly better than the default: each of its turns is above each of the default's, and
            the interval of the paired difference is above 0.
        difference: Mean score of the winner less the default's; ``low`` and ``high`` its interval, Student's at 95%.
        rivals: Other finalists that are not clearly worse than the winner.
    """

    winner: Finalist | None
    is_clear: bool
    difference: float
    low: float
    high: float
    rivals: tuple[Finalist, ...]


def order(n: int, turn: int) -> list[int]:
    """Return in which order the finalists of a turn are measured: one further each time, and back every other turn."""
    turned = [(turn + place) % n for place in range(n)]
    return turned if turn % 2 == 0 else turned[::-1]


def in_turns(
    configurations: Sequence[Configuration],
    measure: Callable[[Configuration, int], Measured | ServerFailure | None],
    *,
    has_room: Callable[[int], bool],
) -> list[Finalist]:
    """Return what the finalists showed.

    Args:
        configurations: The default among them.
        measure: One in a turn; None where the budget ended.
        has_room: Whether the budget has room for another turn of so many finalists, asked after each turn.
    """
    turns: dict[Configuration, list[Measured | None]] = {each: [] for each in configurations}
    failures: dict[Configuration, ServerFailure] = {}
    for turn in range(MOST_TURNS):
        inside = [each for each in configurations if each not in failures]
        if not inside or (turn and not has_room(len(inside))):
            break
        shown: dict[Configuration, Measured | None] = {}
        for place in order(len(inside), turn):
            each = inside[place]
            found = measure(each, turn)
            if isinstance(found, ServerFailure):
                failures[each] = found
                found = None
            shown[each] = found
        if turn and any(shown[each] is None for each in inside if each not in failures):
            break  # the budget ended within a turn, which is then no comparison
        for each in inside:
            turns[each].append(shown[each])
    return [
        Finalist(configuration=each, turns=tuple(turns[each]), failure=failures.get(each)) for each in configurations
    ]


def verdict(finalists: Sequence[Finalist], default: Configuration) -> Verdict:
    """Return who won against the default."""
    best = max(finalists, key=lambda each: each.mean, default=None)
    if best is None or not math.isfinite(best.mean):
        return Verdict(winner=None, is_clear=False, difference=0.0, low=-math.inf, high=math.inf, rivals=())
    base = next((each for each in finalists if each.configuration == default), None)
    rivals = tuple(each for each in finalists if each is not best and each.scores and not _clearly(best, each)[0])
    if base is best:
        return Verdict(winner=best, is_clear=False, difference=0.0, low=0.0, high=0.0, rivals=rivals)
    if base is None or not base.scores:  # the default fails, or keeps the promise at no load: any other is better
        return Verdict(winner=best, is_clear=True, difference=math.inf, low=-math.inf, high=math.inf, rivals=rivals)
    is_clear, difference, low, high = _clearly(best, base)
    return Verdict(winner=best, is_clear=is_clear, difference=difference, low=low, high=high, rivals=rivals)


def student(values: FloatArray) -> tuple[float, float]:
    """Return the interval of the mean at 95%."""
    n = len(values)
    if n < 2:
        return -math.inf, math.inf
    half = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * float(values.std(ddof=1)) / math.sqrt(n)
    return float(values.mean()) - half, float(values.mean()) + half


def _clearly(best: Finalist, other: Finalist) -> tuple[bool, float, float, float]:
    pairs = [
        (one.score, two.score)
        for one, two in zip(best.turns, other.turns, strict=False)
        if one is not None and two is not None and one.score is not None and two.score is not None
    ]
    if not pairs:
        return not other.scores, best.mean - other.mean, -math.inf, math.inf
    differences = np.array([one - two for one, two in pairs])
    low, high = student(differences)
    apart = min(best.scores) > max(other.scores)
    return apart and low > 0, float(differences.mean()), low, high
