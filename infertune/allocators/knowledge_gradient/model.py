"""What the evidence so far says of any configuration: its utility and cost under every replay choice, and how sure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.active_testing import weighted
from infertune.allocators.knowledge_gradient.active_testing import weights as of_examples
from infertune.allocators.knowledge_gradient.costs import Costs, relevances
from infertune.allocators.knowledge_gradient.crossed_design import Crossed
from infertune.allocators.knowledge_gradient.crossed_process import CrossedPosterior
from infertune.allocators.knowledge_gradient.evidence_table import aligned, common_choices, joined, n_samples_of
from infertune.allocators.knowledge_gradient.hyperparameters import asked, coordinates, fitted, level
from infertune.allocators.knowledge_gradient.informative import informative
from infertune.allocators.knowledge_gradient.options import WHOLE, Options
from infertune.allocators.knowledge_gradient.sample_gains import Gains, varieties
from infertune.types import Configuration
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Evidence, Order


class UtilityModel:
    """Fits two pieces of evidence or more.

    The utility of a choice is that of its base, with one sample or the least n, and a gain (`gains`). Pending orders
    are taken as landed with what is expected of them, so that only the uncertainty shrinks.

    Attributes:
        configurations: What it is made of: all that there is evidence of, or the `informative` ones of very many.
        choices: The replay choices, R of them.
        n: ``strategy.n`` of each.
        coordinates: Of the configurations.
        unit: Of scores, see `EvidenceTable`.

    Args:
        offer: The circumstances.
        evidence: All of it, in the order in which it came.
        pending: Orders under way.
        options: Of them it heeds ``shrunk``, ``fantasies``, ``difficulty`` and ``active``.
    """

    def __init__(
        self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order], options: Options = WHOLE
    ) -> None:
        difficulty = options.difficulty
        self._found, self._sampling = fitted(offer, evidence, difficulty=difficulty)
        weights = of_examples(offer, evidence) if options.active else {}
        evidence = informative(joined(evidence))
        self.coordinates = coordinates(offer.space.tier("request"))
        self.choices = common_choices(offer.space, evidence)
        side = aligned(evidence, self.choices, weights)
        if weights:
            side = weighted(side, evidence, weights, offer.n_examples)
        self.n, self._base = side.n, side.base
        self._cap = offer.cap_tokens
        self._n_evidence = len(evidence)
        configurations = [each.order.configuration for each in evidence]
        self.configurations = list(dict.fromkeys(configurations))
        self._own = {} if options.shrunk else dict(zip(configurations, side.observed, strict=True))
        pending = pending if options.fantasies else ()
        orders = [*(each.order for each in evidence), *pending]
        self._points = self.coordinates.points([each.configuration for each in orders])
        self._thetas = (self._found.theta, self._found.phi, relevances(self.coordinates))
        self._among = [self.coordinates.correlations_among(theta, self._points) for theta in self._thetas]
        self._row = {each: row for row, each in enumerate(configurations)}
        examples, n_examples = asked([each.examples for each in orders], offer.n_examples, difficulty=difficulty)
        self._next = n_examples - offer.n_examples  # where the examples of an order begin
        crossed = Crossed(examples[: len(evidence)], n_examples)
        counts = np.array([len(each.order.examples) for each in evidence], dtype=np.float64)
        k, h, of_lengths = (each[: len(evidence), : len(evidence)] for each in self._among)
        overlaps = crossed.overlaps(counts)
        self._costs = Costs(of_lengths, overlaps, side.prompts, side.generated, side.length_variance)
        self._growth = side.growth
        self.unit = side.unit
        self._mean, self._spread = level(side)
        self._gains = Gains(side, k, counts, varieties(configurations))
        own = self._sampling.own(side.n_samples)
        scores = np.concatenate(side.scores, axis=1).T - self._mean
        self._posterior = CrossedPosterior(self._found, k, h, crossed, own, scores)
        if pending:
            waiting = self._sampling.own(np.array([n_samples_of(each) for each in pending]))
            self._posterior = CrossedPosterior(
                self._found,
                self._among[0],
                self._among[1],
                Crossed(examples, n_examples),
                np.concatenate([own, waiting]),
                self._posterior,
            )

    def view(self, configurations: Sequence[Configuration]) -> "View":
        """Return what is expected of some configurations."""
        points = self.coordinates.points(configurations)
        rows = [self._row[each] for each in configurations if each in self._row]
        known = len(rows) == len(configurations)
        k, h, of_lengths = (each.take(rows, axis=1) for each in self._among) if known else self._correlations(points)
        its_variety = varieties(configurations)
        utility = (self._mean + self._posterior.means(k))[:, self._base]
        utility = utility + self._gains.means(k[: self._n_evidence], its_variety)
        for row, each in enumerate(configurations):
            if each in self._own:
                utility[row] = np.where(np.isnan(self._own[each]), utility[row], self._own[each])
        tokens, spread = self._costs.at(of_lengths[: self._n_evidence], self._growth, self._base)
        if self._cap is not None:
            utility = utility - self.unit * np.maximum(tokens * (1 + spread) / self._cap - 1, 0.0)
        return View(
            points=points,
            variety=its_variety,
            k=k,
            h=h,
            worth=utility,
            tokens=tokens,
        )

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
        found = self._found
        between = self.coordinates.correlation(found.theta, rival.points, view.points)[0]
        mine, its = self._spread[self._base[choices]], self._spread[self._base[its_choice]]
        own, other = self._posterior.root(view.k), self._posterior.root(rival.k)
        order = self._posterior.of_order(view.k, view.h, [np.array(each) + self._next for each in examples])
        with_mine = found.v * (1.0 - (order.weights * view.k).sum(axis=0)) - (own * order.root).sum(axis=0)
        with_its = found.v * (between - rival.k[:, 0] @ order.weights) - other[:, 0] @ order.root
        counts = np.array([len(each) for each in examples], dtype=np.float64)
        luck = found.own * self._sampling.own(n_samples) / counts[:, None]
        observed = np.maximum(order.variance[:, None] + luck, 1e-9)
        change = ((mine * with_mine[:, None] - its * with_its[:, None]) ** 2)[:, :, None] / observed[:, None, :]
        left = found.v - (own * own).sum(axis=0)
        its_left = found.v - float((other * other).sum())
        shared = found.v * between - other[:, 0] @ own
        total = np.maximum(mine**2 * left[:, None] + its**2 * its_left - 2 * mine * its * shared[:, None], 1e-12)
        resolved, whole = self._gains.changes(
            choices,
            view.k[: self._n_evidence],
            view.variety,
            between,
            counts,
            n_samples,
            rival.k[: self._n_evidence],
            float(rival.variety[0]),
            its_choice,
        )
        return np.sqrt(np.minimum(change, total[:, :, None]) + resolved), np.sqrt(total + whole)

    def _correlations(self, points: FloatArray) -> list[FloatArray]:
        """Return those of u, of g and of lengths between the pieces and some points."""
        return [self.coordinates.correlation(theta, self._points, points) for theta in self._thetas]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """What is expected of m configurations.

    Attributes:
        points: ``[m, n_axes]``.
        variety: ``[m]``, see `gains`.
        k: Correlations of u with the observed, ``[n, m]``.
        h: Likewise of what makes similar configurations go wrong on the same examples.
        worth: Expected utility of each replay choice, less the share by which it may be over the cap; ``[m, R]``.
        tokens: Expected tokens per request; likewise.
    """

    points: FloatArray
    variety: FloatArray
    k: FloatArray
    h: FloatArray
    worth: FloatArray
    tokens: FloatArray

    def of(self, rows: NDArray[np.intp]) -> "View":
        """Return the view of some of the configurations."""
        return View(
            points=self.points[rows],
            variety=self.variety[rows],
            k=self.k[:, rows],
            h=self.h[:, rows],
            worth=self.worth[rows],
            tokens=self.tokens[rows],
        )
