import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.space import Condition, Constraint, Parameter, SearchSpace
from infertune.space.default_space import default_space
from infertune.types import Configuration

SPACE = default_space(prompts=("short", "chat"), max_tokens=32)
GREEDY = {"decoding.temperature": 0.0, "decoding.repetition_penalty": 1.0, "prompt.template": "short"}
NAMES = ("r.a", "r.b", "r.c", "r.d")


def conditions(names):
    constants = st.integers(0, 4)
    single = st.builds(
        Condition, st.sampled_from(names), st.sampled_from(["==", "!=", ">", ">=", "<", "<="]), constants
    )
    return single | st.builds(Condition, st.sampled_from(names), st.just("in"), st.tuples(constants, constants))


@st.composite
def parts(draw):
    """Parameters with conditions, and constraints, that may leave nothing."""
    parameters = []
    for index, name in enumerate(NAMES):
        values = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True))
        low, n_steps = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        domain = draw(
            st.sampled_from(
                [
                    {"kind": "choice", "choices": tuple(values), "default": values[0]},
                    {"kind": "int", "low": low, "high": low + n_steps, "default": low + n_steps},
                ]
            )
        )
        when = draw(st.none() | conditions(NAMES[:index])) if index else None
        tier = draw(st.sampled_from(["request", "replay"])) if index else "request"
        if tier == "request" and when is not None and parameters[NAMES.index(when.name)].tier == "replay":
            tier = "replay"
        parameters.append(Parameter(name=name, tier=tier, when=when, **domain))
    constraints = draw(st.lists(st.builds(Constraint, when=conditions(NAMES), must=conditions(NAMES)), max_size=4))
    return tuple(parameters), tuple(constraints)


def by_hand(parameters, constraints):
    """Return all configurations by going through every combination, the absent ones included."""
    found = set()
    for combination in itertools.product(*(parameter.values() for parameter in parameters)):
        values = {}
        for parameter, value in zip(parameters, combination, strict=True):
            when = parameter.when
            if when is None or (when.name in values and when.holds(values[when.name])):
                values[parameter.name] = value
        if all(constraint.holds(values) for constraint in constraints):
            found.add(Configuration(values))
    return found


@settings(max_examples=40)
@given(parts())
def test_configurations_are_those_found_by_hand(parts):
    expected = by_hand(*parts)
    if not expected:
        with pytest.raises(InvalidInputError, match="no configuration is left"):
            SearchSpace(*parts)
        return
    space = SearchSpace(*parts)
    found = list(space.configurations())
    assert len(found) == len(set(found)) == space.n_configurations
    assert set(found) == expected
    for configuration in found:
        space.validate(configuration)
        assert set(space.active(configuration)) == set(configuration)


@settings(max_examples=40)
@given(parts(), st.integers(0, 2**32))
def test_samples_and_default_are_configurations(parts, seed):
    expected = by_hand(*parts)
    if not expected:
        return
    space = SearchSpace(*parts)
    assert space.sample(np.random.default_rng(seed)) in expected

    def changes(configuration):
        return sum(configuration.get(p.name, p.default) != p.default for p in parts[0])

    default = space.default_configuration()
    assert default in expected
    assert changes(default) == min(map(changes, expected))


@settings(max_examples=40)
@given(parts())
def test_tiers_together_are_the_space(parts):
    expected = by_hand(*parts)
    if not expected:
        return
    space = SearchSpace(*parts)
    request = space.tier("request")
    together = [
        configuration.with_values(choice)
        for configuration in request.configurations()
        for choice in space.replay_choices(configuration)
    ]
    assert len(together) == len(expected)
    assert set(together) == expected
    assert request.n_configurations == len(list(request.configurations()))
    assert request.default_configuration() in set(request.configurations())
    for configuration in request.configurations():
        assert space.replay_choices(configuration)
        request.validate(configuration)


@given(st.integers(0, 2**32))
def test_samples_of_the_default_space(seed):
    configuration = SPACE.sample(np.random.default_rng(seed))
    SPACE.validate(configuration)
    sampled = configuration["decoding.temperature"] > 0
    assert {f"decoding.{name}" for name in ("top_p", "top_k", "min_p")} <= configuration.keys() or not sampled
    assert sampled or not configuration.keys() & {"decoding.top_p", "decoding.top_k", "decoding.min_p"}
    assert (configuration["strategy.n"] == 1) == (configuration["strategy.name"] == "first")
    assert sampled or configuration["strategy.n"] == 1


def test_default_configuration_changes_nothing():
    assert dict(SPACE.default_configuration()) == {
        "decoding.temperature": 1.0,
        "decoding.top_p": 1.0,
        "decoding.top_k": 0,
        "decoding.min_p": 0.0,
        "decoding.repetition_penalty": 1.0,
        "decoding.max_tokens": 32,
        "prompt.template": "short",
        "strategy.n": 1,
        "strategy.name": "first",
    }


def test_greedy_has_a_share_of_its_own():
    rng = np.random.default_rng(0)
    request = SPACE.tier("request")
    drawn = Counter(request.sample(rng)["decoding.temperature"] for _ in range(1600))
    assert 60 < drawn[0.0] < 140


def test_replay_choices_of_greedy_and_of_sampling():
    assert [choice["strategy.n"] for choice in SPACE.replay_choices(GREEDY)] == [1] * 5
    choices = SPACE.replay_choices(SPACE.default_configuration())
    assert len(choices) == 5 * (1 + 3 * 2)
    assert {choice["decoding.max_tokens"] for choice in choices} == {2, 4, 8, 16, 32}


