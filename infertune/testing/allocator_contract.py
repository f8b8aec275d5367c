# ruff: noqa: D102  (the names of the tests say what they test)
"""What every allocator must do, as a class of pytest tests. Subclass it beside a fixture that gives your allocator::

@pytest.fixture
def allocator():
    return MyAllocator()

class TestMyAllocator(AllocatorContract):
    pass
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from infertune.allocators import Allocator, Offer
from infertune.allocators.order_check import check_order
from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.space.notation import changed
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order

_ELSEWHERE = """
import importlib, json, sys
from infertune.testing.allocator_contract import Market, wide_space
wish = json.load(sys.stdin)
allocator = getattr(importlib.import_module(wish["module"]), wish["kind"])()
market = Market(wide_space(), seed=3)
market.run(allocator, 8)
order = market.ask(allocator)
print(order and [order.configuration.canonical, order.examples, order.n_samples, order.max_tokens])
"""


def wide_space() -> SearchSpace:
    """Return the default space of a task with three prompts and two lengths: it cannot be tried out."""
    return default_space(prompts=("plain", "chat", "few"), max_tokens=(8, 16), n=(1, 3))


def small_space(*settings: str) -> SearchSpace:
    """Return a space of 3 prompts at 2 temperatures, one of them greedy, unless settings say otherwise."""
    fixed = ("top_p=1", "top_k=0", "min_p=0", "repetition_penalty=1", "temperature=0,1")
    return changed(changed(wide_space(), fixed), settings)


@dataclass
class Market:
    """Answers orders from numbers alone, as a study does: what is in the evidence once stays as it is.

    Attributes:
        score: Gives the score of a configuration on an example under a replay choice.
        fails: Whether an example of a configuration is never answered.
    """

    space: SearchSpace
    n_examples: int = 24
    cap_tokens: float | None = None
    budget_tokens: float = 20_000.0
    seed: int = 0
    score: Callable[[Configuration, int], float] = lambda complete, example: _score(complete, example)
    fails: Callable[[Configuration, int], bool] = lambda configuration, example: False
    evidence: list[Evidence] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    failed: list[Order] = field(default_factory=list)

    @property
    def offer(self) -> Offer:
        """The circumstances now."""
        return Offer(
            space=self.space,
            n_examples=self.n_examples,
            n_choices=tuple(sorted(int(n) for n in self.space["strategy.n"].values())),
            cap_tokens=self.cap_tokens,
            budget_tokens=self.budget_tokens,
            spent_tokens=float(sum(each.tokens.max(axis=0).sum() for each in self.evidence)),
            seed=self.seed,
            failed=tuple(self.failed),
        )

    def ask(self, allocator: Allocator, pending: Sequence[Order] = ()) -> Order | None:
        """Return an order that has been held against the offer, or None."""
        order = allocator.order(self.offer, self.evidence, pending)
        if order is not None:
            check_order(order, self.offer, who=type(allocator).__name__)
            assert order.configuration not in {each.configuration for each in pending}
            new = [each for each in order.examples if not self._asked(order, each)]
            assert new, "an order that asks only for what was answered or had failed"
        return order

    def fill(self, order: Order) -> None:
        """Take an order in."""
        self.orders.append(order)
        fails = [each for each in order.examples if self.fails(order.configuration, each)]
        answered = tuple(each for each in order.examples if each not in fails)
        if fails:
            self.failed.append(replace(order, examples=tuple(fails)))
        if answered:
            self.evidence.append(self._evidence(replace(order, examples=answered)))

    def run(self, allocator: Allocator, n_orders: int) -> None:
        """Fill orders one at a time, at most so many."""
        for _ in range(n_orders):
            order = self.ask(allocator)
            if order is None:
                return
            self.fill(order)

    def _asked(self, order: Order, example: int) -> bool:
        return any(
            example in each.examples
            and each.configuration == order.configuration
            and each.n_samples >= order.n_samples
            and (each.max_tokens is None or (order.max_tokens is not None and each.max_tokens >= order.max_tokens))
            for each in self.orders
        )

    def _evidence(self, order: Order) -> Evidence:
        n_had = 1 if order.configuration["decoding.temperature"] == 0 else order.n_samples
        choices = [
            choice
            for choice in self.space.replay_choices(order.configuration)
            if int(choice["strategy.n"]) <= n_had
            and (order.max_tokens is None or int(choice["decoding.max_tokens"]) <= order.max_tokens)
        ]
        complete = [order.configuration.with_values(choice) for choice in choices]
        return Evidence(
            order=order,
            choices=tuple(choices),
            scores=np.array([[self.score(each, example) for example in order.examples] for each in complete]),
            tokens=np.array([[_tokens(each, example) for example in order.examples] for each in complete]),
            prompt_tokens=np.full(len(order.examples), _prompt_tokens(order.configuration)),
        )


class AllocatorContract:
    """The tests. They need a fixture ``allocator``; its class must be constructible without arguments."""

    def test_orders_are_within_the_offer_and_bring_something_new(self, allocator: Allocator) -> None:
        market = Market(wide_space())
        market.run(allocator, 24)
        assert market.orders

    def test_what_is_pending_is_not_ordered(self, allocator: Allocator) -> None:
        market = Market(wide_space())
        for _ in range(5):
            wave: list[Order] = []
            while len(wave) < 4 and (order := market.ask(allocator, wave)) is not None:
                wave.append(order)
            assert wave, "with nothing pending there was something to buy"
            for order in wave:
                market.fill(order)

    def test_same_arguments_same_order(self, allocator: Allocator) -> None:
        market = Market(wide_space())
        market.run(allocator, 10)
        first = market.ask(allocator)
        assert first is not None, "there was something to buy still"
        other = Market(wide_space(), seed=5)
        other.run(allocator, 3)
        again = Market(wide_space())
        again.run(type(allocator)(), 10)
        assert market.ask(allocator) == again.ask(type(allocator)()) == first
        assert allocator.ranking(market.offer, market.evidence) == allocator.ranking(again.offer, again.evidence)

    def test_same_order_in_another_process(self, allocator: Allocator) -> None:
        market = Market(wide_space(), seed=3)
        market.run(allocator, 8)
        order = market.ask(allocator)
        assert order is not None, "there was something to buy still"
        expected = [order.configuration.canonical, order.examples, order.n_samples, order.max_tokens]
        wish = {"module": type(allocator).__module__, "kind": type(allocator).__qualname__}
        for hash_seed in ("1", "2"):
            done = subprocess.run(
                [sys.executable, "-c", _ELSEWHERE],
                input=json.dumps(wish),
                env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip() == str(expected)

    @pytest.mark.parametrize("n_orders", [1, 2, 12])
    @pytest.mark.parametrize("cap", [None, 40.0, 1.0])
    def test_the_ranking_is_of_what_was_bought(self, allocator: Allocator, n_orders: int, cap: float | None) -> None:
        market = Market(wide_space(), cap_tokens=cap)
        market.run(allocator, n_orders)
        ranking = allocator.ranking(market.offer, market.evidence)
        assert allocator.recommend(market.offer, market.evidence) == ranking[0]
        request = {parameter.name for parameter in market.space.tier("request").parameters}
        parts = [Configuration({k: v for k, v in each.items() if k in request}) for each in ranking]
        assert len(set(parts)) == len(parts)
        assert set(parts) == {each.order.configuration for each in market.evidence}
        for each in ranking:
            market.space.validate(each)

    def test_before_any_evidence_the_default_is_recommended(self, allocator: Allocator) -> None:
        offer = Market(wide_space()).offer
        assert allocator.recommend(offer, []) == offer.space.default_configuration()
        assert allocator.ranking(offer, []) == []

    @pytest.mark.parametrize("settings", [(), ("n=1",), ("prompt=few", "temperature=1"), ("prompt=few",)])
    def test_it_ends_at_the_latest_when_everything_was_bought(
        self, allocator: Allocator, settings: tuple[str, ...]
    ) -> None:
        """Every order brings one of 6 examples at least, of 6 configurations, in 2 numbers of samples and lengths."""
        market = Market(small_space(*settings), n_examples=6)
        market.run(allocator, 6 * 6 * 4 + 1)
        assert len(market.orders) <= 6 * 6 * 4
        assert market.orders

    def test_a_configuration_that_always_fails_is_left_alone(self, allocator: Allocator) -> None:
        market = Market(small_space(), n_examples=6, fails=lambda each, _: each["prompt.template"] == "plain")
        market.run(allocator, 6 * 6 * 4 + 1)
        assert len(market.orders) <= 6 * 6 * 4
        assert {each.order.configuration["prompt.template"] for each in market.evidence} <= {"chat", "few"}
        assert market.evidence, "the others are still tried"

    def test_examples_that_fail_are_not_asked_for_again(self, allocator: Allocator) -> None:
        market = Market(small_space(), n_examples=6, fails=lambda _, example: example % 2 == 0)
        market.run(allocator, 6 * 6 * 4 + 1)
        assert len(market.orders) <= 6 * 6 * 4
        assert market.failed and market.evidence, "some of each were asked for"

    @pytest.mark.parametrize("level", [0.0, 1.0])
    def test_it_copes_with_equal_scores(self, allocator: Allocator, level: float) -> None:
        market = Market(wide_space(), score=lambda complete, example: level)
        market.run(allocator, 12)
        assert market.orders

    def test_it_copes_when_nothing_keeps_the_cap(self, allocator: Allocator) -> None:
        market = Market(wide_space(), cap_tokens=1.0)
        market.run(allocator, 12)
        assert market.orders


def _score(complete: Configuration, example: int) -> float:
    """Return a score that prompt, temperature and n decide, and the example's own luck."""
    luck = random.Random(f"{complete['prompt.template']} {example}").random()
    chance = 0.3 + 0.2 * (complete["prompt.template"] == "few") - 0.1 * float(complete["decoding.temperature"])
    chance += 0.02 * int(complete["strategy.n"]) + 0.005 * int(complete["decoding.max_tokens"])
    return float(min(max(chance + 0.5 * (luck - 0.5), 0.0), 1.0))


def _tokens(complete: Configuration, example: int) -> float:
    """Return tokens that prompt, n and length decide."""
    length = min(int(complete["decoding.max_tokens"]), 4 + example % 8)
    return _prompt_tokens(complete) + int(complete["strategy.n"]) * length


def _prompt_tokens(configuration: Configuration) -> float:
    return {"plain": 8.0, "chat": 12.0, "few": 30.0}[str(configuration["prompt.template"])]
