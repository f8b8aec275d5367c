"""Which samples the orders so far have asked for."""

from collections import defaultdict
from collections.abc import Iterable

from infertune.types import Configuration
from infertune.types.evidence import Order


class Coverage:
    """What was ordered, example by example, whether it was answered or failed.

    Args:
        orders: The first ones.
        max_tokens: What an order's None stands for.
    """

    def __init__(self, orders: Iterable[Order], max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._depths: defaultdict[tuple[Configuration, int], set[tuple[int, int]]] = defaultdict(set)
        for order in orders:
            self.add(order)

    def add(self, order: Order) -> None:
        """Take one more order in."""
        for example in order.examples:
            self._depths[order.configuration, example].add((order.n_samples, order.max_tokens or self._max_tokens))

    def lacks(self, order: Order) -> list[int]:
        """Return those of its examples of which no one order asked for as many samples of that length."""
        return [example for example in order.examples if not self._has(order, example)]

    def _has(self, order: Order, example: int) -> bool:
        max_tokens = order.max_tokens or self._max_tokens
        known = self._depths.get((order.configuration, example), ())
        return any(n_samples >= order.n_samples and length >= max_tokens for n_samples, length in known)
