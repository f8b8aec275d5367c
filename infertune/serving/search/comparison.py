"""Whether one server is better than another, asked after every turn of the finals.

What is compared are the differences d_1 ... d_n of the scores in the turns that both took part in; a score is a
logarithm, so a difference is a ratio. The bounds of their mean

    mean +- s / sqrt(n) t(p),    p = Phi(-z),    z^2 = (1 + r / n) log((1 + n / r) / a^2)

hold at all n at once, so that one may look after each turn and stop when one likes, and what has been shown stays
shown: z is the boundary of the mixture of normal distributions (Robbins 1970, *Statistical methods related to the law
of the iterated logarithm*, section 4) with r turns' worth of prior, and t(p) the quantile of Student's distribution
that leaves as much as the normal one leaves beyond z. The spread s is known badly after two turns. But a measurement
comes with an error of its own, and two servers of the same settings are known to differ by some percent. So s is
estimated from all of it (moderated t; Smyth 2004, equation 2): as if f earlier differences had had the spread s_0 of
those errors and 10% of luck,

    s^2 = (f s_0^2 + sum_i (d_i - mean)^2) / (f + n - 1),    f + n - 1 degrees of freedom.

Each of the two bounds is to be wrong in 5% at most, so a = 0.1. With normal differences whose true spread is s_0 one
was wrong at any of 60 turns in 1.4% of 40,000 simulations; where the true spread is 1.5 times s_0 in 3.2%, where it is
twice s_0 in 4.8% (`tests/serving/test_comparison.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from infertune.types.arrays import FloatArray

CONFIDENCE = 0.95
MARGIN = 0.05  # within which one server is as good as another
FEWEST_TURNS = 2
_PRIOR_TURNS = 1.0  # r
_PRIOR_DIFFERENCES = 4.0  # f
_LUCK = 0.1  # of a difference: servers that start again, and loads that queue otherwise
_MOST_TURNS = 10_000  # beyond which nothing is foreseen


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingComparison:
    """One server against another, in scores.

    Attributes:
        n: Turns that both have a score of.
        difference: Mean of the one's score less the other's.
        spread: Of the difference in one turn.
        low: Lower bound of the difference, the highest that any number of turns so far has shown; ``high`` likewise.
    """

    n: int
    difference: float
    spread: float
    low: float
    high: float

    @property
    def expected(self) -> float:
        """The difference, by so many turns' worth of equality nearer to 0: what to expect of more turns."""
        return self.difference * self.n / (self.n + _PRIOR_TURNS)

    @property
    def is_better(self) -> bool:
        """Whether the one is clearly better."""
        return self.n >= FEWEST_TURNS and self.low > 0

    @property
    def is_no_better(self) -> bool:
        """Whether the one is clearly not better than the other by more than the margin."""
        return self.n >= FEWEST_TURNS and self.high < math.log1p(MARGIN)

    @property
    def turns_to_decide(self) -> int:
        """How many more turns would decide it, if the difference is what is expected of it; at least 1."""
        gap = max(self.expected, math.log1p(MARGIN) - self.expected)
        low, high = max(self.n, FEWEST_TURNS - 1), _MOST_TURNS
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if half_width(middle, self.spread) < gap else (middle, high)
        return high - self.n


NONE = ServingComparison(n=0, difference=0.0, spread=math.inf, low=-math.inf, high=math.inf)
"""Of two that have not met."""


def compared(differences: Sequence[float], errors: Sequence[float]) -> ServingComparison:
    """Return the comparison after some turns.

    Args:
        differences: Of the scores, one for each turn that both have one of; may be empty.
        errors: Standard deviation that the measurements themselves say each difference has, above 0.
    """
    if not len(differences):
        return NONE
    means, spreads = _running(np.array(differences), np.square(errors))
    halves = [half_width(place + 1, float(spread)) for place, spread in enumerate(spreads)]
    low, high = float((means - halves).max()), float((means + halves).min())
    if low > high:  # the turns contradict each other: only all of them together may speak
        low, high = float(means[-1]) - halves[-1], float(means[-1]) + halves[-1]
    return ServingComparison(
        n=len(differences), difference=float(means[-1]), spread=float(spreads[-1]), low=low, high=high
    )


def half_width(n: int, spread: float) -> float:
    """Return half of the interval after n turns, at least 1."""
    return _width(n) * spread


@cache
def _width(n: int) -> float:
    """Return half of the interval after n turns of spread 1."""
    z = math.sqrt((1 + _PRIOR_TURNS / n) * math.log((1 + n / _PRIOR_TURNS) / (2 - 2 * CONFIDENCE) ** 2))
    return -float(special.stdtrit(_PRIOR_DIFFERENCES + n - 1, special.ndtr(-z))) / math.sqrt(n)


def _running(differences: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean and the spread after each turn."""
    n = np.arange(1, len(differences) + 1)
    means = np.cumsum(differences) / n
    squares = np.cumsum(differences**2) - n * means**2
    prior = _PRIOR_DIFFERENCES * (np.cumsum(variances) / n + _LUCK**2)
    return means, np.sqrt((prior + np.maximum(squares, 0.0)) / (_PRIOR_DIFFERENCES + n - 1))
