"""EcoOptiGen: steps as published, samples paid once, and what the contract of allocators leaves open."""

import builtins
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.search.methods.allocated import Allocated
from benchmarks.search.problem import Bought, Problem, Purchase, SyntheticProblem
from benchmarks.search.race import Method, Setting, run
from infertune.allocators.ecooptigen.allocator import EcoOptiGenAllocator
from infertune.allocators.ecooptigen.blend_search import BlendSearch, flaml
from infertune.allocators.ecooptigen.whole_space import WholeSpace
from infertune.errors import DataUnavailableError
from infertune.space import Parameter
from infertune.space.notation import changed
from infertune.study.search_names import search_named
from infertune.testing.allocator_contract import Market, small_space, wide_space
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order


class Watched(Allocated):
    """Notes the orders and what each cost."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting, EcoOptiGenAllocator())
        self.orders: list[Order] = []
        self.costs: list[int] = []

    def ask(self) -> Purchase | None:
        wish = super().ask()
        if wish is not None:
            self.orders.append(self._pending[-1])
        return wish

    def tell(self, bought: Bought) -> None:
        self.costs.append(bought.tokens)
        super().tell(bought)


def watched(problem: Problem, *, budget: int = 60_000) -> Watched:
    made: list[Watched] = []

    def make(setting: Setting) -> Method:
        made.append(Watched(setting))
        return made[0]

    run(make, Setting(problem=problem, budget_tokens=budget))
    return made[0]


@pytest.fixture(scope="module")
def capped() -> Watched:
    return watched(SyntheticProblem(1, 150.0, 0))


def test_without_a_cap_a_trial_is_one_order() -> None:
    method = watched(SyntheticProblem(1, None, 0))
    assert {order.examples for order in method.orders} == {tuple(range(20))}
    assert len(method.orders) == len({(o.configuration, o.n_samples, o.max_tokens) for o in method.orders}) > 5


def test_with_a_cap_it_begins_with_one_example_and_doubles(capped: Watched) -> None:
    """What an order lacks of a step's examples may be fewer, where other trials have had some."""
    steps = {(0,), (1,), (2, 3), (4, 5, 6, 7), tuple(range(8, 16)), (16, 17, 18, 19)}
    assert all(any(set(order.examples) <= set(step) for step in steps) for order in capped.orders)
    assert {order.examples for order in capped.orders} == steps


def whole_cost(piece: Evidence) -> float:
    """Return the tokens of a request with all samples of an order, which may be more than any n of the space."""
    lengths = [
        (row - piece.prompt_tokens).mean() / int(choice["strategy.n"])
        for choice, row in zip(piece.choices, piece.tokens, strict=True)
    ]
    return float(piece.prompt_tokens.mean() + piece.order.n_samples * max(lengths))


def test_what_breaks_the_cap_is_found_out_on_few_examples() -> None:
    """The first trial of all is the one that is evaluated whole whatever it costs."""
    first, *others = watched(SyntheticProblem(1, 150.0, 0), budget=250_000)._evidence
    dear = [each for each in others if whole_cost(each) > 1.2 * 150]
    after = [each for each in dear if each.order.configuration != first.order.configuration]
    assert len(after) > 1 and max(max(each.order.examples) for each in after) < 4
    assert max(max(each.order.examples) for each in dear) == 19


def test_the_recommendation_is_the_best_observed_within_the_cap(capped: Watched) -> None:
    recommended = capped.recommend()
    capped._offer().space.validate(recommended)
    replay = {name: recommended[name] for name in ("strategy.n", "strategy.name", "decoding.max_tokens")}
    pieces = [each for each in capped._evidence if each.order.configuration.items() <= recommended.items()]
    tokens, scores = {}, {}
    for piece in pieces:
        if Configuration(replay) in piece.choices:
            row = piece.choices.index(Configuration(replay))
            tokens |= dict(zip(piece.order.examples, piece.tokens[row], strict=True))
            scores |= dict(zip(piece.order.examples, piece.scores[row], strict=True))
    assert set(tokens) == set(range(20)), "it was evaluated on all examples"
    assert np.mean(list(tokens.values())) <= 150
    complete = capped._allocator._replay.complete  # type: ignore[attr-defined]
    assert np.mean(list(scores.values())) == pytest.approx(max(u for _, _, u, cost in complete if cost <= 150))


