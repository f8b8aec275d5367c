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
        self._orders: defaultdict[Configuration, list[Order]] = defaultdict(list)
        for order in orders:
            self.add(order)

    def add(self, order: Order) -> None:
        """Take one more order in."""
        self._orders[order.configuration].append(order)

    def lacks(self, order: Order) -> list[int]:
        """Return those of its examples of which no one order asked for as many samples of that length."""
        length = order.max_tokens or self._max_tokens
        covered: set[int] = set()
        for each in self._orders.get(order.configuration, ()):
            if each.n_samples >= order.n_samples and (each.max_tokens or self._max_tokens) >= length:
                covered.update(each.examples)
        return [example for example in order.examples if example not in covered]
