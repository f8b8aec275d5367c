"""A test of a mean that may be looked at after every example: betting against the null hypothesis.

A gambler bets a share of his capital on every example, at odds that are fair where the mean is the threshold. Where it
is no larger, the capital is a supermartingale, and the chance that it ever reaches 1 / alpha is at most alpha (Ville
1939): so a test that stops when it does is valid whenever it stops. Waudby-Smith and Ramdas, "Estimating means of
bounded random variables by betting" (2024); the capital here is the mean over a grid of constant bets.
"""

import math
from typing import Literal

import numpy as np

_BETS = np.linspace(0.04, 0.96, 24)  # shares of what would ruin the gambler

Answer = Literal["above", "below"]


class SequentialTest:
    """Tells whether a mean lies above or below a threshold, example by example.

    Args:
        threshold: Strictly within the bounds.
        low: Least value an example can have; ``high`` is the largest.
        alpha: Chance of a wrong answer, ever, whatever the truth and however long it runs; in (0, 1).

    Attributes:
        n: Examples so far.
        answer: ``above`` or ``below`` the threshold once that is shown; None before. It never changes.
    """

    def __init__(self, threshold: float, *, low: float, high: float, alpha: float) -> None:
        if not low < threshold < high:
            raise ValueError(f"the threshold must lie within ({low:g}, {high:g}), but is {threshold:g}")
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must lie in (0, 1), but is {alpha:g}")
        self._threshold, self._low, self._high = threshold, low, high
        self._limit = math.log(1 / alpha)
        self._up = _BETS / (threshold - low)  # 1 + bet (x - threshold) stays above 0 down to x = low
        self._down = _BETS / (high - threshold)
        self._above = np.zeros(len(_BETS))  # logarithms of the capitals of bets that the mean is larger
        self._below = np.zeros(len(_BETS))
        self.n = 0
        self.answer: Answer | None = None

    def see(self, value: float) -> Answer | None:
        """Take one more example into account and return the answer so far.

        Raises:
            ValueError: It lies outside of the bounds.
        """
        if not self._low <= value <= self._high:
            raise ValueError(f"an example must lie in [{self._low:g}, {self._high:g}], but is {value:g}")
        self.n += 1
        self._above += np.log1p(self._up * (value - self._threshold))
        self._below += np.log1p(-self._down * (value - self._threshold))
        if self.answer is None:
            if _mixed(self._above) >= self._limit:
                self.answer = "above"
            elif _mixed(self._below) >= self._limit:
                self.answer = "below"
        return self.answer

    @property
    def evidence(self) -> tuple[float, float]:
        """The capitals, for ``above`` and for ``below``: how many times as much as at the beginning."""
        return math.exp(min(_mixed(self._above), 700.0)), math.exp(min(_mixed(self._below), 700.0))


def _mixed(logarithms: np.ndarray) -> float:
    """Return the logarithm of the mean capital."""
    return float(np.logaddexp.reduce(logarithms)) - math.log(len(logarithms))
