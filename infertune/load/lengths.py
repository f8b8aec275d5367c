"""How long prompts and answers are: one length for all, or a distribution of them."""

import math
import re
from dataclasses import dataclass

import numpy as np

from infertune.errors import InvalidInputError

LONGEST = 10_000_000
_MOST_SIGMAS = 3.0
_TEXT = re.compile(r"(?P<first>\d+)(?:\.\.(?P<last>\d+)|~(?P<sigma>\d*\.?\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """A distribution of whole numbers from 1.

    With neither ``sigma`` nor a range every length is ``low``; in a range all are equally likely; with ``sigma`` they
    are lognormal.

    Attributes:
        low: The shortest, or the median of a lognormal one; at least 1.
        high: The longest of a range; equal to ``low`` without one.
        sigma: Standard deviation of the logarithm, above 0; nothing beyond three of them is drawn. 0 without one.
    """

    low: int
    high: int
    sigma: float = 0.0

    def draw(self, n: int, rng: np.random.Generator) -> list[int]:
        """Return ``n`` lengths; fewer are the beginning of more."""
        if self.sigma:
            deviations = np.clip(rng.standard_normal(n), -_MOST_SIGMAS, _MOST_SIGMAS)
            return [max(1, round(self.low * math.exp(self.sigma * float(each)))) for each in deviations]
        # Not rng.integers, which draws other numbers for another n.
        return [self.low + int(share * (self.high - self.low + 1)) for share in rng.random(n)]

    def __str__(self) -> str:
        if self.sigma:
            return f"{self.low}~{self.sigma:g}"
        return f"{self.low}..{self.high}" if self.high != self.low else str(self.low)


def parse(text: str, *, where: str) -> Lengths:
    """Return the lengths that a text means: ``200``, ``100..300``, or ``200~0.5`` (lognormal: median, sigma).

    Args:
        text: As the user wrote it.
        where: What it is the length of, for messages.

    Raises:
        InvalidInputError: It means nothing of these.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(
            f"{where} must be a length such as 200, a range such as 100..300, or a lognormal one such as 200~0.5 "
            f"(median, sigma), not '{text}'"
        )
    low = int(match["first"])
    high = int(match["last"]) if match["last"] else low
    sigma = float(match["sigma"]) if match["sigma"] else 0.0
    if not 1 <= low <= high <= LONGEST:
        raise InvalidInputError(f"{where} must lie between 1 and {LONGEST:,} and rise, not '{text}'")
    if sigma > 2:
        raise InvalidInputError(f"{where}: sigma must be at most 2, not {sigma:g}")
    return Lengths(low=low, high=high, sigma=sigma)
