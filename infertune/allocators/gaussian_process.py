"""A Gaussian process for the utility of configurations, observed as means over examples that they share or do not.

The utility of configuration c on example e is modelled as

    u(c) + b(e) + g(e, c) + noise,      u ~ GP(0, v k),  b ~ N(0, beta),  g(e, .) ~ GP(0, gamma k),  noise ~ N(0, own)

so that the means of two pieces of evidence, on the sets E and E' of m and m' examples, have the covariance

    k(c, c') (v + gamma o) + beta o,    o = |E and E'| / (m m')

and each has own / m by itself. The middle terms are what makes common examples right: b cancels in a comparison
(pairing), and g says that similar configurations go wrong on the same examples, so that ten of them on the same twenty
examples are far from two hundred. The kernel is

    k(c, c') = exp(-sum_d theta_d delta_d(c, c'))

with delta the squared difference of numbers, and whether labels differ (Rasmussen and Williams 2006, chapters 2 and 5;
the factor of labels: Hutter et al. 2011). The hyperparameters maximise the posterior under log-normal priors.

Every replay choice has a process of its own. They share the kernel and the ratio of noise to signal, and so one
factorisation; then what the choices say of each other adds nothing (autokrigeability; Wackernagel 2003, chapter 25).
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from infertune.estimators import FloatArray

PRIOR_NUMBER = 1.5  # the median theta of a number: a correlation of 0.69 across half the range
PRIOR_LABEL = 0.7  # two labels correlate by 0.5
PRIOR_SHARES = (0.4, 0.3, 0.3)  # of an example's variance: beta, gamma, own
_LEAST_SIGNAL = 0.2  # of the observed spread, as the prior median of v
_SPREAD = 1.0  # of all logarithms
_REACH = 4.0  # how far the logarithms may go from their priors
_STEPS = 20
_JITTER = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hyperparameters:
    """Theta ``[n_axes]``, and the variances of the model's terms in units of the observed spread."""

    theta: FloatArray
    v: float
    beta: float
    gamma: float
    own: float

    @property
    def example(self) -> float:
        """The variance of one example's score about its configuration's utility."""
        return self.beta + self.gamma + self.own

    def covariance(self, correlation: FloatArray, overlaps: FloatArray) -> FloatArray:
        """Return the covariances of pieces of evidence, but for what each has by itself."""
        return np.asarray(correlation * (self.v + self.gamma * overlaps) + self.beta * overlaps)


def kernel(theta: FloatArray, differences: FloatArray) -> FloatArray:
    """Return the correlations of u; ``differences`` is ``[n_axes, n, m]``."""
    return np.asarray(np.exp(-np.tensordot(theta, differences, axes=1)))


def fit(
    differences: FloatArray,
    overlaps: FloatArray,
    own: FloatArray,
    numbers: FloatArray,
    example_variance: float,
    n_labels: int,
) -> Hyperparameters:
    """Return the hyperparameters of highest posterior density.

    Args:
        differences: ``[n_axes, n, n]``, labels last.
        overlaps: o of each pair, ``[n, n]``; 1 / m on the diagonal.
        own: What each has by itself, ``[n]``, in units of the hyperparameter: 1 / m for samples as many as usual.
        numbers: ``[n, n_numbers]``, what is observed, with mean 0 and variance 1.
        example_variance: The prior median of beta, gamma and own together.
        n_labels: How many of the axes are labels.
    """
    n_axes = len(differences)
    prior = np.full(n_axes, PRIOR_NUMBER)
    prior[n_axes - n_labels :] = PRIOR_LABEL
    signal = max(1.0 - example_variance * float(np.diag(overlaps).mean()), _LEAST_SIGNAL)
    start = np.log(np.concatenate([prior, [signal], example_variance * np.array(PRIOR_SHARES)]))

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        found = _read(logs, n_axes)
        correlation = kernel(found.theta, differences)
        covariance = found.covariance(correlation, overlaps)
        lower = _factor(covariance, found.own * own)
        inverse = linalg.cho_solve((lower, True), np.eye(len(own)), check_finite=False)
        alpha = inverse @ numbers
        n_numbers = numbers.shape[1]
        value = 0.5 * float((numbers * alpha).sum()) + n_numbers * float(np.log(np.diag(lower)).sum())
        weights = 0.5 * (n_numbers * inverse - alpha @ alpha.T)
        smooth = weights * correlation
        shared = smooth * overlaps
        slope = np.empty(len(logs))
        slope[:n_axes] = -found.theta * np.tensordot(differences, found.v * smooth + found.gamma * shared, axes=2)
        slope[n_axes] = found.v * smooth.sum()
        slope[n_axes + 1] = found.beta * (weights * overlaps).sum()
        slope[n_axes + 2] = found.gamma * shared.sum()
        slope[n_axes + 3] = found.own * float(np.diag(weights) @ own)
        away = (logs - start) / _SPREAD
        return value + 0.5 * float(away @ away), slope + away / _SPREAD

    bounds = [(at - _REACH, at + _REACH) for at in start]
    best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    return _read(np.asarray(best.x), n_axes)


def _read(logs: FloatArray, n_axes: int) -> Hyperparameters:
    v, beta, gamma, own = np.exp(logs[n_axes:]).tolist()
    return Hyperparameters(theta=np.exp(logs[:n_axes]), v=v, beta=beta, gamma=gamma, own=own)


def _factor(covariance: FloatArray, own: FloatArray) -> FloatArray:
    return np.asarray(linalg.cholesky(covariance + np.diag(own + _JITTER), lower=True, check_finite=False))


class Posterior:
    """The process, given observations.

    Args:
        found: Hyperparameters.
        correlation: k of the observed pieces of evidence, ``[n, n]``.
        overlaps: o, likewise.
        own: As in `fit`.
        numbers: ``[n, R]``, with mean 0.
    """

    def __init__(
        self,
        found: Hyperparameters,
        correlation: FloatArray,
        overlaps: FloatArray,
        own: FloatArray,
        numbers: FloatArray,
    ) -> None:
        self._found = found
        self._lower = _factor(found.covariance(correlation, overlaps), found.own * own)
        self._alpha = linalg.cho_solve((self._lower, True), numbers, check_finite=False)

    def means(self, correlation: FloatArray) -> FloatArray:
        """Return the expected u ``[m, R]`` at points with these correlations ``[n, m]`` to the observed."""
        return np.asarray(self._found.v * (correlation.T @ self._alpha))

    def root(self, correlation: FloatArray, overlaps: FloatArray | float = 0.0) -> FloatArray:
        """Return ``L^-1`` times the covariances ``[n, m]`` of the observed with u, or with new pieces of evidence.

        Products of two such columns are what the observations take from the covariance of the two.

        Args:
            correlation: ``[n, m]``.
            overlaps: Of the observed with new pieces; 0 for u itself.
        """
        covariance = correlation * (self._found.v + self._found.gamma * overlaps) + self._found.beta * overlaps
        return np.asarray(linalg.solve_triangular(self._lower, covariance, lower=True, check_finite=False))
