"""How many times as fast one engine is as another, asked again while the turns go on.

In every turn both are started anew, and the logarithm of the ratio of their seconds is one value. The finals are
looked at after 3, 6, 12, 24 ... turns, and end at the first look that decides. Each look is another chance to be
wrong, so the allowed error of 5% is spent on them by halves: 2.5% at the first, 1.25% at the second and so on (an
error spending function, Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials", with Bonferroni's
bound). At each look Student's interval has the confidence that is left to it; all of them together hold in 95% of all
searches, however long one goes on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from infertune.statistics.intervals import POWER

MARGIN = 0.03  # so much faster is as fast
FIRST_LOOK = 3
ERROR = 0.05
MOST_TURNS = 96  # beyond which nothing is foreseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """How many times as fast one thing is as another.

    Attributes:
        mean: Geometric, over the turns.
        low: Of the interval that holds at 95% over all looks; 0 before the first look.
        high: Likewise; infinite before the first look.
        n_turns: Each with a start of its own.
        turns_to_decide: About how many more would decide; 0 where it is decided, None where no practical number would.
    """

    mean: float
    low: float
    high: float
    n_turns: int
    turns_to_decide: int | None

    @property
    def is_clear(self) -> bool:
        """Whether it is shown to be faster."""
        return self.low > 1.0

    @property
    def is_none(self) -> bool:
        """Whether it is shown to be faster by no more than the margin."""
        return self.high < 1.0 + MARGIN and not self.is_clear


def looks(n_turns: int) -> list[int]:
    """Return after how many turns the finals are looked at, if there are at most so many."""
    return [FIRST_LOOK << look for look in range(32) if FIRST_LOOK << look <= n_turns]


def gain(slower: Sequence[float], faster: Sequence[float]) -> Gain:
    """Return how many times as fast the second is.

    Args:
        slower: Seconds, one for each turn; as many turns as there are at a look, or fewer than at the first.
        faster: Likewise, in the same turns.
    """
    logs = np.log(np.asarray(slower, dtype=np.float64) / np.asarray(faster, dtype=np.float64))
    n, mean = len(logs), float(logs.mean())
    if n < FIRST_LOOK:
        return Gain(mean=math.exp(mean), low=0.0, high=math.inf, n_turns=n, turns_to_decide=FIRST_LOOK - n)
    spread = float(logs.std(ddof=1))
    reach = _reach(spread, n)
    found = Gain(
        mean=math.exp(mean), low=math.exp(mean - reach), high=math.exp(mean + reach), n_turns=n, turns_to_decide=0
    )
    if found.is_clear or found.is_none:
        return found
    away = max(mean, math.log1p(MARGIN) - mean)
    luck = float(special.ndtri(POWER)) * spread
    later = [each for each in looks(MOST_TURNS) if each > n]
    enough = next((each for each in later if _reach(spread, each) + luck / math.sqrt(each) < away), None)
    return replace(found, turns_to_decide=None if enough is None else enough - n)


def _reach(spread: float, n_turns: int) -> float:
    """Return the half width of the interval of the mean logarithm at a look."""
    error = ERROR / 2 ** len(looks(n_turns))
    return float(special.stdtrit(n_turns - 1, 1 - error / 2)) * spread / math.sqrt(n_turns)
