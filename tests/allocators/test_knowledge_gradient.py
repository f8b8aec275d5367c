"""The allocator `value`, held to what an allocator promises and to a margin over random search."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from benchmarks.search.methods.allocated import Allocated
from benchmarks.search.methods.trials import Trials
from benchmarks.search.problem import Bought, Problem, Purchase, SyntheticProblem
from benchmarks.search.race import Method, Setting, run
from infertune.allocators.knowledge_gradient.allocator import KnowledgeGradientAllocator
from infertune.samplers.random import RandomSampler
from infertune.testing.graded_model import GradedModel
from infertune.types.evidence import Order


class Watched(Allocated):
    """Notes the orders and keeps to what an allocator may do."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, KnowledgeGradientAllocator())
        self.orders: list[Order] = []
        self.under_way = 0
        self.most_under_way = 0

    def ask(self) -> Purchase | None:
        wish = super().ask()
        if wish is not None:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            if not any(each is self._pending[-1] for each in self.orders):  # of one order each worker takes a part
                self.orders.append(self._pending[-1])
        return wish

    def tell(self, bought: Bought) -> None:
        self.under_way -= 1
        super().tell(bought)


def watched(
    *, problem: Problem | None = None, cap: float | None = 600.0, n_workers: int = 1, budget: int = 60_000
) -> Watched:
    methods = []
    problem = problem or SyntheticProblem(2, cap, 0)

    def make(setting: Setting) -> Watched:
        methods.append(Watched(setting))
        return methods[0]

    run(make, Setting(problem=problem, budget_tokens=budget, n_workers=n_workers))
    return methods[0]


@pytest.fixture(scope="module", params=[1, 4], ids=["alone", "four workers"])
def method(request: pytest.FixtureRequest) -> Watched:
    return watched(n_workers=request.param)


def test_orders_are_within_the_offer(method: Watched) -> None:
    offer = method._offer()
    request = offer.space.tier("request")
    seen: dict[object, set[int]] = {}
    for order in method.orders:
        request.validate(order.configuration)
        examples = seen.setdefault(order.configuration, set())
        assert order.examples and not examples & set(order.examples), "no example is bought twice"
        assert len(set(order.examples)) == len(order.examples)
        assert 0 <= min(order.examples) and max(order.examples) < offer.n_examples
        assert order.n_samples in offer.n_choices
        examples |= set(order.examples)


def test_every_prompt_is_tried_and_the_default_first(method: Watched) -> None:
    request = method._offer().space.tier("request")
    assert method.orders[0].configuration == request.default_configuration()
    tried = {order.configuration["prompt.template"] for order in method.orders}
    assert tried == set(request["prompt.template"].values())


def test_the_recommendation_was_bought(method: Watched) -> None:
    recommended = method.recommend()
    method._offer().space.validate(recommended)
    assert any(order.configuration.items() <= recommended.items() for order in method.orders)


def test_decisions_are_repeated_by_a_study_that_goes_on() -> None:
    """An order depends on offer and evidence alone, not on what the process did before."""
    script = (
        "from tests.allocators.test_knowledge_gradient import watched\n"
        "m = watched(budget=30_000)\n"
        "print([(o.configuration.digest, o.examples, o.n_samples) for o in m.orders])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    orders = [(o.configuration.digest, o.examples, o.n_samples) for o in watched(budget=30_000).orders]
    assert done.strip() == str(orders)


@pytest.mark.parametrize("cap", [1.0, 3.0])
def test_scores_of_any_scale_are_searched_alike(cap: float) -> None:
    """A power of two changes no digit of a score, so it may change no decision."""
    found = []
    for scale in (1.0, 1 / 32):
        problem = SyntheticProblem(3, cap, 0, family="graded")
        problem._model = problem._answering = GradedModel(3, scale=scale)
        method = watched(problem=problem, budget=100_000)
        found.append([(each.configuration, each.examples, each.n_samples) for each in method.orders])
        assert len(found[-1]) > 20
    assert found[0] == found[1]


def test_with_workers_it_waits_for_nobody_and_orders_nothing_twice() -> None:
    method = watched(n_workers=8)
    assert method.most_under_way == 8
    assert len({(o.configuration, o.examples) for o in method.orders}) == len(method.orders)


def test_what_cannot_keep_the_cap_is_hardly_bought() -> None:
    """Of two prompts that alone cost more than the cap, only the fixed beginning is spent."""
    problem = SyntheticProblem(1, 150.0, 0)  # `chat` and `thoughts` take 160 and more under any other setting
    methods = []

    def make(setting: Setting) -> Watched:
        methods.append(Watched(setting))
        return methods[0]

    run(make, Setting(problem=problem, budget_tokens=100_000))
    price: dict[object, float] = {}
    for each in methods[0]._evidence[7:]:
        price[each.order.configuration] = float(each.tokens.mean(axis=1).min())
    assert np.mean([least <= 150.0 * 1.1 for least in price.values()]) > 0.9


@pytest.mark.slow
def test_it_beats_random_search() -> None:
    """By a point or more on average, which is half of what it was measured to gain; docs/design/search.md."""

    def regret(make: Callable[[Setting], Method]) -> float:
        problems = [SyntheticProblem(landscape, cap, 0) for landscape in range(8) for cap in (150.0, 600.0)]
        found = [run(make, Setting(problem=each, budget_tokens=400_000)).regrets[-1] for each in problems]
        return float(np.mean(found))

    ours = regret(lambda setting: Allocated(setting, KnowledgeGradientAllocator()))
    assert ours < regret(partial(Trials, sampler=RandomSampler())) - 0.01
