"""Which settings to try next: a Gaussian process on the score about an estimate of the speed, times the chance to run.

The score of settings x is modelled as a + b m(x) + g(x), with m the estimate's score where there is one, a and b by
least squares that hold b near 1, and g a Gaussian process in the coordinates of
`infertune.allocators.surrogates.coordinates`.
What is tried next has the most expected improvement (Mockus 1978; Jones et al. 1998, equation 15) times the chance of
being feasible (Schonlau et al. 1998).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy import special

from infertune.allocators.surrogates.candidates import neighbours
from infertune.allocators.surrogates.coordinates import Coordinates
from infertune.allocators.surrogates.gaussian_process import Posterior, fit, kernel
from infertune.serving.search.feasibility import Feasibility, TrialOutcome
from infertune.space import SearchSpace
from infertune.types import Configuration
from infertune.types.arrays import FloatArray

N_DRAWN = 512
_N_NEAR = 128
_N_PARENTS = 4
_FEWEST = 2  # scores, for a process
_LEAST_SPREAD = 0.05  # of the score
_HOLD = 0.25  # how far b may easily be from 1
_UNKNOWN_SPREAD = 0.5  # of the score about the estimate, before two are measured

Estimate = Callable[[Configuration], float]
"""Of a score, by the speed model; any monotone measure of it will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A measured configuration: its score, and the standard deviation of that."""

    configuration: Configuration
    score: float
    error: float


class Surrogate:
    """What is expected of any configuration.

    Args:
        space: Of all of them.
        scored: One or more.
        estimate: None for a constant.
    """

    def __init__(self, space: SearchSpace, scored: Sequence[Scored], estimate: Estimate | None) -> None:
        self._coordinates = Coordinates(space)
        self._estimate = estimate
        scores = np.array([each.score for each in scored])
        prior = self._prior([each.configuration for each in scored])
        centred = prior - prior.mean()
        ridge = (_LEAST_SPREAD / _HOLD) ** 2
        slope = float((centred @ (scores - scores.mean()) + ridge) / (centred @ centred + ridge))
        self._slope = min(max(slope, 0.0), 1.5) if estimate is not None else 0.0
        self._level = float(scores.mean() - self._slope * prior.mean())
        rest = scores - self._level - self._slope * prior
        self._spread = max(float(rest.std()), _LEAST_SPREAD)
        self._points = self._coordinates.points([each.configuration for each in scored])
        self._posterior: Posterior | None = None
        if len(scored) >= _FEWEST:
            differences = self._coordinates.differences(self._points, self._points)
            errors = np.array([each.error for each in scored]) ** 2
            own = errors / errors.mean()
            numbers = (rest / self._spread)[:, None]
            noise = float(np.clip(errors.mean() / self._spread**2, 1e-3, 1.0))
            self._found = fit(differences, own, numbers, noise, len(self._coordinates.labels))
            correlation = kernel(self._found.theta, differences)
            self._posterior = Posterior(self._found.v, correlation, np.diag(self._found.own * own), numbers)

    def expected(self, configurations: Sequence[Configuration]) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the standard deviation of the score of each."""
        base = self._level + self._slope * self._prior(configurations)
        if self._posterior is None:
            return base, np.full(len(configurations), _UNKNOWN_SPREAD)
        points = self._coordinates.points(configurations)
        correlation = self._coordinates.correlation(self._found.theta, self._points, points)
        root = self._posterior.root(correlation)
        left = np.maximum(self._found.v - (root**2).sum(axis=0), 1e-6)
        return base + self._spread * self._posterior.means(correlation)[:, 0], self._spread * np.sqrt(left)

    def _prior(self, configurations: Sequence[Configuration]) -> FloatArray:
        if self._estimate is None:
            return np.zeros(len(configurations))
        return np.array([self._estimate(each) for each in configurations])


def random_draw(space: SearchSpace, tried: Sequence[Configuration], *, seed: int, number: int) -> Configuration | None:
    """Return a draw from the whole space that was not tried; None where there seems to be none left."""
    rng = np.random.default_rng((seed, number, 41))
    for _ in range(N_DRAWN):
        drawn = space.sample(rng)
        if drawn not in tried:
            return drawn
    return None


def next_configuration(
    space: SearchSpace,
    scored: Sequence[Scored],
    outcomes: Sequence[TrialOutcome],
    *,
    estimate: Estimate | None,
    seed: int,
    number: int,
) -> Configuration | None:
    """Return what promises most among configurations that were not tried; None where there is none left.

    Args:
        space: Of all of them.
        scored: Those with a score; may be empty.
        outcomes: All that were tried, in their order.
        estimate: Of the score; None for none.
        seed: Of the draws, with the number of the trial.
        number: See there.
    """
    tried = {outcome.configuration for outcome in outcomes}
    candidates = [each for each in _candidates(space, scored, seed, number) if each not in tried]
    if not candidates:
        return None
    chances = Feasibility(space, outcomes).chances(candidates) if outcomes else np.ones(len(candidates))
    if not scored:
        worth = np.array([estimate(each) for each in candidates]) if estimate else np.zeros(len(candidates))
        return candidates[int(np.argmax(worth + np.log(chances)))]
    mean, spread = Surrogate(space, scored, estimate).expected(candidates)
    best = max(each.score for each in scored)
    return candidates[int(np.argmax(_log_improvement(mean - best, spread) + np.log(chances)))]


def _log_improvement(gain: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the logarithm of the expected improvement; with its asymptote where it would be 0 in floating point."""
    z = gain / spread
    density = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.log(np.exp(density) + z * special.ndtr(z))
    far = density - 2 * np.log(np.maximum(-z, 1.0))  # pdf(z) / z^2
    return np.asarray(np.where(z > -6, near, far) + np.log(spread))


def _candidates(space: SearchSpace, scored: Sequence[Scored], seed: int, number: int) -> list[Configuration]:
    if space.n_configurations <= 2 * N_DRAWN:
        return list(space.configurations())
    rng = np.random.default_rng((seed, number, 43))
    drawn = [space.sample(rng) for _ in range(N_DRAWN)]
    parents = [each.configuration for each in sorted(scored, key=lambda each: -each.score)[:_N_PARENTS]]
    near = neighbours(space, parents, seed, number, _N_NEAR) if parents else []
    return list(dict.fromkeys(islice((*near, *drawn), N_DRAWN + _N_NEAR)))
