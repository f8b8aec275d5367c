"""Whole numbers of tokens below a log-normal length, and what a limit leaves of them."""

import numpy as np
from scipy.special import ndtr

from infertune.types.arrays import FloatArray


def chance_below(log_length: FloatArray, spread: FloatArray, limit: float) -> FloatArray:
    """Return the chance that a length is below a limit.

    Args:
        log_length: Logarithm of the median.
        spread: Standard deviation of the logarithm; 0 where all are equal.
        limit: Tokens.
    """
    return np.asarray(ndtr((np.log(limit) - log_length) / np.maximum(spread, 1e-12)))


def mean_cut(log_length: FloatArray, spread: FloatArray, max_tokens: int) -> FloatArray:
    """Return the mean of min(length, max_tokens), to half a token: rounding down takes half a one in the mean."""
    deviation = (np.log(max_tokens) - log_length) / np.maximum(spread, 1e-12)
    below = ndtr(deviation)
    within = np.exp(log_length + spread**2 / 2) * ndtr(deviation - spread) - 0.5 * below
    return np.asarray(within + max_tokens * (1 - below))