@pytest.mark.parametrize(
    "max_tokens, ladder", [(256, (16, 32, 64, 128, 256)), (3, (1, 3)), (1, (1,)), ((8, 2), (2, 8))]
)
def test_ladder_of_max_tokens(max_tokens, ladder):
    parameter = default_space(prompts=("a",), max_tokens=max_tokens)["max_tokens"]
    assert parameter.choices == ladder
    assert parameter.default == ladder[-1]


def test_a_tier_has_only_what_the_whole_can_complete():
    n = replace(SPACE["strategy.n"], choices=(3, 5), default=3)
    request = SPACE.replaced([n]).tier("request")
    assert not request.allows(GREEDY)
    with pytest.raises(InvalidInputError, match="no value of the other tiers"):
        request.validate(GREEDY)
    rng = np.random.default_rng(0)
    assert all(request.sample(rng)["decoding.temperature"] > 0 for _ in range(200))


def test_the_default_makes_way_for_a_constraint():
    n = replace(SPACE["strategy.n"], choices=(3, 5), default=3)
    default = SPACE.replaced([n]).default_configuration()
    assert (default["strategy.n"], default["strategy.name"]) == (3, "majority")


def test_an_empty_tier_has_one_configuration():
    assert list(SPACE.tier("engine").configurations()) == [Configuration({})]


def test_infinite_only_where_a_continuous_parameter_can_exist():
    top_p = replace(SPACE["top_p"], step=None)
    assert SPACE.replaced([top_p]).n_configurations == float("inf")
    greedy = replace(SPACE["temperature"], kind="choice", choices=(0.0,), default=0.0, low=None, high=None, step=None)
    assert SPACE.replaced([top_p, greedy]).tier("request").n_configurations == 2 * 7


def test_a_constraint_between_thresholds_of_a_continuous_range():
    """Only values strictly between two thresholds are left; neither an end nor a threshold is among them."""
    x = Parameter(name="r.x", tier="request", kind="float", low=0.0, high=1.0, default=0.0)
    one = Parameter(name="r.one", tier="request", kind="choice", choices=(1,), default=1)
    always = Condition("r.one", "==", 1)
    bounds = [
        Constraint(when=always, must=Condition("r.x", operator, value)) for operator, value in ((">", 0.4), ("<", 0.5))
    ]
    space = SearchSpace((x, one), tuple(bounds))
    assert 0.4 < space.default_configuration()["r.x"] < 0.5
    assert 0.4 < space.sample(np.random.default_rng(0))["r.x"] < 0.5


@pytest.mark.parametrize(
    "change, message",
    [
        ({"decoding.temperature": 0.05}, r"in 0\.0\.\.1\.5:0\.1, but found 0\.05; nearest is 0\.[01]"),
        ({"decoding.temperature": 1.7}, r"nearest is 1\.5"),
        ({"decoding.temperature": 1}, r"in 0\.0"),
        ({"strategy.n": 4}, "in 1,3,5,9, but found 4; nearest is 3"),
        ({"strategy.name": "frist"}, "did you mean 'first'"),
        ({"decoding.top_q": 1.0}, "did you mean 'decoding.top_p'"),
        ({"n": 1}, "full names"),
        ({"strategy.n": 3}, "strategy.n must be 1 where strategy.name is first, but found 3"),
        ({"decoding.temperature": 0.0}, "decoding.top_p must be left out unless decoding.temperature > 0"),
        ({"decoding.top_p": None}, r"decoding\.top_p must be given \(the default is 1\.0\)"),
    ],
)
def test_validate_says_what_must_hold(change, message):
    values = {**SPACE.default_configuration(), **change}
    with pytest.raises(InvalidInputError, match=message):
        SPACE.validate({name: value for name, value in values.items() if value is not None})


def test_configuration_from_outside_may_leave_the_searched_ranges():
    values = {**SPACE.default_configuration(), "decoding.temperature": 2, "strategy.n": 7, "strategy.name": "majority"}
    configuration = SPACE.configuration(values)
    assert type(configuration["decoding.temperature"]) is float
    with pytest.raises(InvalidInputError, match="temperature must be in"):
        SPACE.validate(configuration)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"decoding.temperature": -1}, "best.yaml: decoding.temperature must be at least 0"),
        ({"decoding.temperature": "hot"}, "must be a number"),
        ({"strategy.n": 1.0}, "must be a whole number"),
        ({"strategy.n": 3}, "strategy.n must be 1 where"),
        ({"prompt.template": "shor"}, "did you mean 'short'"),
    ],
)
def test_configuration_from_outside_must_have_a_meaning(change, message):
    with pytest.raises(InvalidInputError, match=message):
        SPACE.configuration({**SPACE.default_configuration(), **change}, where="best.yaml")


def test_lookup_by_alias():
    assert SPACE["voter"].name == "strategy.name"
    assert SPACE["prompt"].name == "prompt.template"
    assert "n" in SPACE and "name" not in SPACE
    with pytest.raises(InvalidInputError, match="did you mean 'temperature'"):
        SPACE["temprature"]


def test_spaces_that_cannot_be():
    a = Parameter(name="r.a", tier="request", kind="choice", choices=("x",), default="x")
    b = replace(a, name="r.b", alias="", when=Condition("r.c", "==", "x"))
    with pytest.raises(InvalidInputError, match="named once"):
        SearchSpace((a, a))
    with pytest.raises(InvalidInputError, match="earlier parameter"):
        SearchSpace((a, b))
    with pytest.raises(InvalidInputError, match="compare numbers"):
        SearchSpace((a, replace(b, when=Condition("r.a", ">", 1))))
    with pytest.raises(InvalidInputError, match="earlier parameter"):
        SearchSpace((a,), (Constraint(when=Condition("r.z", "==", 1), must=Condition("r.a", "==", "x")),))
