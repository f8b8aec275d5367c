"""The allocator ``value``: buys what promises most utility per token.

The utility and the cost of any configuration under every replay choice are modelled (`model`). An order changes what
is expected of its configuration's best choice within the cap, compared with the best one known (for that one itself:
with the second). How much, is known beforehand but for the sign, and so is what that is worth:

    s f(-|difference| / s),   f(z) = pdf(z) + z cdf(z)

with s the standard deviation of the change (the knowledge gradient; Frazier, Powell and Dayanik 2009, equation 14, for
two alternatives). Divided by the price it ranks new configurations and more examples of known ones alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy import special

from infertune.allocators import Evidence, Offer, Order
from infertune.allocators.model import Model, View
from infertune.allocators.proposals import Choices, beginning, draws, neighbours
from infertune.estimators import FloatArray
from infertune.space import Configuration, SearchSpace

PILOT_EXAMPLES = 4
TARGET_TRIALS = 48
LEAST_EXAMPLES = 4
MOST_START = 24
N_DRAWN = 192
N_MUTATED = 64
N_PARENTS = 6
MOST_EXTENDED = 32  # the best of those known are considered for more examples
_HOPELESS = 10.0  # below any worth that a choice can have, where there is none
CAP_SLACK = 1.25  # a choice this much over the cap is still bought, for costs are estimates


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the benchmark's ablation switches; docs/design/search.md has the figures.

    Attributes:
        explore_full: New configurations are valued by all the uncertainty there is about them, not by what the first
            examples would resolve.
        rotate: How far the examples of a new configuration begin after those of the last, in lengths of its own;
            with 0 all configurations begin with the same.
        target_trials: How many new configurations the budget would buy, if it bought nothing else.
        n_start: Configurations of the fixed beginning.
        few_samples: Of each example of most of them.
        full_every: One in so many is sampled in full.
    """

    explore_full: bool = False
    rotate: float = 1.0
    target_trials: int = TARGET_TRIALS
    n_start: int = 6
    few_samples: int = 3
    full_every: int = 2


