"""What the finals buy: the same examples of every finalist, as many as their share of the budget has room for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from infertune.allocators import Order
from infertune.coverage import Coverage
from infertune.space import Configuration

N_FINALISTS = 6
RESERVE = 1.1  # costs per example are estimates when a number of examples is decided
LEAST_EXAMPLES = 8  # even where there is no room: with fewer in common there is nothing to compare


def first_few(default: Configuration, ranked: Iterable[Configuration]) -> list[Configuration]:
    """Return the finalists: the default, then the first of the ranking that are not among them yet."""
    return list(dict.fromkeys([default, *ranked]))[:N_FINALISTS]


def final_orders(
    finalists: Sequence[Configuration],
    landed: Sequence[Order],
    *,
    prices: Mapping[Configuration, float],
    tokens: float,
    n_tune: int,
    n_samples: int,
    max_tokens: int,
    kept: Sequence[int] = (),
) -> list[Order]:
    """Return an order for each finalist, all on the same examples: those that lack least first, for they are cheapest.

    Args:
        finalists: Values of the request tier.
        landed: What the search has bought. A finalist gets as many samples, and as long ones, as it ever had.
        prices: Tokens of an example of each, with all its samples; the dearest is taken for what is not there.
        tokens: What the finals may spend.
        n_tune: Number of examples.
        n_samples: Of a finalist that the search never bought; ``max_tokens`` likewise, and what an order's None means.
        kept: Examples that earlier finals of the same finalists have bought.
    """
    wishes = [_deepest(each, landed, n_samples, max_tokens, n_tune) for each in finalists]
    coverage = Coverage([*landed, *(replace(wish, examples=tuple(kept)) for wish in wishes)], max_tokens)
    dearest = max(prices.values(), default=0.0)
    costs = [0.0] * n_tune
    for wish in wishes:
        for example in coverage.lacks(wish):
            costs[example] += RESERVE * prices.get(wish.configuration, dearest)
    chosen: list[int] = []
    for example in sorted(range(n_tune), key=lambda example: (costs[example], example)):
        tokens -= costs[example]
        if tokens < 0 and len(chosen) >= LEAST_EXAMPLES:
            break
        chosen.append(example)
    return [replace(wish, examples=tuple(chosen)) for wish in wishes]


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
