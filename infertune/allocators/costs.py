"""Tokens per request under every replay choice, learned from a handful of examples, also of what was never bought.

The logarithm of the cost is a Gaussian process over configurations, observed as in `gaussian_process`: examples have
lengths of their own, which cancel where they are shared. Four examples tell a cost within a few percent of another's.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from infertune.allocators.gaussian_process import kernel
from infertune.estimators import FloatArray

_THETA_NUMBER = 0.5
_THETA_LABEL = 3.0  # prompts have little to say about each other's length
_OWN = 0.25  # of the variance of one example's logarithm, what other configurations do not share
_LEAST_VARIANCE = 0.05
_JITTER = 1e-6


class Costs:
    """Fits the costs of N pieces of evidence.

    Args:
        differences: ``[n_axes, N, N]`` of their configurations, labels last.
        overlaps: ``[N, N]``.
        n_labels: How many of the axes are labels.
        costs: Mean tokens per request, ``[N, R]``.
        had: Which choices a piece has, likewise.
        length_variance: Of the logarithm of one example's tokens.
    """

    def __init__(
        self,
        differences: FloatArray,
        overlaps: FloatArray,
        n_labels: int,
        costs: FloatArray,
        had: NDArray[np.bool_],
        length_variance: float,
    ) -> None:
        self._theta = np.full(len(differences), _THETA_NUMBER)
        self._theta[len(differences) - n_labels :] = _THETA_LABEL
        self._values = np.log(costs)
        own = np.diag(_OWN * length_variance * np.diag(overlaps) + _JITTER)
        self._noise = (1 - _OWN) * length_variance * overlaps + own
        self._correlation = kernel(self._theta, differences)
        self._had = had

    def at(self, differences: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the expected tokens ``[m, R]`` and their relative standard deviation, likewise.

        Args:
            differences: ``[n_axes, N, m]`` between the pieces' configurations and those asked for.
        """
        correlation = kernel(self._theta, differences)
        shape = (correlation.shape[1], self._had.shape[1])
        means, spreads = np.zeros(shape), np.zeros(shape)
        patterns: dict[tuple[bool, ...], list[int]] = {}
        for choice, column in enumerate(self._had.T.tolist()):
            patterns.setdefault(tuple(column), []).append(choice)
        for pattern, choices in patterns.items():
            rows = np.flatnonzero(pattern)
            values = self._values[rows][:, choices]
            centre = values.mean(axis=0)
            variance = max(float(((values - centre) ** 2).mean()), _LEAST_VARIANCE)
            covariance = variance * self._correlation[np.ix_(rows, rows)] + self._noise[np.ix_(rows, rows)]
            factor = linalg.cho_factor(covariance, lower=True, check_finite=False)
            cross = variance * correlation[rows]
            means[:, choices] = centre + cross.T @ linalg.cho_solve(factor, values - centre, check_finite=False)
            half = linalg.solve_triangular(factor[0], cross, lower=True, check_finite=False)
            spread = np.sqrt(np.maximum(variance - np.einsum("ij,ij->j", half, half), 1e-8))
            spreads[:, choices] = spread[:, None]
        return np.exp(means), spreads
