"""Runs an allocator: it orders, and what it ordered comes back as evidence. What it has had of it is not paid again.

A worker has one request in flight. One worker takes an order as a whole; of several each takes an example, as an
engine's batch does, and the next order is asked for as soon as one of them would be idle, as long as what is under way
is less than a sixteenth of the budget, as a study has it (`infertune.study.search`).
"""

import numpy as np

from benchmarks.search.bank import Bank
from benchmarks.search.problem import Bought, Purchase, together
from benchmarks.search.race import Setting
from infertune.allocators import Allocator, Offer
from infertune.space.names import TEMPERATURE
from infertune.study.search import MOST_SHARE
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order

_LATE = 20  # pieces of evidence that tell what a request takes
_WAVE_REQUESTS = 64


class Allocated:
    """Keeps the evidence and the orders under way.

    Args:
        setting: Of the run.
        allocator: Decides.
        most_share: Of the budget, under way at once.
    """

    def __init__(self, setting: Setting, allocator: Allocator, most_share: float = MOST_SHARE) -> None:
        self._most_tokens = most_share * setting.budget_tokens
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
            if self._pending and self._tokens_under_way() >= self._most_tokens:
                return None
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

    def _tokens_under_way(self) -> float:
        """Return what the orders under way take in all, if it is as what has landed."""
        return sum(map(self._expected_tokens, self._pending))

    def _expected_tokens(self, order: Order) -> float:
        if not self._evidence:
            return 0.0
        late = self._evidence[-_LATE:]
        prompt = np.mean([each.prompt_tokens.mean() for each in late])
        sample = np.mean([
            (each.tokens.max(axis=0) - each.prompt_tokens).mean() / _n_samples(each.order) for each in late
        ])  # fmt: skip
        return len(order.examples) * float(prompt + _n_samples(order) * sample)

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


class InWaves(Allocated):
    """Orders in waves, between which nothing is under way: what studies did before, for comparison."""

    _closed = False

    def ask(self) -> Purchase | None:
        if not self._pending:
            self._closed = False
        while not self._closed:
            n_requests = sum(len(each.examples) for each in self._pending)
            full = n_requests >= _WAVE_REQUESTS or self._tokens_under_way() >= self._most_tokens
            order = None if full else self._allocator.order(self._offer(), self._evidence, self._pending)
            if order is None:
                self._closed = True
            else:
                self._pending.append(order)
                self._open += self._purchases(order)
        return self._open.pop(0) if self._open else None


def _n_samples(order: Order) -> int:
    return 1 if order.configuration.get(TEMPERATURE) == 0.0 else order.n_samples
