"""Runs an allocator: it orders, and what it ordered comes back as evidence."""

import numpy as np

from benchmarks.search.problem import Bought, Purchase
from benchmarks.search.race import Setting
from infertune.allocators import Allocator, Evidence, Offer, Order
from infertune.space import Configuration


class Allocated:
    """Keeps the evidence and the orders under way."""

    def __init__(self, setting: Setting, allocator: Allocator) -> None:
        self._problem = setting.problem
        self._budget = setting.budget_tokens
        self._allocator = allocator
        self._evidence: list[Evidence] = []
        self._pending: list[Order] = []
        self._spent = 0
        self._replay = {p.name for p in self._problem.space.parameters if p.tier == "replay"}

    def ask(self) -> Purchase | None:
        order = self._allocator.order(self._offer(), self._evidence, self._pending)
        if order is None:
            return None
        self._pending.append(order)
        return Purchase(
            configuration=order.configuration,
            examples=np.array(order.examples),
            n_samples=order.n_samples,
            max_tokens=self._problem.max_tokens,
        )

    def tell(self, bought: Bought) -> None:
        self._spent += bought.tokens
        order = next(each for each in self._pending if each.configuration == bought.purchase.configuration)
        self._pending.remove(order)
        found = bought.candidates()
        choices = tuple(
            Configuration({name: value for name, value in each.configuration.items() if name in self._replay})
            for each in found
        )
        self._evidence.append(
            Evidence(
                order=order,
                choices=choices,
                scores=np.stack([each.scores for each in found]),
                tokens=np.stack([each.tokens for each in found]),
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
