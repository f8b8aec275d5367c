"""Help answers at once, for every command, with an example that is a real command line."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from command import Infertune

from infertune.cli import app

HEAVY = ("torch", "transformers", "datasets", "optuna", "matplotlib", "plotly", "scipy", "sqlalchemy", "pandas")


def _commands() -> Iterator[tuple[str, ...]]:
    def walk(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*path, name))

    return walk(typer.main.get_command(app), ())


@pytest.mark.parametrize("command", [" ".join(path) for path in _commands()])
def test_help_has_an_example(infertune: Infertune, command: str) -> None:
    path = command.split()
    result = infertune(*path, "--help")
    assert result.code == 0
    words = shlex.split(" ".join(result.out.partition("Example:")[2].split()))
    assert words[: 1 + len(path)] == ["infertune", *path], f"`infertune {command} --help` needs an example of itself"
    options = [word for word in words if word.startswith("--")]
    assert all(option in result.out.partition("Example:")[0] or not path for option in options)


def _listed(path: tuple[str, ...], columns: int) -> list[str]:
    """Return the lines of the list of commands that a terminal of so many columns shows."""
    out = subprocess.run(
        [sys.executable, "-m", "infertune", *path, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": str(columns)},
    ).stdout
    return out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()


def test_every_command_is_listed_on_one_line_of_80_columns() -> None:
    lines = _listed((), 80)
    names = [line.split()[0] for line in lines]
    assert names == list(dict.fromkeys(path[0] for path in _commands() if path))
    assert all(line.endswith(".") and not line.endswith("..") and len(line) <= 80 for line in lines)


@pytest.mark.parametrize("columns", [50, 80, 120])
@pytest.mark.parametrize("group", ["", "tasks", "models"])
def test_no_list_of_commands_is_cut_mid_sentence(group: str, columns: int) -> None:
    path = tuple(group.split())
    lines = _listed(path, columns)
    assert lines and max(map(len, lines)) <= columns
    text = " ".join(" ".join(lines).split())
    assert "..." not in text and "…" not in text
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    for name, inner in command.commands.items():
        assert f"{name} {inner.get_short_help_str(10_000)}" in text


def test_there_are_commands() -> None:
    assert {
        ("optimize",),
        ("evaluate",),
        ("space",),
        ("tasks", "new"),
        ("tasks", "check"),
        ("models", "fetch"),
    } <= set(_commands())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["optimize", "--help"], ["tasks", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        f"sys.argv = ['infertune', *{arguments!r}]\n"
        "from infertune.__main__ import main\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    assert stop.code == 0\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_it_runs_as_a_module_and_as_a_script() -> None:
    module = subprocess.run([sys.executable, "-m", "infertune", "--version"], capture_output=True, text=True)
    assert module.returncode == 0 and module.stdout.startswith("infertune ")


def test_no_arguments_shows_the_commands(infertune: Infertune) -> None:
    result = infertune()
    assert "optimize" in result.out + result.err
