"""The settings of a command are those of its holes."""

import pytest

from infertune.engines.launch.command_settings import parameters
from infertune.engines.launch.command_template import CommandTemplate
from infertune.errors import InvalidInputError

TEMPLATE = CommandTemplate("serve {port} -np {engine.parallel} -b {engine.batch} {engine.more}")


@pytest.mark.parametrize(
    ("text", "values", "default"),
    [
        ("4,1,2", (4, 1, 2), 4),
        ("1..3", (1, 2, 3), 1),
        ("0.5,1", (0.5, 1.0), 0.5),
        ("on,off", ("on", "off"), "on"),
        ("1,many", ("1", "many"), "1"),
        ("true,false", (True, False), True),
        (",--fast", ("", "--fast"), ""),
    ],
)
def test_values_have_the_type_that_all_of_them_have(text: str, values: tuple, default: object) -> None:
    found = parameters(TEMPLATE, ["parallel=1", f"engine.batch={text}", "more=x"])
    assert [parameter.name for parameter in found] == ["engine.parallel", "engine.batch", "engine.more"]
    assert found[1].values() == values and found[1].default == default
    assert [type(value) for value in found[1].values()] == [type(value) for value in values]
    assert all(parameter.tier == "engine" for parameter in found)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["parallel=1", "batch=1"], r"a hole {engine\.more}: give its values with settings engine\.more=A,B,C"),
        (["paralel=1"], r"no hole {engine\.paralel}; did you mean 'engine\.parallel'"),
        (["parallel=1", "engine.parallel=2"], "given twice"),
        (["parallel"], "must be NAME=VALUES"),
        (["parallel=1,1", "batch=1", "more=x"], "the choices must differ"),
        (["parallel=1..x", "batch=1", "more=x"], "a range must be"),
    ],
)
def test_what_does_not_fit_is_told(settings: list[str], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parameters(TEMPLATE, settings)
