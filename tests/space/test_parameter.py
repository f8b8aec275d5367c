import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.space import Condition, Parameter


def ranged(kind, low, high, **more):
    return Parameter(name="request.x", tier="request", kind=kind, low=low, high=high, default=low, **more)


TEMPERATURE = replace(ranged("float", 0.0, 1.5, step=0.1), limits=(Condition("request.x", ">=", 0.0),))
units = st.floats(0, 1, exclude_max=True)


@st.composite
def parameters(draw):
    kind = draw(st.sampled_from(["float", "stepped", "float log", "int", "int log", "choice"]))
    if kind == "choice":
        choices = draw(st.lists(st.integers(-5, 50), min_size=1, max_size=6, unique=True))
        return Parameter(name="a.b", tier="replay", kind="choice", choices=tuple(choices), default=choices[0])
    n_steps = draw(st.integers(0, 40))
    if kind == "float":
        low = draw(st.floats(-1e3, 1e3))
        return ranged("float", low, low + draw(st.floats(0, 1e3)))
    if kind == "stepped":
        step = draw(st.integers(1, 500)) / 1000
        low = draw(st.integers(-2000, 2000)) / 1000
        return ranged("float", low, round(low + n_steps * step, 6), step=step)
    if kind == "float log":
        low = draw(st.floats(1e-6, 10))
        return ranged("float", low, low * draw(st.floats(1, 1e4)), log=True)
    low = draw(st.integers(1, 100))
    if kind == "int log":
        return ranged("int", low, low + n_steps, log=True)
    step = draw(st.integers(1, 7))
    return ranged("int", low, low + n_steps * step, step=step)


@given(parameters(), units)
def test_from_unit_stays_inside(parameter, position):
    assert parameter.contains(parameter.from_unit(position))


@given(parameters())
def test_ends_of_the_unit_reach_the_ends_of_the_values(parameter):
    first, last = parameter.from_unit(0.0), parameter.from_unit(math.nextafter(1.0, 0.0))
    ends = parameter.choices or (parameter.low, parameter.high)
    assert first == pytest.approx(ends[0])
    assert last == pytest.approx(ends[-1])


@given(parameters())
def test_values_are_distinct_and_inside(parameter):
    if not parameter.continuous:
        values = parameter.values()
        assert len(set(values)) == len(values) <= 50
        assert all(parameter.contains(value) for value in values)
        assert parameter.default in values


@given(parameters(), st.floats(-1e4, 1e4))
def test_nearest_is_the_closest_value(parameter, number):
    near = parameter.nearest(number)
    assert parameter.contains(near)
    if parameter.continuous:
        assert near == min(max(number, parameter.low), parameter.high)
    else:
        closest = min(abs(value - number) for value in parameter.values())
        assert abs(near - number) == pytest.approx(closest)


@given(parameters())
def test_nearest_of_a_value_is_itself(parameter):
    for value in [parameter.default] if parameter.continuous else parameter.values():
        assert parameter.nearest(value) == value


def test_steps_are_decimal():
    assert TEMPERATURE.values() == tuple(float(f"{tenths // 10}.{tenths % 10}") for tenths in range(16))
    assert not TEMPERATURE.contains(0.1 + 0.2)
    assert TEMPERATURE.nearest(0.1 + 0.2) == 0.3


def test_every_step_has_an_equal_share():
    positions = [index / 1600 for index in range(1600)]
    drawn = [TEMPERATURE.from_unit(position) for position in positions]
    assert {drawn.count(value) for value in TEMPERATURE.values()} == {100}


def test_log_range_gives_equal_ratios_equal_shares():
    parameter = ranged("float", 0.01, 100.0, log=True)
    assert [parameter.from_unit(position) for position in (0, 0.25, 0.5, 0.75)] == pytest.approx([0.01, 0.1, 1, 10])


@pytest.mark.parametrize(
    "value, meaningful",
    [(1, 1.0), (0.7, 0.7), (7.5, 7.5)],
)
def test_meaningful_converts_to_the_type_and_ignores_the_range(value, meaningful):
    found = TEMPERATURE.meaningful(value)
    assert (type(found), found) == (float, meaningful)


@pytest.mark.parametrize("value", ["0.7", True, math.nan, math.inf, -0.1, None, [1]])
def test_meaningless_values(value):
    with pytest.raises(InvalidInputError, match=r"request\.x must be (a number|at least 0)"):
        TEMPERATURE.meaningful(value)


def test_unknown_choice_gets_the_nearest():
    names = ("qa_short", "qa_chat")
    limits = (Condition("prompt.template", "in", names),)
    parameter = Parameter(
        name="prompt.template", tier="request", kind="choice", choices=names, default=names[0], limits=limits
    )
    with pytest.raises(InvalidInputError, match="did you mean 'qa_chat'"):
        parameter.meaningful("qa_cat")


@pytest.mark.parametrize(
    "broken, message",
    [
        (lambda: ranged("float", 2.0, 1.0), "low end"),
        (lambda: ranged("float", 0.0, 1.0, step=0.3), r"whole number of steps of 0\.3, as 0\.0\.\.0\.9 is"),
        (lambda: ranged("float", 0.0, 1.0, step=-0.1), "step must be above 0"),
        (lambda: ranged("float", 0.0, 1.0, log=True), "above 0"),
        (lambda: ranged("float", 1.0, 2.0, log=True, step=0.5), "no step"),
        (lambda: ranged("int", 1, 2.5), "whole number"),
        (lambda: ranged("int", 1, 5, step=1.5), "whole number"),
        (lambda: ranged("float", 0.0, math.inf), "number"),
        (lambda: replace(TEMPERATURE, default=0.05), "default"),
        (lambda: replace(TEMPERATURE, low=-1.0), "at least 0"),
        (lambda: replace(TEMPERATURE, tier="replay"), "replay tier is enumerated"),
        (lambda: replace(TEMPERATURE, tier="free"), "tier must be one of"),
        (lambda: Parameter(name="a", tier="replay", kind="choice", choices=(), default=1), "at least one choice"),
        (lambda: Parameter(name="a", tier="replay", kind="choice", choices=(1, 1), default=1), "differ"),
        (lambda: Parameter(name="a", tier="replay", kind="choice", choices=(1, "b"), default=1), "whole number"),
    ],
)
def test_impossible_parameters(broken, message):
    with pytest.raises(InvalidInputError, match=message):
        broken()


@pytest.mark.parametrize(
    "operator, constant, holding, breaking",
    [
        ("==", 1, 1, 2),
        ("!=", 1, 2, 1),
        (">", 1, 2, 1),
        (">=", 1, 1, 0),
        ("<", 1, 0, 1),
        ("<=", 1, 1, 2),
        ("in", ("a", "b"), "b", "c"),
    ],
)
def test_conditions(operator, constant, holding, breaking):
    condition = Condition("a.b", operator, constant)
    assert condition.holds(holding)
    assert not condition.holds(breaking)
