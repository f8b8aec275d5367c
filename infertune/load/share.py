"""A share of requests, with its Wilson interval (E. B. Wilson, JASA 22 (1927), 209-212)."""

import math
from dataclasses import dataclass

from scipy import special

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """``successes`` of ``n`` with the bounds of the Wilson interval at 95%; all of [0, 1] where n is 0.

    Attributes:
        n: May be no whole number: what clustered observations are worth.
    """

    successes: float
    n: float

    @property
    def mean(self) -> float:
        """The share itself; not a number where n is 0."""
        return self.successes / self.n if self.n else math.nan

    @property
    def low(self) -> float:
        """The lower bound."""
        return self._bounds()[0]

    @property
    def high(self) -> float:
        """The upper bound."""
        return self._bounds()[1]

    def _bounds(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        z2 = float(special.ndtri((1 + CONFIDENCE) / 2)) ** 2
        share = self.successes / self.n
        middle = share + z2 / (2 * self.n)
        half = math.sqrt(z2 * (share * (1 - share) / self.n + z2 / (4 * self.n**2)))
        low, high = (middle - half) / (1 + z2 / self.n), (middle + half) / (1 + z2 / self.n)
        # Exactly 0 and 1 at the ends, where rounding would leave a little.
        return (0.0 if share == 0 else max(0.0, low)), (1.0 if share == 1 else min(1.0, high))
