"""A sampler's trials as orders, and what is logged of each."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from infertune.allocators import Allocator
from infertune.samplers import SpaceExhausted, Trial
from infertune.samplers.grid import GridSampler
from infertune.samplers.qmc import QMCSampler
from infertune.samplers.random import RandomSampler
from infertune.samplers.tpe import TPESampler
from infertune.space import SearchSpace
from infertune.study.landed import logged
from infertune.study.sampler_allocator import GUARD_EXAMPLES, SamplerAllocator
from infertune.testing.allocator_contract import AllocatorContract, Market, small_space, wide_space
from infertune.testing.landscape import decoding_space
from infertune.types import Configuration
from infertune.types.evidence import Candidate, Order

FIRST = decoding_space().default_configuration()


class TrialsOf(SamplerAllocator):
    """Of the sampler that most of the tests are about."""

    def __init__(self) -> None:
        super().__init__(TPESampler())


class TestSamplerAllocator(AllocatorContract):
    """A sampler keeps all that is asked of an allocator."""

    @pytest.fixture
    def allocator(self) -> Allocator:
        return TrialsOf()


class Watching:
    """Proposes as another sampler does, and keeps what it was shown."""

    def __init__(self, most: int = 1000) -> None:
        self.shown: list[Sequence[Trial]] = []
        self._most = most

    def propose(self, space: SearchSpace, history: Sequence[Trial], seed: int) -> Configuration:
        self.shown.append(list(history))
        if len(history) >= self._most:
            raise SpaceExhausted
        return RandomSampler().propose(space, history, seed)


def test_the_first_trial_is_the_default_and_all_have_the_same_examples_and_samples() -> None:
    market = Market(wide_space(), n_examples=24)
    market.run(SamplerAllocator(RandomSampler()), 6)
    assert market.orders[0].configuration == wide_space().tier("request").default_configuration()
    assert {(each.examples, each.n_samples) for each in market.orders} == {(tuple(range(24)), 3)}
    assert len({each.configuration for each in market.orders}) == 6


def test_a_sampler_is_shown_what_is_under_way_as_pending() -> None:
    watching = Watching()
    market = Market(wide_space())
    market.run(SamplerAllocator(watching), 3)
    pending: list[Order] = []
    for _ in range(3):
        order = market.ask(SamplerAllocator(watching), pending)
        assert order is not None
        pending.append(order)
    assert [trial.state for trial in watching.shown[-1]] == ["complete"] * 3 + ["pending"] * 2
    assert [trial.number for trial in watching.shown[-1]] == list(range(5))
    assert [trial.configuration for trial in watching.shown[-1][3:]] == [each.configuration for each in pending[:2]]


@pytest.mark.parametrize("sampler", [GridSampler(), QMCSampler(), TPESampler()])
def test_a_space_that_ends_ends_the_trials(sampler: object) -> None:
    market = Market(small_space("n=1"), n_examples=6)
    market.run(SamplerAllocator(sampler), 100)  # type: ignore[arg-type]
    assert len(market.orders) == len({each.configuration for each in market.orders}) == 6


def fails_on(name: str) -> Callable[[Configuration, int], bool]:
    return lambda configuration, _: configuration["prompt.template"] == name


def test_a_sampler_is_told_what_failed_and_what_broke_the_cap() -> None:
    watching = Watching()
    market = Market(small_space("n=1"), n_examples=24, cap_tokens=30.0, fails=fails_on("plain"))
    market.run(SamplerAllocator(watching), 12)
    shown = {trial.configuration: trial for trial in watching.shown[-1]}
    assert {trial.state for each, trial in shown.items() if each["prompt.template"] == "plain"} == {"failed"}
    assert {trial.utility for each, trial in shown.items() if each["prompt.template"] == "plain"} == {None}
    over = [trial for each, trial in shown.items() if each["prompt.template"] == "few"]
    assert over and all(trial.state == "complete" and trial.constraint > 0 for trial in over)


def test_with_a_cap_a_few_examples_decide_whether_a_trial_goes_on() -> None:
    """A prompt of 30 tokens costs 37 and more, a fourth above the cap; the others cost less."""
    market = Market(small_space("n=1"), n_examples=24, cap_tokens=26.0)
    market.run(SamplerAllocator(RandomSampler()), 20)
    sizes: dict[str, list[int]] = {}
    for each in market.orders:
        sizes.setdefault(str(each.configuration["prompt.template"]), []).append(len(each.examples))
    assert sizes["few"] == [GUARD_EXAMPLES] * 2
    assert sorted(sizes["plain"]) == sorted(sizes["chat"]) == [GUARD_EXAMPLES] * 2 + [24] * 2


def candidate(name: str, utility: float, cost: float) -> Candidate:
    return Candidate(
        configuration=Configuration({"name": name}),
        example_ids=("a", "b"),
        scores=np.full(2, utility),
        tokens=np.full(2, cost),
    )


CHOICES = [candidate("cheap", 0.2, 10.0), candidate("good", 0.8, 30.0), candidate("dear", 0.8, 60.0)]


@pytest.mark.parametrize(
    ("cap", "chosen", "over"),
    [(None, "good", 0.0), (60.0, "good", 0.0), (20.0, "cheap", 0.0), (4.0, "cheap", 6.0)],
)
def test_a_trial_is_logged_with_its_best_choice_within_the_cap(cap: float | None, chosen: str, over: float) -> None:
    trial = logged(7, FIRST, CHOICES, n_planned=2, max_cost_tokens=cap)
    assert (trial.number, trial.chosen, trial.over_cap_tokens) == (7, {"name": chosen}, over)
    assert (trial.n_planned, trial.n_examples, trial.cause) == (2, 2, "")


def test_a_trial_without_an_answer_failed_and_is_not_a_zero() -> None:
    trial = logged(7, FIRST, [], n_planned=2, max_cost_tokens=None)
    assert trial.utility is None
    assert trial.cause == "every request failed"


def test_a_trial_that_failed_keeps_what_the_engine_said() -> None:
    trial = logged(7, FIRST, [], n_planned=2, max_cost_tokens=None, cause="HTTP 400: too long")
    assert trial.cause == "every request failed: HTTP 400: too long"
