"""Whether one server is better than another, asked after every turn of the finals.

What is compared are the differences d_1 ... d_n of the scores in the turns that both took part in; a score is a
logarithm, so a difference is a ratio. The bounds of their mean

    mean +- s / sqrt(n) t(p),    p = Phi(-z),    z^2 = (1 + r / n) log((1 + n / r) / a^2)

hold at all n at once, so that one may look after each turn and stop when one likes: z is the boundary of the mixture
of normal distributions (Robbins 1970, *Statistical methods related to the law of the iterated logarithm*, section 4)
with r turns' worth of prior, and t(p) the quantile of Student's distribution that leaves as much as the normal one
leaves beyond z. The spread s is known badly after two turns. But each measurement comes with an error of its own, and
two servers of the same settings are known to differ by some percent. So s is estimated from all of it (moderated t;
Smyth 2004, equation 2): as if f earlier differences had had the spread s_0 of those errors and 10% of luck,

    s^2 = (f s_0^2 + sum_i (d_i - mean)^2) / (f + n - 1),    f + n - 1 degrees of freedom.

With normal differences whose true spread is s_0, a bound was wrong at any of 60 turns in 1.3% of 40,000 simulations;
where the true spread is 1.5 times s_0 in 3.7%, where it is twice s_0 in 6.8% (`tests/serving/test_comparison.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

CONFIDENCE = 0.95
MARGIN = 0.05  # within which one server is as good as another
FEWEST_TURNS = 2
_PRIOR_TURNS = 1.0  # r
_PRIOR_DIFFERENCES = 6.0  # f
_LUCK = 0.1  # of a difference: servers that start again, and loads that queue otherwise
_MOST_TURNS = 10_000  # beyond which nothing is foreseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One server against another, in scores.

    Attributes:
        n: Turns that both have a score of.
        difference: Mean of the one's score less the other's.
        spread: Of the difference in one turn.
    """

    n: int
    difference: float
    spread: float

    @property
    def low(self) -> float:
        """Lower bound of the difference, at 95% and at any number of turns."""
        return self.difference - self._half(self.n)

    @property
    def high(self) -> float:
        """Upper bound likewise."""
        return self.difference + self._half(self.n)

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
            low, high = (low, middle) if self._half(middle) < gap else (middle, high)
        return high - self.n

    def _half(self, n: int) -> float:
        if not n:
            return math.inf
        z = math.sqrt((1 + _PRIOR_TURNS / n) * math.log((1 + n / _PRIOR_TURNS) / (1 - CONFIDENCE) ** 2))
        quantile = -float(special.stdtrit(_PRIOR_DIFFERENCES + n - 1, special.ndtr(-z)))
        return quantile * self.spread / math.sqrt(n)


def compared(differences: Sequence[float], errors: Sequence[float]) -> Comparison:
    """Return the comparison after some turns.

    Args:
        differences: Of the scores, one for each turn that both have one of; may be empty.
        errors: Standard deviation that the measurements themselves say each difference has, above 0.
    """
    n = len(differences)
    if not n:
        return Comparison(n=0, difference=0.0, spread=math.inf)
    mean = float(np.mean(differences))
    squares = float(np.sum((np.array(differences) - mean) ** 2))
    prior = _PRIOR_DIFFERENCES * (float(np.mean(np.square(errors))) + _LUCK**2)
    return Comparison(n=n, difference=mean, spread=math.sqrt((prior + squares) / (_PRIOR_DIFFERENCES + n - 1)))