def test_more_samples_are_asked_of_examples_already_had_and_only_they_are_paid(capped: Watched) -> None:
    deepest: dict[tuple[Configuration, int], int] = {}
    n_deepened = 0
    for order, cost in zip(capped.orders, capped.costs, strict=False):
        had = [deepest.get((order.configuration, example), 0) for example in order.examples]
        n_deepened += 0 < min(had) < order.n_samples
        most = sum((order.max_tokens or 0) * (order.n_samples - n) for n in had)
        evidence = next(each for each in capped._evidence if each.order is order)
        if min(had) < order.n_samples:
            assert cost <= evidence.prompt_tokens.sum() + most
        for example in order.examples:
            key = order.configuration, example
            deepest[key] = max(deepest.get(key, 0), order.n_samples)
    assert n_deepened > 3


def test_orders_are_repeated_by_a_study_that_goes_on() -> None:
    """Step by step, fresh allocators give the orders that one with a memory gave; the process does not matter."""
    market = Market(wide_space(), cap_tokens=40.0)
    one = EcoOptiGenAllocator()
    given_orders = []
    for _ in range(25):
        order = market.ask(one)
        assert order == EcoOptiGenAllocator().order(market.offer, market.evidence, [])
        assert order is not None
        given_orders.append(order)
        market.fill(order)
    script = (
        "from infertune.testing.allocator_contract import Market, wide_space\n"
        "from infertune.allocators.ecooptigen.allocator import EcoOptiGenAllocator\n"
        "m = Market(wide_space(), cap_tokens=40.0)\n"
        "m.run(EcoOptiGenAllocator(), 25)\n"
        "print([(o.configuration.digest, o.examples, o.n_samples, o.max_tokens) for o in m.orders])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert done.strip() == str([(o.configuration.digest, o.examples, o.n_samples, o.max_tokens) for o in given_orders])


@given(bad=st.sets(st.integers(0, 400), max_size=60), cap=st.sampled_from([None, 30.0, 60.0]))
@settings(max_examples=25, deadline=None)
def test_failures_are_repeated_too(bad: set[int], cap: float | None) -> None:
    """Whatever fails, a fresh allocator goes on as the old one does, and both end."""

    def fails(configuration: Configuration, example: int) -> bool:
        return int(configuration.digest, 16) % 17 * 24 + example in bad

    market = Market(small_space("temperature=0,0.5,1", "top_p=0.5,1"), n_examples=7, cap_tokens=cap, fails=fails)
    one = EcoOptiGenAllocator()
    for _ in range(12):
        order = market.ask(one)
        assert order == EcoOptiGenAllocator().order(market.offer, market.evidence, [])
        if order is None:
            break
        market.fill(order)


def test_it_ends_and_stays_ended() -> None:
    market = Market(small_space(), n_examples=3)
    allocator = EcoOptiGenAllocator()
    market.run(allocator, 1000)
    assert market.ask(allocator) is market.ask(EcoOptiGenAllocator()) is None
    prompts = {order.configuration["prompt.template"] for order in market.orders}
    assert prompts == {"plain", "chat", "few"}


def test_a_space_of_one_configuration_is_evaluated_once() -> None:
    space = small_space("prompt=few", "temperature=1", "n=3", "max_tokens=16", "voter=majority")
    market = Market(space, n_examples=3)
    market.run(EcoOptiGenAllocator(), 10)
    assert [(order.examples, order.n_samples) for order in market.orders] == [((0, 1, 2), 3)]


def test_only_what_was_recorded_is_ordered() -> None:
    rng = np.random.default_rng(0)
    problem = SyntheticProblem(0, 600.0, 0)
    problem.configurations = tuple(dict.fromkeys(problem.space.tier("request").sample(rng) for _ in range(12)))
    method = watched(problem)
    assert {order.configuration for order in method.orders} <= set(problem.configurations)
    assert len({order.configuration for order in method.orders}) > 4


def test_samples_too_long_that_cannot_be_cut_are_given_up() -> None:
    """An endpoint that does not say where tokens end answers a shorter limit only anew, which is not asked for."""
    market = Market(small_space("prompt=few"), n_examples=2)
    whole = market._evidence

    def uncut(order: Order):  # type: ignore[no-untyped-def]
        piece = whole(order)
        rows = [at for at, c in enumerate(piece.choices) if c["decoding.max_tokens"] == order.max_tokens]
        return type(piece)(
            order=order,
            choices=tuple(piece.choices[at] for at in rows),
            scores=piece.scores[rows],
            tokens=piece.tokens[rows],
            prompt_tokens=piece.prompt_tokens,
        )

    market._evidence = uncut  # type: ignore[method-assign]
    market.run(EcoOptiGenAllocator(), 1000)
    assert market.orders and market.ask(EcoOptiGenAllocator()) is None


# The whole space


@given(seed=st.integers(0, 1000), n_choices=st.sampled_from([(1,), (1, 3), (3,)]))
@settings(max_examples=60, deadline=None)
def test_what_is_proposed_becomes_one_of_the_space(seed: int, n_choices: tuple[int, ...]) -> None:
    space = wide_space()
    whole = WholeSpace(space, (), n_choices)
    rng = np.random.default_rng(seed)
    values = {parameter.name: parameter.from_unit(rng.random()) for parameter in whole.parameters}
    found = whole.complete(values)
    if found is None:
        assert values["decoding.temperature"] == 0 and 1 not in n_choices
        return
    request, choice = found
    complete = request.with_values(choice)
    space.validate(complete)
    assert choice["strategy.n"] in n_choices
    assert choice["decoding.max_tokens"] == values.get("decoding.max_tokens", choice["decoding.max_tokens"])
    assert all(complete[name] == values[name] for name in request if name in values)
    if request["decoding.temperature"] > 0 and choice["strategy.n"] > 1:
        assert choice["strategy.name"] == values["strategy.name"] != "first"


def test_greedy_decoding_is_one_sample() -> None:
    whole = WholeSpace(wide_space(), (), (1, 3))
    values = {parameter.name: parameter.values()[-1] for parameter in whole.parameters} | {"decoding.temperature": 0.0}
    request, choice = whole.complete(values) or pytest.fail("there is one")
    assert choice["strategy.n"] == 1 and choice["strategy.name"] == "first"
    assert "decoding.top_p" not in request


# FLAML


def test_it_maximises() -> None:
    """Of two parameters and a utility without noise it comes near the optimum, which chance seldom does."""
    x = Parameter(name="d.x", tier="request", kind="float", low=0.0, high=1.0, default=0.0)
    y = Parameter(name="d.y", tier="request", kind="choice", choices=("a", "b", "c"), default="a")
    search = BlendSearch((x, y), 3)
    best = -1.0
    for _ in range(80):
        values = search.propose()
        if values is not None:
            utility = 1 - abs(float(values["d.x"]) - 0.3) - (values["d.y"] != "b")
            best = max(best, utility)
            search.tell(utility=utility, cost=1.0)
    assert best > 0.98


def test_a_busy_machine_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLAML warns where reading the space took over a second; here any time is too long."""
    flaml()
    monkeypatch.setattr("flaml.tune.searcher.suggestion.DEFINE_BY_RUN_WARN_THRESHOLD_S", -1)
    search = BlendSearch((Parameter(name="d.x", tier="request", kind="float", low=0.0, high=1.0, default=0.0),), 0)
    for _ in range(20):  # those of the global search are read too
        if search.propose() is not None:
            search.tell(utility=0.0, cost=1.0)


@pytest.mark.parametrize(
    "parameter",
    [
        Parameter(name="d.x", tier="request", kind="float", low=0.0, high=1.5, step=0.1, default=0.0),
        Parameter(name="d.x", tier="request", kind="float", low=0.01, high=10.0, log=True, default=1.0),
        Parameter(name="d.x", tier="request", kind="int", low=3, high=12, default=4),
        Parameter(name="d.x", tier="request", kind="int", low=4, high=12, step=4, default=4),
        Parameter(name="d.x", tier="request", kind="int", low=1, high=100, log=True, default=4),
        Parameter(name="d.x", tier="request", kind="choice", choices=(0, 10, 50), default=0),
        Parameter(name="d.x", tier="request", kind="choice", choices=(True, False), default=True),
    ],
)
def test_every_kind_of_parameter_is_searched_from_end_to_end(parameter: Parameter) -> None:
    search = BlendSearch((parameter,), 0)
    seen = []
    for _ in range(60):
        values = search.propose()
        if values is not None:
            seen.append(parameter.nearest(values["d.x"]))
            assert parameter.contains(seen[-1])
            search.tell(utility=0.5, cost=1.0)
    if parameter.continuous:
        assert min(seen) < 0.1 and max(seen) > 1
    elif len(parameter.values()) < 5:
        assert set(seen) == set(parameter.values())
    else:
        assert len(set(seen)) > 5


def test_without_flaml_the_extra_is_named_before_a_study_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: object, **named: object) -> object:
        if name.split(".")[0] == "flaml":
            raise ModuleNotFoundError("No module named 'flaml'", name="flaml")
        return real(name, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataUnavailableError, match=r"pip install 'infertune\[flaml\]'"):
        search_named("ecooptigen")


def test_a_constraint_that_nothing_near_keeps_is_no_order() -> None:
    """Greedy decoding has no three samples; where it is proposed the search is told the worst."""
    market = Market(changed(wide_space(), ("n=3",)), n_examples=2)
    market.run(EcoOptiGenAllocator(), 20)
    assert market.orders and all(order.configuration["decoding.temperature"] > 0 for order in market.orders)