class ValueAllocator:
    """See the module."""

    def __init__(self, options: Options = Options()) -> None:
        self._options = options

    def order(self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        """Return the order with the highest expected gain per token."""
        if pending and not evidence:
            return None  # the pilot says how many examples and samples the others get
        first = self._first(offer, evidence, pending)
        if first is not None or len(evidence) < 2:
            return first
        model = Model(offer, evidence, pending)
        had = _had(evidence)
        known = list(had)
        judged = _judged(offer, model, known)
        ranked = np.argsort(judged.value)[::-1]
        best = int(ranked[0])
        options = np.unique(model.n)
        busy = {each.configuration for each in pending}
        orders: list[Order] = []
        gains: list[FloatArray] = []

        def consider(mine: Judged, examples: Sequence[Sequence[int]], rival: Judged, *, is_new: bool) -> None:
            """Add orders of some configurations with every number of samples."""
            its = rival.choice[0]
            change, total = model.changes(mine.view, mine.choices, examples, options, rival.view, int(its))
            if is_new and self._options.explore_full:
                change = np.broadcast_to(total[:, :, None], change.shape)
            difference = np.maximum(mine.values - rival.value[0], -_HOPELESS)
            gained = _gain((difference if is_new else -np.abs(difference))[:, :, None], change).max(axis=1)
            counts = np.array([len(each) for each in examples])
            gains.append((gained / (counts[:, None] * mine.prices)).ravel())
            orders.extend(
                Order(configuration=configuration, examples=tuple(each), n_samples=n)
                for configuration, each in zip(mine.configurations, examples, strict=True)
                for n in options.tolist()
            )

        def extend(rows: NDArray[np.intp], rival: int) -> None:
            open_ = [r for r in rows.tolist() if known[r] not in busy and len(had[known[r]]) < offer.n_examples]
            if open_:
                more = [_more(offer, had[known[row]]) for row in open_]
                consider(judged.of(open_), more, judged.of([rival]), is_new=False)

        if len(known) > 1:
            extend(ranked[:1], int(ranked[1]))
        extend(ranked[:MOST_EXTENDED], best)
        parents = [known[at] for at in ranked[:N_PARENTS]]
        drawn = _drawn(offer, parents, busy | set(known), turn=len(evidence) + len(pending))
        if drawn:
            window = self._window(offer, evidence, pending)
            consider(_judged(offer, model, drawn), [window] * len(drawn), judged.of([best]), is_new=True)
        if not orders:
            return None
        together = np.concatenate(gains)
        top = int(together.argmax())
        return orders[top] if together[top] > 0 else None

    def recommend(self, offer: Offer, evidence: Sequence[Evidence]) -> Configuration:
        """Return the configuration and choice with the highest expected worth."""
        if len(evidence) < 2:
            return offer.space.default_configuration()
        model = Model(offer, evidence, ())
        known = list(_had(evidence))
        judged = _judged(offer, model, known)
        best = int(judged.value.argmax())
        return known[best].with_values(model.choices[int(judged.choice[best])])

    def _first(self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        """Return the next order of the fixed beginning; None when as much of it as was planned has landed.

        Until then, more workers get more of it: a model of next to nothing is no better than an even spread.
        """
        request = offer.space.tier("request")
        begun = {each.configuration for each in [*(each.order for each in evidence), *pending]}
        planned = beginning(request, offer.configurations, offer.seed, self._options.n_start)
        if len(evidence) < len(planned):
            planned = beginning(request, offer.configurations, offer.seed, len(planned) + len(pending) + 1)
        for each in planned:
            if each not in begun:
                return Order(
                    configuration=each,
                    examples=self._window(offer, evidence, pending),
                    n_samples=self._first_samples(offer, evidence, len(begun)),
                )
        return None

    def _first_samples(self, offer: Offer, evidence: Sequence[Evidence], n_begun: int) -> int:
        """Return how many samples are worth buying while the cost of a configuration is not known.

        Only some of the beginning is sampled in full: enough to tell what more samples gain.
        """
        most = offer.n_choices[-1]
        if offer.cap_tokens is not None:
            least = min((_price(each) / each.order.n_samples for each in evidence), default=float("inf"))
            within = [n for n in offer.n_choices if n * least <= CAP_SLACK * offer.cap_tokens]
            most = max(within, default=offer.n_choices[0])
        few = [n for n in offer.n_choices if n <= self._options.few_samples]
        return most if n_begun % self._options.full_every == 0 else min(most, max(few, default=most))

    def _window(self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> tuple[int, ...]:
        """Return the examples of a new configuration: as many as let the budget buy the target number of those.

        They follow those of the last new one, so that few share them.
        """
        n = PILOT_EXAMPLES
        if evidence:
            price = float(np.median([_price(each) for each in evidence]))
            wanted = offer.budget_tokens / (self._options.target_trials * price)
            n = int(min(max(wanted, LEAST_EXAMPLES), MOST_START))
        n = min(n, offer.n_examples)
        n_begun = len({each.configuration for each in [*(each.order for each in evidence), *pending]})
        offset = int(self._options.rotate * n_begun * n)
        return tuple((offset + index) % offer.n_examples for index in range(n))


def _had(evidence: Sequence[Evidence]) -> dict[Configuration, list[int]]:
    """Return the examples of every configuration so far."""
    found: dict[Configuration, list[int]] = {}
    for each in evidence:
        found.setdefault(each.order.configuration, []).extend(each.order.examples)
    return found


def _more(offer: Offer, had: Sequence[int]) -> tuple[int, ...]:
    """Return as many further examples as there are, those after the last one."""
    seen = set(had)
    rest = ((had[-1] + 1 + step) % offer.n_examples for step in range(offer.n_examples))
    return tuple(islice((each for each in rest if each not in seen), len(had)))


def _drawn(
    offer: Offer, parents: Sequence[Configuration], seen: set[Configuration], *, turn: int
) -> list[Configuration]:
    """Return the new configurations that are considered."""
    if offer.configurations:
        return [each for each in offer.configurations if each not in seen]
    request = offer.space.tier("request")
    found = draws(request, offer.seed, turn, N_DRAWN) + neighbours(request, parents, offer.seed, turn, N_MUTATED)
    return [each for each in dict.fromkeys(found) if each not in seen]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What is thought of m configurations.

    Attributes:
        view: Of them.
        choices: The best choice with each n, ``[m, n_options]``.
        values: Its worth, likewise; minus infinity where there is none.
        prices: In tokens, of an example with so many samples, likewise; infinite where they are of no use.
    """

    configurations: Sequence[Configuration]
    view: View
    choices: NDArray[np.intp]
    values: FloatArray
    prices: FloatArray

    @property
    def value(self) -> FloatArray:
        """Worth of each one's best choice, ``[m]``."""
        return np.asarray(self.values.max(axis=1))

    @property
    def choice(self) -> NDArray[np.intp]:
        """Number of each one's best choice, ``[m]``."""
        return np.take_along_axis(self.choices, self.values.argmax(axis=1)[:, None], axis=1)[:, 0]

    def of(self, rows: Sequence[int]) -> "Judged":
        """Return what is thought of some of them."""
        at = np.array(rows)
        return Judged(
            configurations=[self.configurations[row] for row in rows],
            view=self.view.of(at),
            choices=self.choices[at],
            values=self.values[at],
            prices=self.prices[at],
        )


def _judged(offer: Offer, model: Model, configurations: Sequence[Configuration]) -> Judged:
    view = model.view(configurations)
    known = _choices(offer.space)
    kinds = [known.kind(each) for each in configurations]
    masks = {kind: np.array([choice in set(known.lists[kind]) for choice in model.choices]) for kind in set(kinds)}
    has = np.stack([masks[kind] for kind in kinds])
    worth = np.where(has, view.worth, -np.inf)
    n = model.n
    options = np.unique(n)
    within = has if offer.cap_tokens is None else has & (view.tokens <= CAP_SLACK * offer.cap_tokens)
    most = np.where(within, n, options[0]).max(axis=1)
    shape = (len(kinds), len(options))
    prices, values, choices = np.full(shape, np.inf), np.full(shape, -np.inf), np.zeros(shape, dtype=np.intp)
    for column, option in enumerate(options.tolist()):
        of_n = np.flatnonzero(n == option)
        whole = np.where(has[:, of_n], view.tokens[:, of_n], 0.0).max(axis=1)
        prices[:, column] = np.where((whole > 0) & (option <= most), whole, np.inf)
        choices[:, column] = of_n[worth[:, of_n].argmax(axis=1)]
        values[:, column] = worth[:, of_n].max(axis=1)
    return Judged(configurations=configurations, view=view, choices=choices, values=values, prices=prices)


@lru_cache(maxsize=4096)
def _price(each: Evidence) -> float:
    """Return what an example took on average, all its samples at full length."""
    return float(each.tokens.max(axis=0).mean())


def _gain(difference: FloatArray, s: FloatArray) -> FloatArray:
    z = difference / np.maximum(s, 1e-12)
    return np.asarray(np.maximum(s * (np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) + z * special.ndtr(z)), 0.0))


@lru_cache(maxsize=8)
def _choices(space: SearchSpace) -> Choices:
    return Choices(space)
