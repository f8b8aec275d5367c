"""What more samples gain: the utility of every choice of n and voter less that with the next smaller n.

A vote among nine is seldom much better or worse here than there, so that little evidence of it tells a lot, and most
configurations can be judged by a few samples. A choice is its base and the gains of all steps up to its n: so evidence
with three samples says as much of nine as of three, and what nine gain over three is told by evidence that has both.

Samples that hardly differ gain nothing. So a gain is modelled as variety (`left_by_settings`) times a Gaussian process
over configurations with the correlations of the utility, about a common mean that is not known either.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from infertune.allocators.knowledge_gradient.evidence_table import EvidenceTable
from infertune.allocators.surrogates.left_by_settings import variety
from infertune.types import Configuration
from infertune.types.arrays import FloatArray

# In units of the scores seen:
_PRIOR_MEAN = 0.05  # standard deviation of the common mean of what any number of samples gain
_PRIOR_SPREAD = 0.05  # of that between configurations
_PRIOR_EXAMPLE = 0.03  # variance of one example's gain
_PRIOR_PIECES = 2.0  # pieces of evidence that the spread is worth
_PRIOR_EXAMPLES = 24.0  # that the variance of one is worth
_NO_NOISE = 1e-4


def varieties(configurations: Sequence[Configuration]) -> FloatArray:
    """Return how far the samples of an example may differ, 0 to 1; ``[n]``."""
    return np.array([variety(each) for each in configurations])


class Gains:
    """Fits the gains in N pieces of evidence.

    Args:
        side: The evidence.
        correlation: Of the configurations, ``[N, N]``.
        counts: Examples of each piece, ``[N]``.
        variety: Likewise.
    """

    def __init__(self, side: EvidenceTable, correlation: FloatArray, counts: FloatArray, variety: FloatArray) -> None:
        self._ladder = side.ladder
        self._steps: dict[int, _Step] = {}
        before = 1
        for n in np.unique(side.n[~side.is_base]).tolist():
            # The variance of a mean of n falls with 1 / n, and so does what there is to gain.
            share, before = 1.0 / before - 1.0 / n, n
            choices = np.flatnonzero((side.n == n) & ~side.is_base)
            rows = np.flatnonzero(np.all(side.had[:, choices], axis=1) & (variety > 0))
            self._steps[n] = _step(side, correlation, counts, variety, rows, choices, share)

    def means(self, correlation: FloatArray, variety: FloatArray) -> FloatArray:
        """Return the expected gains of choices over their bases, ``[m, R]``.

        Args:
            correlation: Of m points with the evidence, ``[N, m]``.
            variety: Of the points, ``[m]``.
        """
        found = np.zeros((correlation.shape[1], len(self._ladder)))
        for each in self._steps.values():
            found[:, each.choices] = each.covariance(correlation, variety).T @ each.alpha
        return np.asarray(found @ self._ladder.T)

    def changes(
        self,
        choices: NDArray[np.intp],
        correlation: FloatArray,
        variety: FloatArray,
        between: FloatArray,
        counts: FloatArray,
        n_samples: NDArray[np.intp],
        rival: FloatArray,
        its_variety: float,
        its_choice: int,
    ) -> tuple[FloatArray, FloatArray]:
        """Return variances of the difference in gain to a rival: what orders resolve, and all.

        Args:
            choices: What is compared, of each order's configuration, ``[m, K]``.
            correlation: Of the orders' configurations with the evidence, ``[N, m]``.
            variety: Of them, ``[m]``.
            between: Their correlation with the rival, ``[m]``.
            counts: Examples of each order, ``[m]``.
            n_samples: Of each that can be bought, ``[n_options]``.
            rival: Its correlations with the evidence, ``[N, 1]``.
            its_variety: Of it.
            its_choice: With which it is compared.

        Returns:
            ``[m, K, n_options]`` and ``[m, K]``.
        """
        resolved = np.zeros((*choices.shape, len(n_samples)))
        total = np.zeros(choices.shape)
        for n, step in self._steps.items():
            spread = self._ladder[:, step.choices] @ np.sqrt(step.variance)
            mine, other = spread[choices], spread[its_choice]
            if not (mine.any() or other):
                continue
            own = step.root(correlation, variety)
            its = step.root(rival, np.array([its_variety]))
            prior = 1.0 + step.common
            left = np.maximum(prior * variety**2 - (own * own).sum(axis=0), 0.0)[:, None]
            shared = ((between + step.common) * variety * its_variety - its[:, 0] @ own)[:, None]
            its_left = max(prior * its_variety**2 - float((its * its).sum()), 0.0)
            observed = left + step.noise / counts[:, None] + _NO_NOISE
            whole = np.maximum(mine**2 * left + other**2 * its_left - 2 * mine * other * shared, 0.0)
            seen = np.minimum((mine * left - other * shared) ** 2 / observed, whole)
            total += whole
            resolved += np.where(n_samples >= n, seen[:, :, None], 0.0)
        return resolved, total


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Step:
    """The gains of one n over the next smaller one, given the pieces of evidence that have it.

    Variances are in units of ``variance``, that of each choice's gain between configurations, ``[n_choices]``.
    """

    rows: NDArray[np.intp]
    choices: NDArray[np.intp]
    variety: FloatArray
    common: float
    variance: FloatArray
    noise: float
    lower: FloatArray
    alpha: FloatArray

    def covariance(self, correlation: FloatArray, variety: FloatArray) -> FloatArray:
        """Return that of the evidence with m points, from their correlations ``[N, m]`` and variety ``[m]``."""
        return np.asarray(self.variety[:, None] * (self.common + correlation[self.rows]) * variety)

    def root(self, correlation: FloatArray, variety: FloatArray) -> FloatArray:
        covariance = self.covariance(correlation, variety)
        return np.asarray(linalg.solve_triangular(self.lower, covariance, lower=True, check_finite=False))


def _step(
    side: EvidenceTable,
    correlation: FloatArray,
    counts: FloatArray,
    variety: FloatArray,
    rows: NDArray[np.intp],
    choices: NDArray[np.intp],
    share: float,
) -> _Step:
    gains, counts, variety = side.gains[np.ix_(rows, choices)], counts[rows], variety[rows]
    weight = max(float((counts * variety**2).sum()), 1e-9)
    n = len(rows)
    centre = (counts * variety) @ gains / weight * n / (n + 1.0)
    free = float(counts.sum()) - n
    example = (side.gain_squares[choices] + _PRIOR_EXAMPLES * _PRIOR_EXAMPLE * side.unit**2) / (free + _PRIOR_EXAMPLES)
    squares = counts @ (gains - variety[:, None] * centre) ** 2
    seen = np.maximum((squares - n * example) / weight, 0.0)
    variance = (_PRIOR_PIECES * share * (_PRIOR_SPREAD * side.unit) ** 2 + n * seen) / (_PRIOR_PIECES + n)
    noise = float(example.mean() / variance.mean())
    common = share * (_PRIOR_MEAN * side.unit) ** 2 / float(variance.mean())
    covariance = variety[:, None] * (common + correlation[np.ix_(rows, rows)]) * variety
    lower = linalg.cholesky(covariance + np.diag(noise / counts + _NO_NOISE), lower=True, check_finite=False)
    alpha = linalg.cho_solve((lower, True), gains, check_finite=False)
    return _Step(
        rows=rows,
        choices=choices,
        variety=variety,
        common=common,
        variance=variance,
        noise=noise,
        lower=lower,
        alpha=alpha,
    )
