"""A Gaussian process over configurations: u ~ GP(0, v k), observed with noise; its kernel, its fit, its posterior.

    k(c, c') = exp(-sum_d theta_d delta_d(c, c'))

with delta the squared difference of numbers, and whether labels differ (Rasmussen and Williams 2006, chapters 2 and 5;
the factor of labels: Hutter et al. 2011). The hyperparameters maximise the posterior under log-normal priors.

Several numbers observed of the same configurations have a process each. They share the kernel and the ratio of noise
to signal, and so one factorisation; then what they say of each other adds nothing (autokrigeability; Wackernagel 2003,
chapter 25).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from infertune.types.arrays import FloatArray

PRIOR_NUMBER = 1.5  # the median theta of a number: a correlation of 0.69 across half the range
PRIOR_LABEL = 0.7  # two labels correlate by 0.5
JITTER = 1e-6
_SPREAD = 1.0  # of all logarithms
_REACH = 4.0  # how far the logarithms may go from their priors
_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hyperparameters:
    """Theta ``[n_axes]``, and the variances of the signal and of the noise in units of the observed spread."""

    theta: FloatArray
    v: float
    own: float


def kernel(theta: FloatArray, differences: FloatArray) -> FloatArray:
    """Return the correlations of u; ``differences`` is ``[n_axes, n, m]``."""
    return np.asarray(np.exp(-np.tensordot(theta, differences, axes=1)))


def prior_theta(n_axes: int, n_labels: int) -> FloatArray:
    """Return the prior medians of theta; labels come last."""
    return np.array([PRIOR_NUMBER] * (n_axes - n_labels) + [PRIOR_LABEL] * n_labels)


def most_probable(loss: Callable[[FloatArray], tuple[float, FloatArray]], medians: FloatArray) -> FloatArray:
    """Return the positive numbers of highest posterior density under log-normal priors.

    Args:
        loss: Of the logarithms: minus the log likelihood, and its slope.
        medians: Of the priors, where the search begins.
    """
    start = np.log(medians)

    def whole(logs: FloatArray) -> tuple[float, FloatArray]:
        value, slope = loss(logs)
        away = (logs - start) / _SPREAD
        return value + 0.5 * float(away @ away), slope + away / _SPREAD

    bounds = [(at - _REACH, at + _REACH) for at in start]
    best = optimize.minimize(whole, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    return np.asarray(np.exp(best.x))


def fit(differences: FloatArray, own: FloatArray, numbers: FloatArray, noise: float, n_labels: int) -> Hyperparameters:
    """Return the hyperparameters of highest posterior density.

    Args:
        differences: ``[n_axes, n, n]``, labels last.
        own: Variance of the noise of each observation, ``[n]``, in units of the hyperparameter.
        numbers: ``[n, n_numbers]``, what is observed, with mean 0 and variance 1.
        noise: The prior median of that hyperparameter.
        n_labels: How many of the axes are labels.
    """
    n_axes, n_numbers = len(differences), numbers.shape[1]

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        theta, (v, noise) = np.exp(logs[:n_axes]), np.exp(logs[n_axes:])
        correlation = kernel(theta, differences)
        lower = linalg.cholesky(v * correlation + np.diag(noise * own + JITTER), lower=True, check_finite=False)
        inverse = linalg.cho_solve((lower, True), np.eye(len(own)), check_finite=False)
        alpha = inverse @ numbers
        value = 0.5 * float((numbers * alpha).sum()) + n_numbers * float(np.log(np.diag(lower)).sum())
        weights = 0.5 * (n_numbers * inverse - alpha @ alpha.T)
        smooth = v * weights * correlation
        slope = np.empty(len(logs))
        slope[:n_axes] = -theta * np.tensordot(differences, smooth, axes=2)
        slope[n_axes] = smooth.sum()
        slope[n_axes + 1] = noise * float(np.diag(weights) @ own)
        return value, slope

    found = most_probable(loss, np.concatenate([prior_theta(n_axes, n_labels), [1.0, noise]]))
    return Hyperparameters(theta=found[:n_axes], v=float(found[n_axes]), own=float(found[n_axes + 1]))


class Posterior:
    """The process, given observations.

    Args:
        v: Its variance.
        correlation: k of the observed, ``[n, n]``.
        noise: Covariance of the observations about u, likewise.
        numbers: What was observed, ``[n, R]``, with mean 0.
    """

    def __init__(self, v: float, correlation: FloatArray, noise: FloatArray, numbers: FloatArray) -> None:
        self._v = v
        covariance = v * correlation + noise
        covariance[np.diag_indices_from(covariance)] += JITTER
        self._lower = linalg.cholesky(covariance, lower=True, check_finite=False)
        self.alpha = linalg.cho_solve((self._lower, True), numbers, check_finite=False)

    def means(self, correlation: FloatArray) -> FloatArray:
        """Return the expected u ``[m, R]`` at points with these correlations ``[n, m]`` to the observed."""
        return np.asarray(self._v * (correlation.T @ self.alpha))

    def root(self, correlation: FloatArray) -> FloatArray:
        """Return ``L^-1`` times the covariances of the observed with u at such points, ``[n, m]``.

        Products of two columns are what the observations take from the covariance of the two.
        """
        return np.asarray(linalg.solve_triangular(self._lower, self._v * correlation, lower=True, check_finite=False))
