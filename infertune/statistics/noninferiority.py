"""Whether one configuration is worse than another by no more than a margin that was named before.

Not finding a difference does not show that there is none. A test of non-inferiority turns the question round: the
hypothesis to be refuted is that the new configuration loses the margin or more, and it is refuted where the lower
bound of the difference (new minus old) lies above minus the margin (Walker and Nowacki 2011, "Understanding
Equivalence and Noninferiority Testing", doi 10.1007/s11606-010-1513-8).

Differences are paired by example. Each bound is that of `infertune.statistics.intervals`, with one change: where
losses are rare,
fewer of them than there should be also make their spread look small, and the bound too sure. So the spread is taken
where the hypothesis puts it, as a score test does (Tango 1998, Statistics in Medicine 17:891-908): that of the same
differences, weighted so that their mean is minus the margin.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special

from infertune.errors import InvalidInputError
from infertune.statistics.intervals import POWER, Interval, half_width, more_until, paired_difference
from infertune.types.arrays import FloatArray

Answer = Literal["not worse", "worse", "undecided"]

_STEEPEST = 200.0  # of the weights' exponent: beyond it all the weight lies on one value


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority:
    """One test.

    Attributes:
        answer: ``not worse``: the lower bound lies above minus the margin. ``worse``: the upper bound lies below it.
        difference: New minus old; each of its bounds holds by itself with ``confidence``.
        margin: In utility, above 0.
        confidence: Of either answer; in (0, 1).
        examples_to_decide: About how many more examples would decide; 0 where it is decided, None where no practical
            number would, for the difference that was seen is about the margin.
    """

    answer: Answer
    difference: Interval
    margin: float
    confidence: float
    examples_to_decide: int | None


def non_inferiority(new: FloatArray, old: FloatArray, *, margin: float, confidence: float = 0.95) -> NonInferiority:
    """Test scores of one configuration against those of another on the same examples.

    Args:
        new: Scores in [0, 1]; shape ``[n_examples]``.
        old: Of the same examples in the same order.
        margin: The loss of mean utility that would be too much, in (0, 1).
        confidence: How often, about, a configuration that loses just the margin is not called ``not worse``.

    Raises:
        InvalidInputError: The margin is none.
    """
    check_margin(margin)
    seen = paired_difference(new, old)  # checks the scores
    differences = np.asarray(new, dtype=np.float64) - np.asarray(old, dtype=np.float64)
    mean, n = seen.mean, seen.n
    if n == 1:
        return NonInferiority(
            answer="undecided", difference=seen, margin=margin, confidence=confidence, examples_to_decide=None
        )
    spread = max(float(differences.std(ddof=1)), _spread_at(differences, -margin))
    difference = Interval(
        mean=mean,
        low=max(-1.0, mean - half_width(spread, n, 1.0 + mean, confidence, sides=1)),
        high=min(1.0, mean + half_width(spread, n, 1.0 - mean, confidence, sides=1)),
        n=n,
    )
    if difference.low > -margin:
        answer: Answer = "not worse"
    elif difference.high < -margin:
        answer = "worse"
    else:
        answer = "undecided"
    luck = float(special.ndtri(POWER)) * spread
    unseen = 1.0 + mean if mean > -margin else 1.0 - mean

    def decides(n_examples: int) -> bool:
        reach = half_width(spread, n_examples, unseen, confidence, sides=1) + luck / math.sqrt(n_examples)
        return reach < abs(mean + margin)

    return NonInferiority(
        answer=answer,
        difference=difference,
        margin=margin,
        confidence=confidence,
        examples_to_decide=more_until(decides, n) if answer == "undecided" else 0,
    )


def check_margin(margin: float) -> None:
    """Raise InvalidInputError unless it is a share of the utility that could be lost."""
    if not 0 < margin < 1:
        raise InvalidInputError(f"the margin must be a loss of utility above 0 and below 1, not {margin:g}")


def _spread_at(differences: FloatArray, mean: float) -> float:
    """Return the spread of the differences under the exponential weights that give them a mean; 0 where none do."""
    away = differences - mean
    if not away.min() < 0 < away.max():
        return 0.0

    def weights(slope: float) -> FloatArray:
        raised: FloatArray = np.exp(slope * away - np.max(slope * away))
        shares: FloatArray = raised / raised.sum()
        return shares

    def missed(slope: float) -> float:
        return float(weights(slope) @ away)

    if missed(-_STEEPEST) * missed(_STEEPEST) >= 0:
        return 0.0
    slope = float(optimize.brentq(missed, -_STEEPEST, _STEEPEST, xtol=1e-6))
    return math.sqrt(float(weights(slope) @ away**2))
