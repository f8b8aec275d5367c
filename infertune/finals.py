"""What the finals buy: the same examples of every finalist, as many as their share of the budget has room for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from infertune.allocators import Order
from infertune.coverage import Coverage
from infertune.space import Configuration

N_FINALISTS = 6
RESERVE = 1.1  # costs per example are estimates when a number of examples is decided
LEAST_FINALISTS = 2
LEAST_EXAMPLES = 8  # of the last two even where there is no room: with fewer there is nothing to compare


def first_few(default: Configuration, ranked: Iterable[Configuration]) -> list[Configuration]:
    """Return the finalists: the default, then the first of the ranking that are not among them yet."""
    return list(dict.fromkeys([default, *ranked]))[:N_FINALISTS]


def final_orders(
    finalists: Sequence[Configuration],
    landed: Sequence[Order],
    *,
    prices: Mapping[Configuration, float],
    tokens: float,
    n_wanted: int,
    n_tune: int,
    n_samples: int,
    max_tokens: int,
) -> list[Order]:
    """Return an order for each finalist, all on the same examples: those that lack least first, for they are cheapest.

    Where there is no room for ``n_wanted`` examples of all, the last finalists are given up.

    Args:
        finalists: Values of the request tier, those to keep first.
        landed: What search and earlier finals bought. A finalist gets as many samples, and as long, as it ever had.
        prices: Tokens of an example of each, with all its samples; the dearest is taken for what is not there.
        tokens: What the finals may spend.
        n_wanted: Examples; more are taken where there is room.
        n_tune: Number of examples.
        n_samples: Of a finalist that the search never bought; ``max_tokens`` likewise, and what an order's None means.
    """
    wishes = [_deepest(each, landed, n_samples, max_tokens, n_tune) for each in finalists]
    coverage = Coverage(landed, max_tokens)
    dearest = max(prices.values(), default=0.0)
    lacking = [(RESERVE * prices.get(each.configuration, dearest), coverage.lacks(each)) for each in wishes]
    while True:
        costs = np.zeros(n_tune)
        for price, examples in lacking[: len(wishes)]:
            costs[examples] += price
        cheapest = np.argsort(costs, kind="stable")
        n_room = int(np.searchsorted(np.cumsum(costs[cheapest]), tokens, side="right"))
        if n_room >= min(max(n_wanted, LEAST_EXAMPLES), n_tune) or len(wishes) <= LEAST_FINALISTS:
            break
        wishes.pop()
    chosen = tuple(cheapest[: max(n_room, LEAST_EXAMPLES)].tolist())
    return [replace(wish, examples=chosen) for wish in wishes]


def _deepest(
    configuration: Configuration, landed: Sequence[Order], n_samples: int, max_tokens: int, n_tune: int
) -> Order:
    """Return the wish for all examples of a configuration."""
    own = [each for each in landed if each.configuration == configuration]
    return Order(
        configuration=configuration,
        examples=tuple(range(n_tune)),
        n_samples=max((each.n_samples for each in own), default=n_samples),
        max_tokens=max((each.max_tokens or max_tokens for each in own), default=max_tokens),
    )
