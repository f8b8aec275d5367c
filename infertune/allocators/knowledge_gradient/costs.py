"""Tokens per request under every replay choice, learned from a handful of examples, also of what was never bought.

A request costs its prompt and what is generated: so much under the base of a choice, and so many times that under the
choice, as the evidence shows. The logarithms of prompt and base are Gaussian processes over configurations, observed
as in `crossed_process`: examples have lengths of their own, which cancel where they are shared. Four examples tell a
cost within a few percent of another's.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from infertune.allocators.surrogates.coordinates import Coordinates
from infertune.types.arrays import FloatArray

_THETA_NUMBER = 0.5
_THETA_LABEL = 3.0  # prompts have little to say about each other's length
_OWN = 0.25  # of the variance of one example's logarithm, what other configurations do not share
_LEAST_TOKENS = 1e-3  # of a prompt that no two samples share
_LEAST_VARIANCE = 0.05
_JITTER = 1e-6


def relevances(axes: Coordinates) -> FloatArray:
    """Return theta of the kernel of lengths, ``[n_axes]``."""
    return np.array([_THETA_NUMBER] * len(axes.numbers) + [_THETA_LABEL] * len(axes.labels))


class Costs:
    """Fits the lengths in N pieces of evidence.

    Args:
        correlation: Of their configurations, by the kernel with `relevances`, ``[N, N]``.
        overlaps: Likewise, of their examples.
        prompts: Mean prompt tokens of a request, ``[N]``.
        generated: Mean tokens generated under each base, ``[N, B]``.
        length_variance: Of the logarithm of what one example takes.
    """

    def __init__(
        self,
        correlation: FloatArray,
        overlaps: FloatArray,
        prompts: FloatArray,
        generated: FloatArray,
        length_variance: float,
    ) -> None:
        values = np.log(np.maximum(np.column_stack([prompts, generated]), _LEAST_TOKENS))
        self._centre = values.mean(axis=0)
        centred = values - self._centre
        self._variance = max(float((centred**2).mean()), _LEAST_VARIANCE)
        covariance = self._variance * correlation + (1 - _OWN) * length_variance * overlaps
        covariance[np.diag_indices_from(covariance)] += _OWN * length_variance * np.diag(overlaps) + _JITTER
        self._lower = linalg.cholesky(covariance, lower=True, check_finite=False)
        self._alpha = linalg.cho_solve((self._lower, True), centred, check_finite=False)

    def at(self, correlation: FloatArray, growth: FloatArray, base: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Return the expected tokens ``[m, R]`` and their relative standard deviation, likewise.

        Args:
            correlation: Of the evidence with the configurations asked for, ``[N, m]``.
            growth: How many times as much as its base each of R choices generates.
            base: Column of ``generated`` of each.
        """
        cross = self._variance * correlation
        lengths = np.exp(self._centre + cross.T @ self._alpha)
        half = linalg.solve_triangular(self._lower, cross, lower=True, check_finite=False)
        spread = np.sqrt(np.maximum(self._variance - np.einsum("nm,nm->m", half, half), _JITTER))
        generated = growth * lengths[:, 1:][:, base]
        tokens = lengths[:, :1] + generated
        return tokens, spread[:, None] * generated / tokens
