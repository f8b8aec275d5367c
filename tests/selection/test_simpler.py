"""Simpler relatives of a configuration are allowed points of the space that change less, and only less."""

from hypothesis import given
from hypothesis import strategies as st

from infertune.selection.simpler import one_change_less, plain
from infertune.space.default_space import default_space
from infertune.space.names import TEMPERATURE
from infertune.space.notation import changed
from infertune.types import Configuration

SPACE = default_space(prompts=("a", "b", "c"), max_tokens=16).tier("request")
DEFAULT = SPACE.default_configuration()
POINTS = st.lists(st.floats(0, 1, exclude_max=True), min_size=len(SPACE.parameters), max_size=len(SPACE.parameters))


def n_changes(configuration: Configuration) -> int:
    return sum(DEFAULT.get(name, value) != value for name, value in configuration.items())


@given(POINTS)
def test_one_change_less_is_one_change_less(point: list[float]) -> None:
    configuration = SPACE.from_unit(point)
    found = one_change_less(SPACE, configuration)
    assert len(found) == n_changes(configuration)
    for each in found:
        assert SPACE.allows(each)
        assert n_changes(each) == n_changes(configuration) - 1
        differing = {name for name in configuration if each.get(name) != configuration[name]}
        assert len(differing) == 1
        assert each[differing.pop()] in DEFAULT.values()


@given(POINTS)
def test_what_is_plain_keeps_the_prompt_alone(point: list[float]) -> None:
    configuration = SPACE.from_unit(point)
    found = plain(SPACE, configuration)
    assert configuration not in found
    for each in found:
        assert each["prompt.template"] == configuration["prompt.template"]
        rest = {name: value for name, value in each.items() if name not in ("prompt.template", TEMPERATURE)}
        assert all(DEFAULT[name] == value for name, value in rest.items())
        assert each[TEMPERATURE] in (0.0, DEFAULT[TEMPERATURE])


def test_where_greedy_decoding_is_not_in_the_space_it_is_not_made() -> None:
    space = changed(default_space(prompts=("a", "b"), max_tokens=16), ["temperature=0.5..1.5"]).tier("request")
    hot = space.default_configuration().with_values({TEMPERATURE: 1.5})
    assert [each[TEMPERATURE] for each in plain(space, hot)] == [space.default_configuration()[TEMPERATURE]]
    assert one_change_less(space, space.default_configuration()) == []
