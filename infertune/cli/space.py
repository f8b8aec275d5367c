"""``infertune space``: shows the search space of a task."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from infertune.cli import limits, shared_options
from infertune.space.names import ENGINE


def divided(settings: Sequence[str], *, joint: bool) -> tuple[list[str], list[str]]:
    """Return the ``--set`` of decoding and those of the engine, whose names begin with ``engine.``.

    Raises:
        InvalidInputError: There is one of the engine, and its settings are not searched.
    """
    from infertune.errors import InvalidInputError

    engines = [each for each in settings if each.strip().startswith(ENGINE)]
    if engines and not joint:
        raise InvalidInputError(f"--set {engines[0]}: settings of the engine are searched only with --joint")
    return [each for each in settings if each not in engines], engines


def space(
    task: Annotated[
        str, typer.Option(help="Shipped task (see `infertune tasks`), or a task file.", callback=limits.path)
    ],
    data: shared_options.Data = None,
    space_file: shared_options.SpaceFile = None,
    settings: shared_options.Set = None,
    as_json: shared_options.Json = False,
) -> None:
    """Show the search space of a task, with the changes made by --set and --space."""
    from rich.console import Console

    from infertune import tasks
    from infertune.api.task_space import task_space
    from infertune.report import space as report

    found = task_space(tasks.load(task, data=data), space_file, settings or [])
    if as_json:
        print(json.dumps(report.as_json(found), indent=2))
    else:
        report.show(found, Console())
