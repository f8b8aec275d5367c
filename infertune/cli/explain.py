"""``infertune explain``: what a setting is."""

import json
from typing import Annotated

import typer

from infertune.cli import limits, shared_options


def explain(
    name: Annotated[
        str | None, typer.Argument(help="Setting, such as min_p or strategy.n. Default: none; all are listed.")
    ] = None,
    task: Annotated[
        str, typer.Option(help="Task whose search space is meant.", callback=limits.path, rich_help_panel="Task")
    ] = "capitals",
    as_json: shared_options.Json = False,
) -> None:
    """Say what a setting does, which values it takes, and what it costs to try another."""
    from rich.console import Console

    from infertune import tasks
    from infertune.api.task_space import task_space
    from infertune.report import explain as report

    space = task_space(tasks.load(task))
    if name is None:
        found = report.explained(space)
        if as_json:
            print(json.dumps([report.as_json(each) for each in found], indent=2))
        else:
            report.show_all(found, Console())
        return
    setting = report.one(space, name)
    if as_json:
        print(json.dumps(report.as_json(setting), indent=2))
    else:
        report.show(setting, Console())
