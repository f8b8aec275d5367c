"""The orders under way: what they lack is sent in their order, and each is complete when all of it was answered."""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from infertune.bank.usage import Usage
from infertune.evaluation.account import asked
from infertune.evaluation.evaluator import Evaluator
from infertune.types import Request, Response
from infertune.types.evidence import Order


@dataclass(slots=True)
class _Purchase:
    """One order under way; ``awaited`` are the requests that it waits for, ``sent`` those that it has waited for."""

    order: Order
    requests: list[Request]
    paid: Usage
    sent: set[Hashable] = field(default_factory=set)
    awaited: set[Hashable] = field(default_factory=set)


class Purchases:
    """Buys any number of orders at once, from one account.

    A request that two orders share is sent once, and booked to the first of them.

    Args:
        evaluator: Says what an order asks.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._account = evaluator.account
        self._purchases: dict[int, _Purchase] = {}
        self._queue: deque[Request] = deque()
        self._awaiting: dict[Hashable, list[int]] = {}  # the orders of what is queued or in flight, the payer first
        self._label_of: dict[Hashable, Hashable] = {}
        self._complete: deque[int] = deque()

    @property
    def n_queued(self) -> int:
        """Requests that are not sent yet."""
        return len(self._queue)

    @property
    def next_order(self) -> int | None:
        """The order whose request is sent next; None where all are sent."""
        return self._awaiting[asked(self._queue[0])][0] if self._queue else None

    def add(self, number: int, order: Order, paid: Usage) -> None:
        """Begin to buy an order.

        Args:
            number: Its own.
            order: As given.
            paid: What was paid for it in an earlier run.
        """
        self._purchases[number] = _Purchase(order, self._evaluator.requests(order), paid)
        self._send(number)

    def next(self) -> Request | None:
        """Return the next request to send; None where all are sent."""
        return self._queue.popleft() if self._queue else None

    def answers(self, requests: Iterator[Request | None]) -> Iterator[Response]:
        """Yield what is answered to those requests, which `next` gave, when it is booked to its order."""
        for response in self._account.answers(requests, self._label_of):
            key = asked(response.request)
            payer, *others = self._awaiting.pop(key)
            self._purchases[payer].paid = self._purchases[payer].paid.plus(response)
            for number in (payer, *others):
                purchase = self._purchases[number]
                purchase.awaited.discard(key)
                if not purchase.awaited:
                    self._send(number)
            yield response

    def complete(self) -> Iterator[int]:
        """Yield the orders that were completed since, in the order in which they were."""
        while self._complete:
            yield self._complete.popleft()

    def paid(self, number: int) -> Usage:
        """Return what was paid for an order so far."""
        return self._purchases[number].paid

    def close(self, number: int) -> None:
        """Forget an order, which is complete."""
        del self._purchases[number]

    def _send(self, number: int) -> None:
        """Queue what an order still lacks, but for what it has waited for before; without any it is complete.

        What it shares with another may have been sent for fewer samples, and is looked at again when that has landed.
        """
        purchase = self._purchases[number]
        configuration = purchase.order.configuration
        label_of = {asked(each): self._label_of.get(asked(each), configuration) for each in purchase.requests}
        for request in self._account.lacking(purchase.requests, label_of):
            key = asked(request)
            if key in purchase.sent:
                continue
            purchase.awaited.add(key)
            if key in self._awaiting:
                self._awaiting[key].append(number)
                continue
            purchase.sent.add(key)
            self._awaiting[key] = [number]
            self._label_of[key] = configuration
            self._queue.append(request)
        if not purchase.awaited:
            self._complete.append(number)
