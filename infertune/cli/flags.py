"""Errors in the words of the command line: an argument that a message names is shown as the option that gives it."""

from collections.abc import Iterator, Mapping
from typing import Any

from infertune.errors import InfertuneError


def message(error: InfertuneError, command: Any) -> str:
    """Return the message of an error; what no option gives stays as the library has it.

    Args:
        error: Of the library.
        command: Of click, with all commands below it; their options are the table.
    """
    table = flags(command)
    return error.naming(lambda argument: table.get(argument, argument))


def flags(command: Any) -> Mapping[str, str]:
    """Return the option of each argument: by the parameter of the command that it fills, and by its own name."""
    table: dict[str, str] = {}
    for parameter in _options(command):
        flag = next(each for each in parameter.opts if each.startswith("--"))
        table[parameter.name] = table[flag.removeprefix("--").replace("-", "_")] = flag
    return table


def _options(command: Any) -> Iterator[Any]:
    yield from (each for each in command.params if each.param_type_name == "option")
    for inner in getattr(command, "commands", {}).values():
        yield from _options(inner)
