"""Where settings start and hold out, learnt from those that did and did not; a failure stays a failure with a cause.

The chance that a configuration is feasible is a weighted share of the tried ones that were,

    P(x) = (prior + sum_i w_i feasible_i) / (prior + 1 + sum_i w_i),   w_i = exp(-sum_d theta_d delta_d(x, x_i)),

a Nadaraya-Watson estimate (Nadaraya 1964) shrunk to an optimistic prior, in the coordinates of the Gaussian process.
Which settings matter (theta) is chosen by the likelihood of each trial under all the others: a want of memory that
hangs on one setting is learnt as that. Classes of failure are told apart by the same weights. Nothing is repaired: a
configuration runs as it is or is not run.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.allocators.coordinates import Coordinates
from infertune.allocators.gaussian_process import kernel
from infertune.configuration import Configuration
from infertune.errors import EngineError
from infertune.estimators import FloatArray
from infertune.space import SearchSpace

IN_A_ROW = 3  # failures of one class that end the search
_PRIOR = 3.0  # feasible against 1 that is not
_RELEVANCES = (0.0, 2.0, 12.0)
_ALIKE = 4.0  # theta of every setting before anything is learnt
_SWEEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a configuration.

    Attributes:
        failure: The class of its failure; empty when it ran.
        line: What shows it.
    """

    configuration: Configuration
    failure: str = ""
    line: str = ""


class SearchStopped(EngineError):
    """The same failure came again and again: something is wrong that no setting of the space mends."""


def check(outcomes: Sequence[Outcome]) -> None:
    """Raise `SearchStopped` when the last three outcomes are failures of one class.

    Args:
        outcomes: In the order in which they were tried.
    """
    last = outcomes[-IN_A_ROW:]
    kinds = {outcome.failure for outcome in last}
    if len(last) < IN_A_ROW or len(kinds) > 1 or "" in kinds:
        return
    common = {
        name: value
        for name, value in last[0].configuration.items()
        if all(outcome.configuration.get(name) == value for outcome in last)
    }
    said = ", ".join(f"{name.removeprefix('engine.')}={value}" for name, value in common.items()) or "no value"
    raise SearchStopped(
        f"{IN_A_ROW} servers in a row failed in the same way ({last[-1].failure}): {last[-1].line}; what they had in "
        f"common: {said}; fix that, or leave such values out with --set"
    )


class Feasibility:
    """The estimate after some outcomes.

    Args:
        space: Of the configurations.
        outcomes: All so far.
    """

    def __init__(self, space: SearchSpace, outcomes: Sequence[Outcome]) -> None:
        self._coordinates = Coordinates(space)
        self._outcomes = outcomes
        self._points = self._coordinates.points([outcome.configuration for outcome in outcomes])
        self._feasible = np.array([not outcome.failure for outcome in outcomes], dtype=np.float64)
        self._theta = np.full(self._coordinates.n_axes, _ALIKE)
        if 0 < self._feasible.sum() < len(outcomes):
            self._theta = self._learnt()

    def chances(self, configurations: Sequence[Configuration]) -> FloatArray:
        """Return the chance that each starts and holds out, in (0, 1)."""
        return self._shares(self._weights(configurations))

    def likely_failure(self, configuration: Configuration) -> str:
        """Return the class of failure that is most likely if it fails; empty where none was seen."""
        weights = self._weights([configuration])[:, 0]
        sums: dict[str, float] = defaultdict(float)
        for outcome, weight in zip(self._outcomes, weights, strict=True):
            if outcome.failure:
                sums[outcome.failure] += float(weight)
        return max(sums, key=lambda kind: sums[kind]) if sums else ""

    def _weights(self, configurations: Sequence[Configuration]) -> FloatArray:
        points = self._coordinates.points(configurations)
        return kernel(self._theta, self._coordinates.differences(self._points, points))

    def _shares(self, weights: FloatArray) -> FloatArray:
        return np.asarray((_PRIOR + self._feasible @ weights) / (_PRIOR + 1 + weights.sum(axis=0)))

    def _learnt(self) -> FloatArray:
        """Return the relevances of highest leave-one-out likelihood, one axis at a time."""
        differences = self._coordinates.differences(self._points, self._points)
        theta = self._theta.copy()
        best = self._likelihood(theta, differences)
        for _ in range(_SWEEPS):
            for axis in range(len(theta)):
                for relevance in _RELEVANCES:
                    tried = theta.copy()
                    tried[axis] = relevance
                    found = self._likelihood(tried, differences)
                    if found > best + 1e-9:
                        theta, best = tried, found
        return theta

    def _likelihood(self, theta: FloatArray, differences: FloatArray) -> float:
        weights = kernel(theta, differences)
        np.fill_diagonal(weights, 0.0)
        shares = self._shares(weights)
        return float(np.log(np.where(self._feasible > 0, shares, 1 - shares)).sum())
