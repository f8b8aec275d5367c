"""A Gaussian process for the utility of configurations, observed on examples that they share or do not.

The utility of configuration c on example e is modelled as

    u(c) + b(e) + g(e, c) + noise,    u ~ GP(0, v k),  b ~ N(0, beta),  g(e, .) ~ GP(0, gamma h),  noise ~ N(0, own)

The middle terms make common examples right. b, how difficult an example is, is known the better the more
configurations were asked it, and cancels in a comparison. g says that similar configurations go wrong on the same
examples, so that ten of them on the same twenty examples are far from two hundred. Its kernel h has lengths of its
own: how soon two settings disagree on an example says little of how soon they differ in worth, and there are far more
examples than configurations to tell the former by.

The scores have the covariance S = beta + gamma h + own within an example (`crossed`), and none across but by u. So the
likelihood and the posterior cost a matrix of the configurations and small ones of the sets, whatever the number of
examples (matrix inversion lemma; Rasmussen and Williams 2006, A.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from infertune.allocators.knowledge_gradient.crossed_design import Crossed
from infertune.allocators.surrogates.gaussian_process import JITTER, Posterior, kernel, most_probable, prior_theta
from infertune.types.arrays import FloatArray

PRIOR_SHARES = (0.4, 0.3, 0.3)  # of an example's variance: beta, gamma, own
_LEAST_SIGNAL = 0.2  # of the observed spread, as the prior median of v
_INVERSES: dict[bytes, FloatArray] = {}  # of the last posterior's sets, by their matrices: the next differs in a few


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CrossedHyperparameters:
    """Theta of k and phi of h ``[n_axes]``, and the variances of the terms in units of the observed spread."""

    theta: FloatArray
    phi: FloatArray
    v: float
    beta: float
    gamma: float
    own: float


def fit(
    differences: FloatArray,
    crossed: Crossed,
    own: FloatArray,
    scores: FloatArray,
    example_variance: float,
    n_labels: int,
) -> CrossedHyperparameters:
    """Return the hyperparameters of highest posterior density.

    Args:
        differences: ``[n_axes, n, n]`` of the pieces' configurations, labels last.
        crossed: Their examples.
        own: Variance of the noise in a score of each piece, ``[n]``, in units of the hyperparameter.
        scores: Example by example, piece by piece, ``[n_scores, n_numbers]``; the pieces' means have mean 0 and
            variance 1.
        example_variance: The prior median of beta, gamma and own together.
        n_labels: How many of the axes are labels.
    """
    n_axes, n_numbers = len(differences), scores.shape[1]
    counts: FloatArray = crossed.counts[:, None, None].astype(np.float64)
    sums, products = crossed.sums(scores), crossed.products(scores)
    ends = [n_axes, 2 * n_axes]

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        found = _read(np.exp(logs), n_axes)
        k, h = kernel(found.theta, differences), kernel(found.phi, differences)
        covariance = crossed.blocks(_luck(found, h, own)) + crossed.padding
        inverse = np.linalg.inv(covariance) * crossed.both
        information = crossed.gathered(counts * inverse)
        said = crossed.gathered_rows(inverse @ sums)
        prior = found.v * k
        whole = np.eye(crossed.n) + prior @ information
        left = np.asarray(np.linalg.solve(whole, prior), dtype=np.float64)  # the posterior covariance of u
        mean = left @ said
        value = (
            n_numbers * float(crossed.counts @ np.linalg.slogdet(covariance)[1])
            + n_numbers * float(np.linalg.slogdet(whole)[1])
            + float((inverse * products).sum())
            - float((said * mean).sum())
        )
        # The slope by a covariance is that of log density, alpha alpha' - inverse, halved: here within examples ...
        its = crossed.rows(mean)
        cross = sums @ its.transpose(0, 2, 1)
        rest = products - cross - cross.transpose(0, 2, 1) + counts * (its @ its.transpose(0, 2, 1))
        of_luck = inverse @ (rest + n_numbers * counts * crossed.blocks(left)) @ inverse - n_numbers * counts * inverse
        shared = crossed.gathered(of_luck)
        # ... and here by the utilities.
        alpha = said - information @ mean
        of_u = alpha @ alpha.T - n_numbers * (information - information @ left @ information)
        slope = np.empty(len(logs))
        slope[: ends[0]] = -found.theta * np.tensordot(differences, found.v * of_u * k, axes=2)
        slope[ends[0] : ends[1]] = -found.phi * np.tensordot(differences, found.gamma * shared * h, axes=2)
        slope[ends[1] :] = (
            found.v * (of_u * k).sum(),
            found.beta * shared.sum(),
            found.gamma * (shared * h).sum(),
            found.own * float(np.diag(shared) @ own),
        )
        return 0.5 * value, -0.5 * slope

    sizes = np.diag(crossed.gathered(counts * crossed.both))
    signal = max(1.0 - example_variance * float((1.0 / sizes).mean()), _LEAST_SIGNAL)
    theta = prior_theta(n_axes, n_labels)
    medians = np.concatenate([theta, theta, [signal], example_variance * np.array(PRIOR_SHARES)])
    return _read(most_probable(loss, medians), n_axes)


def _read(values: FloatArray, n_axes: int) -> CrossedHyperparameters:
    v, beta, gamma, own = values[2 * n_axes :].tolist()
    theta, phi = values[:n_axes], values[n_axes : 2 * n_axes]
    return CrossedHyperparameters(theta=theta, phi=phi, v=v, beta=beta, gamma=gamma, own=own)


def _luck(found: CrossedHyperparameters, h: FloatArray, own: FloatArray) -> FloatArray:
    """Return S of an example that all pieces were asked, of which that of a set is a part."""
    covariance = found.gamma * h + found.beta
    covariance[np.diag_indices_from(covariance)] += found.own * own + JITTER
    return covariance


def _inverses(luck: FloatArray, crossed: Crossed) -> FloatArray:
    """Return S^-1 of each set, 0 in the padding."""
    known, now = dict(_INVERSES), {}
    found = np.zeros(crossed.both.shape)
    for place, members in zip(found, crossed.members, strict=True):
        its = members[members < crossed.n]
        block = luck[its[:, None], its]
        key = block.tobytes()
        now[key] = known[key] if key in known else np.linalg.inv(block)
        place[: len(its), : len(its)] = now[key]
    _INVERSES.clear()
    _INVERSES.update(now)
    return found


class CrossedPosterior:
    """The process, given scores on examples.

    Args:
        found: Hyperparameters.
        k: Correlations of u between the pieces, ``[n, n]``.
        h: Likewise of g.
        crossed: Their examples.
        own: As in `fit`.
        scores: Example by example, piece by piece, ``[n_scores, R]``, about the mean. Or the posterior without the
            last pieces: these are taken as landed with what is expected of them, so that only the uncertainty shrinks.
    """

    def __init__(
        self,
        found: CrossedHyperparameters,
        k: FloatArray,
        h: FloatArray,
        crossed: Crossed,
        own: FloatArray,
        scores: "FloatArray | CrossedPosterior",
    ) -> None:
        self._found, self._crossed = found, crossed
        self._k = k
        self._inverse = _inverses(_luck(found, h, own), crossed)
        information = crossed.gathered(crossed.counts[:, None, None] * self._inverse)
        noise = _inverted(information)
        if isinstance(scores, CrossedPosterior):
            alpha = scores._u.alpha
            numbers = (found.v * k + noise)[:, : len(alpha)] @ alpha
        else:
            numbers = noise @ crossed.gathered_rows(self._inverse @ crossed.sums(scores))
        self._u: Posterior = Posterior(found.v, self._k, noise, numbers)

    def means(self, k: FloatArray) -> FloatArray:
        """Return the expected u ``[m, R]`` at points with these correlations ``[n, m]`` to the pieces."""
        return self._u.means(k)

    def root(self, k: FloatArray) -> FloatArray:
        """Return vectors ``[n, m]`` whose products are what the scores take from the covariance of u at two points."""
        return self._u.root(k)

    def of_order(self, k: FloatArray, h: FloatArray, examples: Sequence[NDArray[np.intp]]) -> "Foreseen":
        """Return what is known of the mean scores that orders of configurations will bring, but for their own noise.

        Args:
            k: Correlations of u of the pieces with the orders' configurations, ``[n, m]``.
            h: Likewise of g.
            examples: Of each order.
        """
        found, crossed = self._found, self._crossed
        shares = crossed.shares(examples)
        sets = np.flatnonzero(shares.any(axis=1))
        counts = np.array([len(each) for each in examples], dtype=np.float64)
        its = crossed.rows(found.beta + found.gamma * h, sets)
        part = (self._inverse[sets] @ its) * shares[sets][:, None, :]
        weights = crossed.gathered_rows(part, sets)
        of_luck = (found.beta + found.gamma) / counts - (part * its).sum(axis=(0, 1)) / counts
        used = np.flatnonzero(weights.any(axis=1))
        among = self._k[:, used] @ weights[used]
        root = self.root(k - among)
        of_u = found.v * (1.0 + (weights * (among - 2.0 * k)).sum(axis=0)) - (root * root).sum(axis=0)
        return Foreseen(root=root, weights=weights, variance=of_u + of_luck)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Foreseen:
    """What mean scores of m orders will say, beyond what is known of the luck on their examples.

    That is u of the order's configuration, less weights times u of the pieces, plus the luck that nothing is known of.

    Attributes:
        root: As of the posterior, ``[n, m]``.
        weights: ``[n, m]``.
        variance: ``[m]``, without the noise of the orders' own samples.
    """

    root: FloatArray
    weights: FloatArray
    variance: FloatArray


def _inverted(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a positive definite matrix."""
    lower = linalg.cholesky(matrix, lower=True, check_finite=False)
    half, _ = linalg.lapack.dpotri(lower, lower=1)  # the other half stays 0
    whole = half + half.T
    whole[np.diag_indices_from(whole)] *= 0.5
    return np.asarray(whole)
