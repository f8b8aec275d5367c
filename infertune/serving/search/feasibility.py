"""Where settings start and hold out, learnt from those that did and did not; a failure stays a failure with a cause.

For each class of failure, such as a want of memory, the chance that a configuration x meets it is a weighted share of
the tried ones that did,

    P(x) = (doubt + sum_i w_i failed_i) / (prior + doubt + sum_i w_i),   w_i = exp(-sum_d theta_d delta_d(x, x_i)),

a Nadaraya-Watson estimate (Nadaraya 1964) shrunk to an optimistic prior, in the coordinates of the Gaussian process.
Which settings matter (theta) is chosen for each class by the likelihood of each trial under all the others: a want of
memory that hangs on one setting is learnt as that. x is feasible when it meets none. Nothing is repaired: a
configuration runs as it is or is not run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.allocators.surrogates.coordinates import Coordinates
from infertune.allocators.surrogates.gaussian_process import kernel
from infertune.errors import EngineError
from infertune.space import SearchSpace
from infertune.types import Configuration
from infertune.types.arrays import FloatArray

IN_A_ROW = 3  # failures of one class that end the search
_PRIOR, _DOUBT = 2.0, 0.2  # trials' worth of others, and of failures of a class, before anything is tried
_RELEVANCES = (0.0, 1.0, 12.0, 60.0)
_ALIKE = 4.0  # theta of every setting before anything is learnt
EXPECTED = 0.5  # chance of running below which a failure is no surprise
_FEWEST = 6  # trials, to learn which settings matter
_PRICE = 0.2  # in log-likelihood, of each setting that matters
_SWEEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOutcome:
    """What became of a configuration.

    Attributes:
        failure: The class of its failure; empty when it ran.
        line: What shows it.
        expected: Whether the failure was more likely than not, by what had been learnt before; the random control
            walks into places that are known to be bad.
    """

    configuration: Configuration
    failure: str = ""
    line: str = ""
    expected: bool = False


class SearchStopped(EngineError):
    """The same failure came again and again: something is wrong that no setting of the space mends."""


def check(outcomes: Sequence[TrialOutcome]) -> None:
    """Raise `SearchStopped` when the last three outcomes are failures of one class.

    Once a server has run, failures that were expected say nothing new and are passed over.

    Args:
        outcomes: In the order in which they were tried.
    """
    has_run = any(not outcome.failure for outcome in outcomes)
    last = [each for each in outcomes if not (has_run and each.expected)][-IN_A_ROW:]
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
        f"common: {said}; fix that, or leave such values out with `settings`"
    )


class Feasibility:
    """The estimate after some outcomes.

    Args:
        space: Of the configurations.
        outcomes: All so far.
    """

    def __init__(self, space: SearchSpace, outcomes: Sequence[TrialOutcome]) -> None:
        self._coordinates = Coordinates(space)
        self._points = self._coordinates.points([outcome.configuration for outcome in outcomes])
        self._differences = self._coordinates.differences(self._points, self._points)
        kinds = sorted({outcome.failure for outcome in outcomes} - {""})
        self._failed = {
            kind: np.array([outcome.failure == kind for outcome in outcomes], dtype=np.float64) for kind in kinds
        }
        self._theta = {kind: self._learnt(failed) for kind, failed in self._failed.items()}

    def chances(self, configurations: Sequence[Configuration]) -> FloatArray:
        """Return the chance that each starts and holds out, in (0, 1]; 1 where nothing has failed yet."""
        found = np.ones(len(configurations))
        for share in self.shares(configurations).values():
            found *= 1 - share
        return found

    def shares(self, configurations: Sequence[Configuration]) -> dict[str, FloatArray]:
        """Return the chance of each class of failure that was seen, in (0, 1)."""
        points = self._coordinates.points(configurations)
        correlation = self._coordinates.correlation
        return {
            kind: _share(correlation(self._theta[kind], self._points, points), failed)
            for kind, failed in self._failed.items()
        }

    def _learnt(self, failed: FloatArray) -> FloatArray:
        """Return the relevances of highest leave-one-out likelihood, one axis at a time."""
        n_axes = self._coordinates.n_axes
        alike = np.full(n_axes, _ALIKE)
        if len(failed) < _FEWEST:
            return alike
        alone = np.eye(n_axes) * max(_RELEVANCES)  # other beginnings: one setting decides all
        theta = max((alike, *alone), key=lambda tried: self._likelihood(tried, failed))
        best = self._likelihood(theta, failed)
        for _ in range(_SWEEPS):
            for axis in range(n_axes):
                for relevance in (*_RELEVANCES, _ALIKE):
                    tried = theta.copy()
                    tried[axis] = relevance
                    found = self._likelihood(tried, failed)
                    if found > best + 1e-9:
                        theta, best = tried, found
        return np.asarray(theta)

    def _likelihood(self, theta: FloatArray, failed: FloatArray) -> float:
        weights = kernel(theta, self._differences)
        np.fill_diagonal(weights, 0.0)
        shares = _share(weights, failed)
        return float(np.log(np.where(failed > 0, shares, 1 - shares)).sum()) - _PRICE * float((theta > 0).sum())


def _share(weights: FloatArray, failed: FloatArray) -> FloatArray:
    return np.asarray((_DOUBT + failed @ weights) / (_PRIOR + _DOUBT + weights.sum(axis=0)))
