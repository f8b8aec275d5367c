"""What the finals buy: the same examples of every finalist."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from infertune.evaluation.coverage import Coverage
from infertune.study.plan import N_FINALISTS
from infertune.types import Configuration
from infertune.types.evidence import Order

RESERVE = 1.1  # costs per example are estimates when a number of examples is decided
LEAST_FINALISTS = 2
LEAST_EXAMPLES = 4  # of the last two even where there is no room: with fewer there is nothing to compare
MOST_FINALISTS = 24  # where the budget has room for more than N_FINALISTS


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalOrders:
    """An order for each finalist, all on the same examples.

    Attributes:
        share: Of the budget, that all they lack will take, with a reserve.
    """

    orders: tuple[Order, ...]
    n_examples: int
    share: float


def first_few(default: Configuration, ranked: Iterable[Configuration], n: int = N_FINALISTS) -> list[Configuration]:
    """Return the finalists: the default, then the first of the ranking that are not among them yet."""
    return list(dict.fromkeys([default, *ranked]))[:n]


def final_orders(
    finalists: Sequence[Configuration],
    landed: Sequence[Order],
    *,
    depths: Mapping[Configuration, int],
    price: Callable[[Order], float],
    share: float,
    n_examples: int,
    n_tune: int,
    n_kept: int,
    n_samples: int,
    max_tokens: int,
    n_least: int = 1,
) -> FinalOrders:
    """Return what the finals buy of these finalists, or of the first of them.

    What all have comes first, for it costs nothing; then what was kept for the finals, on which the search's luck has
    no hold; then the examples that lack least. Where there is no room, samples that no believed choice needs are
    given up first, then the last finalists; then examples, and at the very end all samples but those that are there.

    Args:
        finalists: Values of the request tier, those to keep first.
        landed: What search and earlier finals bought.
        depths: Samples of those for which the search knows how many are of use; others get as many as they ever had.
        price: Gives that of an example of an order, with all its samples, as a share of the budget.
        share: What the finals may spend.
        n_examples: Of every finalist.
        n_tune: Number of examples; ``n_kept`` of them, the last, were kept from the search.
        n_samples: That a finalist gets where there is room; ``max_tokens`` is what an order's None means.
        n_least: Samples of the default, the first of the finalists, that its own n takes; it gets whole answers too.
    """
    coverage = Coverage(landed, max_tokens)
    kept = np.arange(n_tune) >= n_tune - n_kept

    def made(wishes: Sequence[Order], least: int = 0) -> FinalOrders:
        """Return as many examples as there is room for, and at least so many."""
        costs = np.zeros(n_tune)
        for each in wishes:
            costs[coverage.lacks(each)] += RESERVE * price(each)
        ranked = np.lexsort((np.where(kept, 0.0, costs), costs > 0))
        n_room = int(np.searchsorted(np.cumsum(costs[ranked]), share * (1 + 1e-9), side="right"))
        chosen = ranked[: min(max(n_room, least), n_examples)]
        orders = tuple(replace(wish, examples=tuple(chosen.tolist())) for wish in wishes)
        return FinalOrders(orders=orders, n_examples=len(chosen), share=float(costs[chosen].sum()))

    def wish(configuration: Configuration, depth: Callable[[Sequence[int]], int]) -> Order:
        own = [each for each in landed if each.configuration == configuration]
        is_first = configuration == finalists[0]
        longest = max((each.max_tokens or max_tokens for each in own), default=max_tokens)
        return Order(
            configuration=configuration,
            examples=tuple(range(n_tune)),
            n_samples=max(depth([each.n_samples for each in own]), n_least if is_first else 1),
            max_tokens=max_tokens if is_first else longest,
        )

    deep = [wish(each, lambda had: max([n_samples, *had])) for each in finalists]
    useful = [
        wish(each, lambda had, each=each: depths.get(each, max(had, default=n_samples)))  # type: ignore[misc]
        for each in finalists
    ]
    for wishes in [deep, *(useful[:n] for n in range(len(useful), LEAST_FINALISTS - 1, -1))]:
        if (found := made(wishes)).n_examples == n_examples:
            return found
    last = useful[:LEAST_FINALISTS]
    if (found := made(last)).n_examples >= min(LEAST_EXAMPLES, n_examples):
        return found
    return made([wish(each.configuration, lambda had: min(had, default=1)) for each in last], LEAST_EXAMPLES)
