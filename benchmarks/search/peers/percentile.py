"""Percentiles for scikit-learn's trees: the same values, sooner.

CQR fits five gradient boosted ensembles an ask, and every leaf of theirs is a percentile. scikit-learn finds it for
any weights in any library of arrays, which is more than half of the time of an ask. Where all weights are one, as they
are here, it is an element of the sorted values.
"""

from collections.abc import Callable

import numpy as np

Percentile = Callable[[np.ndarray, np.ndarray, float], float]


def even(general: Percentile) -> Percentile:
    """Return a weighted percentile that finds the element itself where the weights are one, and else asks ``general``.

    Args:
        general: Of values (n,), weights (n,) and a rank in [0, 100]: the least value that has at least that share of
            the weights at or below it.
    """

    def percentile(values: np.ndarray, weights: np.ndarray, rank: float) -> float:
        if values.ndim != 1 or (weights != 1).any() or np.isnan(values).any():
            return general(values, weights, rank)
        n = len(values)
        at = min(int(np.ceil(rank / 100 * n)) - 1, n - 1) if rank > 0 else 0  # the product rounded as there
        return float(np.partition(values, at)[at])

    return percentile


def hasten() -> None:
    """Have scikit-learn use it for its losses."""
    from sklearn._loss import loss

    loss._weighted_percentile = even(loss._weighted_percentile)
