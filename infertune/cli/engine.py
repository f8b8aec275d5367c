"""The options of engines, as commands give them: made from `infertune.engines.options`."""

import inspect
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, get_args

import typer

from infertune.cli.signature import with_options
from infertune.engines.options import Said, described
from infertune.errors import InvalidInputError
from infertune.types import Scalar

Options = dict[str, Scalar]


def with_engine_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all engines in place of its parameter ``options``, which gets those given."""
    added = {name: _parameter(name, kind, said) for name, (kind, said, _) in described().items()}

    def given(chosen: dict[str, Any]) -> Options:
        chosen["engine_args"] = named_values(chosen["engine_args"])
        return {name: value for name, value in chosen.items() if value is not None and value is not False}

    return with_options(command, "options", added, given)


def option(name: str) -> Any:
    """Return the option of a command that gives an engine its option of that name."""
    _, said, engines = described()[name]
    flag = f"--{name.removesuffix('s') if said.several else name}".replace("_", "-")
    panel = f"Engine {' and '.join(engines)}"
    return typer.Option(flag, help=said.help, metavar=said.metavar, rich_help_panel=panel)


def _parameter(name: str, kind: Any, said: Said) -> inspect.Parameter:
    default: Any = None
    if said.several:
        kind = list[str] | None
    elif bool in get_args(kind):
        kind, default = bool, False
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option(name)]
    )


def named_values(pairs: Sequence[str] | None) -> str | None:
    """Return what ``--engine-arg`` gave, as one JSON object; a name alone is a flag.

    Raises:
        InvalidInputError: A name is missing, or given twice.
    """
    if not pairs:
        return None
    values: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not name.strip():
            raise InvalidInputError(f"--engine-arg must be NAME=VALUE, such as max_num_seqs=64, not '{pair}'")
        if name in values:
            raise InvalidInputError(f"--engine-arg {name} is given twice")
        values[name.strip()] = value
    return json.dumps(values, sort_keys=True)
