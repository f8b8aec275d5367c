"""The families of synthetic models as problems: their optima, caps, and one unit of regret for all scales."""

import numpy as np
import pytest

from benchmarks.search import suite
from benchmarks.search.families import SYNTHETIC
from benchmarks.search.ladder import ladder
from benchmarks.search.methods.axes import Axes
from benchmarks.search.optimum import KEPT, optimum, worth
from benchmarks.search.problem import SyntheticProblem
from infertune.space import Parameter
from infertune.testing.graded_model import GradedModel
from infertune.types import Configuration

CASES = [(family, cap) for family, about in SYNTHETIC.items() for cap in about.caps]


@pytest.mark.parametrize(("family", "cap"), CASES)
def test_the_known_optimum_is_hard_to_beat(family: str, cap: float | None) -> None:
    """Nothing among 60 draws is better by more than the error of a quarter of the population."""
    model, known = SYNTHETIC[family].model(4), optimum(4, cap, family)
    tokens = known.get("cap_tokens", cap)
    rng = np.random.default_rng(9)
    request = model.space.tier("request")
    for _ in range(60):
        truth = model.truth(request.sample(rng), n_examples=1024)
        figures = zip(truth.utility, truth.cost_tokens, strict=True)
        assert max(worth(u, c, tokens, model.scale) for u, c in figures) < known["worth"] + 0.02 * model.scale


@pytest.mark.parametrize("family", SYNTHETIC)
def test_the_optimum_itself_has_no_regret_and_all_else_has(family: str) -> None:
    cap = SYNTHETIC[family].caps[-1]
    problem, known = SyntheticProblem(2, cap, 0, family=family), optimum(2, cap, family)
    assert problem.regret(Configuration(known["configuration"])) == pytest.approx(0.0, abs=1e-9)
    rng = np.random.default_rng(1)
    drawn = [problem.regret(problem.space.sample(rng)) for _ in range(30)]
    assert min(drawn) > -0.005 and np.median(drawn) > 0.05


def test_a_cap_is_a_multiple_of_what_the_default_costs() -> None:
    for family in ("softmax", "graded", "labels"):
        about = SYNTHETIC[family]
        model, cap = about.model(0), about.caps[-1]
        assert cap is not None
        truth = model.truth(model.space.tier("request").default_configuration())
        default = model.space.default_configuration()
        at = truth.choices.index(Configuration({name: default[name] for name in truth.choices[0]}))
        problem = SyntheticProblem(0, cap, 0, family=family)
        assert problem.cap == pytest.approx(cap * truth.cost_tokens[at], abs=0.06)
        assert f"cap {problem.cap:g}" in problem.name
        assert SyntheticProblem(0, None, 0, family="softmax").cap is None


def test_regret_is_in_units_of_the_scale() -> None:
    """The same landscape with scores a twentieth as large has the same regrets."""
    whole = SyntheticProblem(0, 3.0, 0, family="graded")
    rng = np.random.default_rng(0)
    drawn = [whole.space.sample(rng) for _ in range(5)]
    regrets = [whole.regret(each) for each in drawn]
    whole.scale, whole._best = whole.scale / 20, whole._best / 20
    whole._model = GradedModel(0, scale=whole.scale)
    assert [whole.regret(each) for each in drawn] == pytest.approx(regrets)


def test_every_landscape_of_the_suite_is_known_beforehand() -> None:
    """So that nobody waits a minute for an optimum, nor writes to the file."""
    before = KEPT.read_text()
    caps = {family: set() for family in SYNTHETIC}
    for family in SYNTHETIC:
        problems = [suite.FAMILIES[family].problem(seed) for seed in range(24)]
        caps[family] = {problem.cap is None for problem in problems}
        assert len({problem.name for problem in problems}) > 12
    assert KEPT.read_text() == before
    assert caps["softmax"] == caps["labels"] == {True, False} and caps["graded"] == {False}


def test_rungs_are_equally_far_apart_in_the_scale_of_the_range() -> None:
    ratios = Parameter(name="argument.a", tier="request", kind="int", low=10, high=1000, default=10, log=True)
    rungs = ladder(ratios, 10)
    assert len(rungs) == 10 and all(map(ratios.contains, rungs))
    steps = np.diff(np.log(rungs))
    assert steps.max() < 1.3 * steps.min()
    steps_of_two = Parameter(name="argument.b", tier="request", kind="int", low=0, high=60, step=2, default=0)
    assert ladder(steps_of_two, 10) == list(range(0, 61, 2))
    few = Parameter(name="argument.c", tier="request", kind="int", low=1, high=3, default=1, log=True)
    assert ladder(few, 10) == [1, 2, 3]


def test_a_peer_chooses_among_rungs_of_a_range_of_ratios() -> None:
    problem = SyntheticProblem(0, None, 0, family="labels")
    axes = Axes(problem)
    named = {axis.name: axis for axis in axes.axes}
    weight = named["argument.rerank_weight"]
    assert weight.ordered and len(weight.values) == 100 and weight.values[50] < 0.2
    assert len(named["prompt.template"].values) == 60 and not named["prompt.template"].ordered
    for place in (0, -1):
        problem.space.validate(axes.configuration([range(len(axis.values))[place] for axis in axes.axes]))
