"""Runs an allocator: it orders, and what it ordered comes back as evidence. What it has had of it is not paid again.

A worker has one request in flight. One worker takes an order as a whole; of several each takes an example, as an
engine's batch does, and the next order is asked for as soon as one of them would be idle.
"""

import numpy as np

from benchmarks.search.bank import Bank
from benchmarks.search.problem import Bought, Purchase, together
from benchmarks.search.race import Setting
from infertune.allocators import Allocator, Offer
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order


class Allocated:
    """Keeps the evidence and the orders under way."""

    def __init__(self, setting: Setting, allocator: Allocator) -> None:
        self._problem = setting.problem
        self._budget = setting.budget_tokens
        self._n_workers = setting.n_workers
        self._allocator = allocator
        self._evidence: list[Evidence] = []
        self._pending: list[Order] = []
        self._open: list[Purchase] = []
        self._landed: dict[int, dict[int, Bought]] = {}  # by order, by example
        self._orders: dict[int, Order] = {}  # by purchase
        self._bank = Bank()
        self._spent = 0
        self._replay = {p.name for p in self._problem.space.parameters if p.tier == "replay"}

    def ask(self) -> Purchase | None:
        if not self._open:
            order = self._allocator.order(self._offer(), self._evidence, self._pending)
            if order is None:
                return None
            self._pending.append(order)
            self._open = self._purchases(order)
        return self._open.pop(0)

    def _purchases(self, order: Order) -> list[Purchase]:
        parts = [order.examples] if self._n_workers == 1 else [(each,) for each in order.examples]
        max_tokens = order.max_tokens or self._problem.max_tokens
        found = [
            Purchase(
                configuration=order.configuration,
                examples=np.array(part),
                n_samples=order.n_samples,
                max_tokens=max_tokens,
                paid=self._bank.lacking(order.configuration, np.array(part), order.n_samples, max_tokens),
            )
            for part in parts
        ]
        self._orders.update({id(each): order for each in found})
        return found

    def tell(self, bought: Bought) -> None:
        self._spent += bought.tokens
        self._bank.put(bought)
        order = self._orders.pop(id(bought.purchase))
        landed = self._landed.setdefault(id(order), {})
        landed[int(bought.purchase.examples[0])] = bought
        if sum(len(each.purchase.examples) for each in landed.values()) < len(order.examples):
            return
        del self._landed[id(order)]
        self._pending = [each for each in self._pending if each is not order]
        whole = together([landed[each] for each in order.examples if each in landed])
        found = whole.replayed()
        self._evidence.append(
            Evidence(
                order=order,
                choices=found.choices,
                scores=found.scores,
                tokens=found.tokens,
                prompt_tokens=whole.prompt_tokens,
            )
        )

    def recommend(self) -> Configuration:
        return self._allocator.recommend(self._offer(), self._evidence)

    def _offer(self) -> Offer:
        return Offer(
            space=self._problem.space,
            configurations=tuple(self._problem.configurations),
            n_examples=self._problem.n_examples,
            n_choices=tuple(sorted(int(n) for n in self._problem.space["strategy.n"].values())),
            cap_tokens=self._problem.cap,
            budget_tokens=self._budget,
            spent_tokens=self._spent,
            seed=self._problem.seed,
        )
