"""Options of a command come from the signature that they feed."""

import inspect
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from infertune.api.serving import tune_serving
from infertune.cli import app
from infertune.cli.signature import feeding


def fed(size: int, name: str = "x", *, rate: float | None = None, hidden: bool = True) -> None:
    """Something to feed."""


WORDS = {
    "size": typer.Option(help="How large."),
    "name": Annotated[str, typer.Option("--call")],
    "rate": typer.Option(),
}


def run(*words: str) -> dict[str, Any]:
    got: dict[str, Any] = {}

    @feeding(fed, WORDS, "asked")
    def command(*, asked: dict[str, Any], as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        got.update(asked, as_json=as_json)

    made = typer.Typer()
    made.command()(command)
    get_command(made).main([*words], standalone_mode=False)
    return got


def test_names_types_and_defaults_are_the_functions() -> None:
    assert run("--size", "3") == {"size": 3, "name": "x", "rate": None, "as_json": False}
    assert run("--size", "3", "--call", "y", "--rate", "0.5", "--json") == {
        "size": 3,
        "name": "y",
        "rate": 0.5,
        "as_json": True,
    }


@pytest.mark.parametrize("words", [(), ("--size", "three"), ("--size", "3", "--hidden")])
def test_what_the_function_does_not_take_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(Exception, match=r"(?i)missing|valid int|no such option"):
        run(*words)


def test_words_for_what_is_no_argument_are_a_fault() -> None:
    with pytest.raises(TypeError, match=r"fed has no argument \['length'\]"):
        feeding(fed, {"length": typer.Option()}, "asked")


def test_every_argument_of_tune_serving_is_an_option_of_its_command() -> None:
    command: Any = get_command(app)
    options = {each.name: each for each in command.commands["tune-serving"].params}
    arguments = inspect.signature(tune_serving).parameters
    assert [*options][:-1] == [name for name in arguments if name != "progress"]
    assert [*options][-1] == "as_json"
