"""``infertune space``: shows the search space of a task; builds it for every command that searches."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infertune.cli import limits, shared_options

if TYPE_CHECKING:
    from infertune.space import SearchSpace
    from infertune.tasks import Task


def searched(task: "Task", file: Path | None, settings: Sequence[str]) -> "SearchSpace":
    """Return the default space of a task with the changes of a file, then those of ``--set``."""
    from infertune import plugins
    from infertune.space import notation
    from infertune.space.default_space import STRATEGIES, default_space
    from infertune.space.extra_settings import check_extra

    added = [name for name in plugins.names("strategies") if name not in STRATEGIES]
    known = default_space(
        prompts=tuple(task.prompts),
        max_tokens=task.max_tokens_choices,
        strategies=(*STRATEGIES, *added),
        extractors=tuple(task.extractors),
    )
    space = notation.read(file, known) if file is not None else known
    for parameter in space.parameters:
        if parameter.name not in known:
            check_extra(parameter, where=str(file))
    return notation.changed(space, settings)


def divided(settings: Sequence[str], *, joint: bool) -> tuple[list[str], list[str]]:
    """Return the ``--set`` of decoding and those of the engine, whose names begin with ``engine.``.

    Raises:
        InvalidInputError: There is one of the engine, and its settings are not searched.
    """
    from infertune.errors import InvalidInputError

    engines = [each for each in settings if each.strip().startswith("engine.")]
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
    from infertune.report import space as report

    found = searched(tasks.load(task, data=data), space_file, settings or [])
    if as_json:
        print(json.dumps(report.as_json(found), indent=2))
    else:
        report.show(found, Console())
