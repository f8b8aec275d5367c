"""What the finals buy: the same examples of every finalist, as many as their share of the budget has room for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from infertune.allocators import Order
from infertune.coverage import Coverage
from infertune.space import Configuration

N_FINALISTS = 6
RESERVE = 1.1  # costs per example are estimates when a number of examples is decided
LEAST_FINALISTS = 2
LEAST_EXAMPLES = 4  # of the last two even where there is no room: with fewer there is nothing to compare


def first_few(default: Configuration, ranked: Iterable[Configuration]) -> list[Configuration]:
    """Return the finalists: the default, then the first of the ranking that are not among them yet."""
    return list(dict.fromkeys([default, *ranked]))[:N_FINALISTS]


def final_orders(
    finalists: Sequence[Configuration],
    landed: Sequence[Order],
    *,
    depths: Mapping[Configuration, int],
    price: Callable[[Order], float],
    share: float,
    n_wanted: int,
    n_tune: int,
    n_kept: int,
    n_samples: int,
    max_tokens: int,
) -> list[Order]:
    """Return an order for each finalist, all on the same examples.

    What all have comes first, for it costs nothing; then what was kept for the finals, on which the search's luck has
    no hold; then the examples that lack least.
    Where there is no room for ``n_wanted`` examples of all, the last finalists are given up, and at the very end all
    samples but those that are there.

    Args:
        finalists: Values of the request tier, those to keep first.
        landed: What search and earlier finals bought. A finalist gets samples as long as it ever had.
        depths: Samples of those for which the search knows how many are of use; others get as many as they ever had.
        price: Gives that of an example of an order, with all its samples, as a share of the budget.
        share: What the finals may spend.
        n_wanted: Examples; more are taken where there is room.
        n_tune: Number of examples; ``n_kept`` of them, the last, were kept from the search.
        n_samples: Of a finalist that the search never bought; ``max_tokens`` likewise, and what an order's None means.
    """
    coverage = Coverage(landed, max_tokens)
    kept = np.arange(n_tune) >= n_tune - n_kept

    def room(wishes: Sequence[Order]) -> tuple[int, NDArray[np.intp]]:
        """Return how many examples there is room for, and all in the order in which they are taken."""
        costs = np.zeros(n_tune)
        for each in wishes:
            costs[coverage.lacks(each)] += RESERVE * price(each)
        order = np.lexsort((np.where(kept, 0.0, costs), costs > 0))
        return int(np.searchsorted(np.cumsum(costs[order]), share, side="right")), order

    wishes = [_wish(each, landed, depths, n_samples, max_tokens, n_tune) for each in finalists]
    n_room, order = room(wishes)
    while n_room < min(max(n_wanted, LEAST_EXAMPLES), n_tune) and len(wishes) > LEAST_FINALISTS:
        wishes.pop()
        n_room, order = room(wishes)
    if n_room < min(LEAST_EXAMPLES, n_tune):
        shallow = [_wish(each.configuration, landed, {}, 1, max_tokens, n_tune, deepest=False) for each in wishes]
        if room(shallow)[0] > n_room:
            wishes, (n_room, order) = shallow, room(shallow)
    chosen = tuple(order[: max(n_room, LEAST_EXAMPLES)].tolist())
    return [replace(wish, examples=chosen) for wish in wishes]


def _wish(
    configuration: Configuration,
    landed: Sequence[Order],
    depths: Mapping[Configuration, int],
    n_samples: int,
    max_tokens: int,
    n_tune: int,
    *,
    deepest: bool = True,
) -> Order:
    """Return the wish for all examples of a configuration."""
    own = [each for each in landed if each.configuration == configuration]
    had = [each.n_samples for each in own]
    return Order(
        configuration=configuration,
        examples=tuple(range(n_tune)),
        n_samples=depths.get(configuration, (max if deepest else min)(had, default=n_samples)),
        max_tokens=max((each.max_tokens or max_tokens for each in own), default=max_tokens),
    )
