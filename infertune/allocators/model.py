"""What the evidence so far says of any configuration: its utility and cost under every replay choice, and how sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infertune.allocators import Evidence, Offer, Order
from infertune.allocators.aligned import aligned, common_choices, joined
from infertune.allocators.coordinates import Coordinates
from infertune.allocators.costs import Costs
from infertune.allocators.gains import Gains
from infertune.allocators.gaussian_process import Posterior, fit, kernel
from infertune.default_space import TEMPERATURE
from infertune.estimators import FloatArray
from infertune.space import Configuration, SearchSpace

MOST_FITTED = 64  # pieces of evidence are enough for the hyperparameters
_N_FITTED_NUMBERS = 2  # principal components of the choices, by which the hyperparameters are judged
_LEAST_SPREAD = 0.02  # of utility between configurations
_LEAST_LUCK = 0.01  # variance of an example's score, however alike those seen were
_MOST_SAMPLING = 0.9  # of an example's own variance, the share that more samples would take away
_SAME = 1e-6


class Model:
    """Fits two pieces of evidence or more.

    The utility of a choice is that of its base, with one sample or the least n, and a gain (`gains`). Pending orders
    are taken as landed with what is expected of them, so that only the uncertainty shrinks.

    Attributes:
        choices: The replay choices, R of them.
        n: ``strategy.n`` of each.
        coordinates: Of the configurations.

    Args:
        difficulty: Whether common examples are known to be common; otherwise every score is luck of its own.
    """

    def __init__(
        self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order], *, difficulty: bool = True
    ) -> None:
        evidence = joined(evidence)
        self._difficulty = difficulty
        self.coordinates = _coordinates(offer.space.tier("request"))
        self.choices = common_choices(offer.space, evidence)
        side = aligned(evidence, self.choices)
        self.n, self._base = side.n, side.base
        self._cap = offer.cap_tokens
        self._n_examples = offer.n_examples
        self._n_evidence = len(evidence)
        orders = [each.order for each in evidence]
        self._points = self.coordinates.points([each.configuration for each in orders])
        self._shares = self._shares_of([each.examples for each in orders])
        differences = self.coordinates.differences(self._points, self._points)
        overlaps = self._overlaps(self._shares)
        n_labels = len(self.coordinates.labels)
        self._costs = Costs(differences, overlaps, n_labels, side.prompts, side.samples, side.length_variance)
        counts = np.array([len(each.examples) for each in orders], dtype=np.float64)
        self._mean = counts @ side.utilities / counts.sum()
        centred = side.utilities - self._mean
        self._spread = np.maximum(centred.std(axis=0), _LEAST_SPREAD)
        within = self._within(side.prompts[:, None] + side.samples * side.n[side.is_base])
        luck = float(side.variances[within].mean())
        self._usual = 1.0 / float(np.mean(1.0 / side.n_samples)) if np.isfinite(side.n_samples).any() else 1.0
        self._sampling = min(side.sampling_variance / (self._usual * max(luck, _LEAST_LUCK)), _MOST_SAMPLING)
        own = self._luck_of_samples(side.n_samples) / counts
        numbers = _components(centred[:, within])
        some = np.unique(np.linspace(0, len(evidence) - 1, min(len(evidence), MOST_FITTED)).astype(int))
        self._found = fit(
            differences[:, some[:, None], some],
            overlaps[np.ix_(some, some)],
            own[some],
            numbers[some],
            max(luck, _LEAST_LUCK) / float((self._spread[within] ** 2).mean()),
            n_labels,
        )
        correlation = kernel(self._found.theta, differences)
        self._gains = Gains(side, correlation, counts)
        self._posterior = Posterior(self._found, correlation, overlaps, own, centred)
        if pending:
            points = self.coordinates.points([each.configuration for each in pending])
            expected = self._posterior.means(self._correlation(points))
            self._points = np.concatenate([self._points, points])
            self._shares = np.concatenate([self._shares, self._shares_of([each.examples for each in pending])])
            waiting = self._luck_of_samples(np.array([_n_samples(each) for each in pending]))
            self._posterior = Posterior(
                self._found,
                self._correlation(self._points),
                self._overlaps(self._shares),
                np.concatenate([own, waiting / [len(each.examples) for each in pending]]),
                np.concatenate([centred, expected]),
            )

    def view(self, configurations: Sequence[Configuration]) -> "View":
        """Return what is expected of some configurations."""
        points = self.coordinates.points(configurations)
        differences = self.coordinates.differences(self._points, points)
        correlation = kernel(self._found.theta, differences)
        utility = (self._mean + self._posterior.means(correlation))[:, self._base]
        utility = utility + self._gains.means(correlation[: self._n_evidence])
        tokens, spread = self._costs.at(differences[:, : self._n_evidence], self.n, self._base)
        if self._cap is not None:
            utility = utility - np.maximum(tokens * (1 + spread) / self._cap - 1, 0.0)
        return View(points=points, correlation=correlation, worth=utility, tokens=tokens)

    def changes(
        self,
        view: "View",
        choices: NDArray[np.intp],
        examples: Sequence[Sequence[int]],
        n_samples: NDArray[np.intp],
        rival: "View",
        its_choice: int,
    ) -> tuple[FloatArray, FloatArray]:
        """Return how much orders may change differences to a rival, and how uncertain those are at all.

        Args:
            view: Of the orders' configurations, m of them.
            choices: Of each, the replay choices that are compared, ``[m, K]``.
            examples: Of each order.
            n_samples: Of each example that can be bought, ``[n_options]``.
            rival: View of the one configuration they are compared with.
            its_choice: With which.

        Returns:
            Two standard deviations: of the change in the expected difference ``[m, K, n_options]``, and of the
            difference ``[m, K]``.
        """
        found, shares = self._found, self._shares_of(examples)
        between = kernel(found.theta, self.coordinates.differences(rival.points, view.points))[0]
        mine, its = self._spread[self._base[choices]], self._spread[self._base[its_choice]]
        own, other = self._posterior.root(view.correlation), self._posterior.root(rival.correlation)
        new = self._posterior.root(view.correlation, self._shares @ shares.T if self._difficulty else 0.0)
        with_mine = found.v - (own * new).sum(axis=0)
        with_its = found.v * between - other[:, 0] @ new
        counts = np.array([len(each) for each in examples], dtype=np.float64)
        luck = found.own * self._luck_of_samples(n_samples) / counts[:, None]
        observed = np.maximum(
            (found.v + (found.beta + found.gamma) / counts - (new**2).sum(axis=0))[:, None] + luck, 1e-9
        )
        change = ((mine * with_mine[:, None] - its * with_its[:, None]) ** 2)[:, :, None] / observed[:, None, :]
        left = found.v - (own * own).sum(axis=0)
        its_left = found.v - float((other * other).sum())
        shared = found.v * between - other[:, 0] @ own
        total = np.maximum(mine**2 * left[:, None] + its**2 * its_left - 2 * mine * its * shared[:, None], 1e-12)
        resolved, whole = self._gains.changes(
            choices,
            view.correlation[: self._n_evidence],
            between,
            counts,
            n_samples,
            rival.correlation[: self._n_evidence],
            its_choice,
        )
        return np.sqrt(np.minimum(change, total[:, :, None]) + resolved), np.sqrt(total + whole)

    def _luck_of_samples(self, n_samples: FloatArray | NDArray[np.intp]) -> FloatArray:
        """Return an example's own variance, relative to that with as many samples as usual."""
        return np.asarray(1 - self._sampling + self._sampling * self._usual / n_samples)

    def _correlation(self, points: FloatArray) -> FloatArray:
        return kernel(self._found.theta, self.coordinates.differences(self._points, points))

    def _within(self, costs: FloatArray) -> NDArray[np.bool_]:
        """Return which bases some configuration can afford; all, where none can."""
        everything = np.ones(costs.shape[1], dtype=bool)
        if self._cap is None:
            return everything
        found = np.asarray(np.any(costs <= self._cap, axis=0))
        return found if found.any() else everything

    def _overlaps(self, shares: FloatArray) -> FloatArray:
        found = shares @ shares.T
        return np.asarray(found if self._difficulty else np.diag(np.diag(found)))

    def _shares_of(self, examples: Sequence[Sequence[int]]) -> FloatArray:
        """Return the weight of every example in the mean of each set; ``[n, n_examples]``."""
        shares = np.zeros((len(examples), self._n_examples))
        counts = np.array([len(each) for each in examples])
        rows = np.repeat(np.arange(len(examples)), counts)
        shares[rows, np.concatenate(examples)] = np.repeat(1.0 / counts, counts)
        return shares


