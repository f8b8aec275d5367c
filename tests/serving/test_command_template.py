"""The command line with holes."""

import pytest

from infertune.engines.launch.command_template import CommandTemplate
from infertune.errors import InvalidInputError


def test_holes_are_filled_and_no_shell_is_between() -> None:
    template = CommandTemplate(
        "serve -m {model} --port {port} -np {engine.parallel} --json '{\"a\": 1}' {engine.flag}"
    )
    assert template.settings == ("engine.parallel", "engine.flag")
    settings = {"engine.parallel": 4, "engine.flag": "", "engine.other": 1}
    words = template.fill(model="a b; rm *", host="127.0.0.1", port=80, settings=settings)
    assert words == ["serve", "-m", "a b; rm *", "--port", "80", "-np", "4", "--json", '{"a": 1}']


def test_a_value_that_looks_like_a_hole_stays_text() -> None:
    words = CommandTemplate("x {model} {port}").fill(model="{port}", host="h", port=1, settings={})
    assert words == ["x", "{port}", "1"]


def test_true_and_false_are_spelt_small() -> None:
    filled = CommandTemplate("x {port} {engine.a}").fill(model="", host="", port=1, settings={"engine.a": True})
    assert filled[-1] == "true"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("serve 'a", "is none: No closing quotation"),
        ("serve {model}", "must have {port}"),
        ("serve {port} {modle}", r"a hole {modle}, which nothing fills; did you mean 'model'"),
        ("serve {port} {parallel}", "did you mean 'engine.parallel'"),
    ],
)
def test_what_is_no_template_is_told(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        CommandTemplate(text)


def test_a_missing_setting_is_told() -> None:
    with pytest.raises(InvalidInputError, match=r"nothing says what engine\.a is"):
        CommandTemplate("x {port} {engine.a}").fill(model="", host="", port=1, settings={})
