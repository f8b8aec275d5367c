"""What more samples gain over one: the utility of every choice of n and voter less that of its base.

A vote among nine is seldom much better or worse here than there, so that little evidence of it tells a lot, and most
configurations can be judged by a few samples. The gain of each choice is a Gaussian process over configurations with
the correlations of the utility; under greedy decoding, of which all samples are equal, it is 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from infertune.allocators.aligned import Aligned
from infertune.estimators import FloatArray

_PRIOR_SPREAD = 0.05  # of a gain between configurations
_PRIOR_PIECES = 2.0  # pieces of evidence that this is worth
_NO_NOISE = 1e-4


class Gains:
    """Fits the gains in N pieces of evidence.

    Args:
        side: The evidence.
        correlation: Of the configurations, ``[N, N]``.
        counts: Examples of each piece, ``[N]``.
    """

    def __init__(self, side: Aligned, correlation: FloatArray, counts: FloatArray) -> None:
        self._n = side.n
        greedy = np.isinf(side.n_samples)
        self._spread = np.zeros(len(side.n))
        self._groups: dict[int, _Group] = {}
        for n in np.unique(side.n[~side.is_base]).tolist():
            choices = np.flatnonzero((side.n == n) & ~side.is_base)
            sampled = np.all(side.had[:, choices], axis=1) & ~greedy
            if sampled.any():
                rows = np.flatnonzero(sampled | greedy)
                self._groups[n] = group = _group(side, correlation, counts, rows, choices, sampled[rows])
                self._spread[choices] = np.sqrt(group.variance)

    def means(self, correlation: FloatArray) -> FloatArray:
        """Return the expected gains ``[m, R]`` at points with these correlations ``[N, m]``."""
        found = np.zeros((correlation.shape[1], len(self._n)))
        for each in self._groups.values():
            found[:, each.choices] = each.centre + correlation[each.rows].T @ each.alpha
        return found

    def changes(
        self,
        choices: NDArray[np.intp],
        correlation: FloatArray,
        between: FloatArray,
        counts: FloatArray,
        n_samples: NDArray[np.intp],
        rival: FloatArray,
        its_choice: int,
    ) -> tuple[FloatArray, FloatArray]:
        """Return variances of the difference in gain to a rival: what orders resolve, and all.

        Args:
            choices: What is compared, of each order's configuration, ``[m, K]``.
            correlation: Of the orders' configurations with the evidence, ``[N, m]``.
            between: Of them with the rival, ``[m]``.
            counts: Examples of each order, ``[m]``.
            n_samples: Of each that can be bought, ``[n_options]``.
            rival: Its correlations with the evidence, ``[N, 1]``.
            its_choice: With which it is compared.

        Returns:
            ``[m, K, n_options]`` and ``[m, K]``.
        """
        resolved = np.zeros((*choices.shape, len(n_samples)))
        total = np.zeros(choices.shape)
        for n, group in self._groups.items():
            at = np.isin(choices, group.choices)
            if not at.any():
                continue
            own = linalg.solve_triangular(group.lower, correlation[group.rows], lower=True, check_finite=False)
            its = linalg.solve_triangular(group.lower, rival[group.rows], lower=True, check_finite=False)
            left = np.maximum(1.0 - (own * own).sum(axis=0), 0.0)[:, None]
            shared = (between - its[:, 0] @ own)[:, None]
            its_left = max(1.0 - float((its * its).sum()), 0.0)
            observed = left + group.noise / counts[:, None] + _NO_NOISE
            mine = np.where(at, self._spread[choices], 0.0)
            other = np.where(at, self._spread[its_choice], 0.0)
            whole = np.maximum(mine**2 * left + other**2 * its_left - 2 * mine * other * shared, 0.0)
            seen = np.minimum((mine * left - other * shared) ** 2 / observed, whole)
            total += whole
            resolved += np.where(n_samples >= n, seen[:, :, None], 0.0)
        return resolved, total


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """The choices of one n, given the pieces of evidence that have it: variances are in units of each one's."""

    rows: NDArray[np.intp]
    choices: NDArray[np.intp]
    centre: FloatArray
    variance: FloatArray
    noise: float
    lower: FloatArray
    alpha: FloatArray


def _group(
    side: Aligned,
    correlation: FloatArray,
    counts: FloatArray,
    rows: NDArray[np.intp],
    choices: NDArray[np.intp],
    sampled: NDArray[np.bool_],
) -> _Group:
    gains = side.gains[np.ix_(rows, choices)]
    weights = np.where(sampled, counts[rows], 0.0)
    n = float(sampled.sum())
    centre = (weights @ gains) / weights.sum() * n / (n + 1.0)  # without evidence, nothing is gained
    example = side.gain_variances[choices]
    seen = np.maximum(
        (weights[:, None] * (gains - centre) ** 2).sum(axis=0) / weights.sum() - example / weights[sampled].mean(), 0.0
    )
    variance = (_PRIOR_PIECES * _PRIOR_SPREAD**2 + n * seen) / (_PRIOR_PIECES + n)
    noise = float(example.mean() / variance.mean())
    own = np.where(sampled, noise / counts[rows], 0.0) + _NO_NOISE
    lower = linalg.cholesky(correlation[np.ix_(rows, rows)] + np.diag(own), lower=True, check_finite=False)
    alpha = linalg.cho_solve((lower, True), gains - centre, check_finite=False)
    return _Group(rows=rows, choices=choices, centre=centre, variance=variance, noise=noise, lower=lower, alpha=alpha)