def _n_samples(order: Order) -> float:
    return float("inf") if order.configuration.get(TEMPERATURE) == 0.0 else float(order.n_samples)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """What is expected of m configurations.

    Attributes:
        points: ``[m, n_axes]``.
        correlation: With the observed, ``[n, m]``.
        worth: Expected utility of each replay choice, less the share by which it may be over the cap; ``[m, R]``.
        tokens: Expected tokens per request; likewise.
    """

    points: FloatArray
    correlation: FloatArray
    worth: FloatArray
    tokens: FloatArray

    def of(self, rows: NDArray[np.intp]) -> "View":
        """Return the view of some of the configurations."""
        return View(
            points=self.points[rows],
            correlation=self.correlation[:, rows],
            worth=self.worth[rows],
            tokens=self.tokens[rows],
        )


def _components(centred: FloatArray) -> FloatArray:
    """Return the first principal components as columns of variance 1; of 0, where nothing differs."""
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    differing = sizes[:_N_FITTED_NUMBERS] > _SAME
    found = left[:, : len(differing)][:, differing] * np.sqrt(len(left))
    return np.asarray(found if differing.any() else np.zeros((len(left), 1)))


@lru_cache(maxsize=8)
def _coordinates(space: SearchSpace) -> Coordinates:
    return Coordinates(space)
