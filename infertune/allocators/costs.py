"""Tokens per request under every replay choice, learned from a handful of examples, also of what was never bought.

The logarithm of the cost is a Gaussian process over configurations, observed as in `gaussian_process`: examples have
lengths of their own, which cancel where they are shared. Four examples tell a cost within a few percent of another's.
"""

from dataclasses import dataclass

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
        values = np.log(costs)
        own = np.diag(_OWN * length_variance * np.diag(overlaps) + _JITTER)
        noise = (1 - _OWN) * length_variance * overlaps + own
        correlation = kernel(self._theta, differences)
        patterns: dict[tuple[bool, ...], list[int]] = {}
        for choice, column in enumerate(had.T.tolist()):
            patterns.setdefault(tuple(column), []).append(choice)
        self._n_choices = had.shape[1]
        self._groups = [
            self._group(np.flatnonzero(pattern), np.array(choices), values, noise, correlation)
            for pattern, choices in patterns.items()
        ]

    @staticmethod
    def _group(
        rows: NDArray[np.intp],
        choices: NDArray[np.intp],
        values: FloatArray,
        noise: FloatArray,
        correlation: FloatArray,
    ) -> "_Group":
        own = values[rows][:, choices]
        centre = own.mean(axis=0)
        variance = max(float(((own - centre) ** 2).mean()), _LEAST_VARIANCE)
        covariance = variance * correlation[np.ix_(rows, rows)] + noise[np.ix_(rows, rows)]
        factor = linalg.cho_factor(covariance, lower=True, check_finite=False)
        alpha = linalg.cho_solve(factor, own - centre, check_finite=False)
        return _Group(rows=rows, choices=choices, centre=centre, variance=variance, lower=factor[0], alpha=alpha)

    def at(self, differences: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the expected tokens ``[m, R]`` and their relative standard deviation, likewise.

        Args:
            differences: ``[n_axes, N, m]`` between the pieces' configurations and those asked for.
        """
        correlation = kernel(self._theta, differences)
        shape = (correlation.shape[1], self._n_choices)
        means, spreads = np.zeros(shape), np.zeros(shape)
        for group in self._groups:
            cross = group.variance * correlation[group.rows]
            means[:, group.choices] = group.centre + cross.T @ group.alpha
            half = linalg.solve_triangular(group.lower, cross, lower=True, check_finite=False)
            spread = np.sqrt(np.maximum(group.variance - (half * half).sum(axis=0), _JITTER))
            spreads[:, group.choices] = spread[:, None]
        return np.exp(means), spreads


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """The process of the choices that the same pieces of evidence have, given those."""

    rows: NDArray[np.intp]
    choices: NDArray[np.intp]
    centre: FloatArray
    variance: float
    lower: FloatArray
    alpha: FloatArray
