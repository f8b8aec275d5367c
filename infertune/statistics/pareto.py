"""What no other beats in both utility and cost."""

import numpy as np
from numpy.typing import NDArray

from infertune.types.arrays import FloatArray


def pareto_front(costs: FloatArray, utilities: FloatArray) -> NDArray[np.intp]:
    """Return the indices of the points that no other beats, cheapest first.

    A point is beaten by one that costs no more and is worth no less, and differs in one of the two; equal points are
    all kept. Takes O(N log N).
    """
    costs, utilities = np.asarray(costs, dtype=np.float64), np.asarray(utilities, dtype=np.float64)
    if costs.shape != utilities.shape or np.isnan(costs).any() or np.isnan(utilities).any():
        raise ValueError("costs and utilities must be numbers, one of each for every point")
    order = np.lexsort((-utilities, costs))
    cost, utility = costs[order], utilities[order]
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(utility)[:-1]])
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (cost[1:] != cost[:-1]) | (utility[1:] != utility[:-1])
    group = np.cumsum(is_new) - 1
    kept = (utility > best_before)[is_new]
    front: NDArray[np.intp] = order[kept[group]]
    return front
