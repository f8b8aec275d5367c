"""``infertune check``: the regression test of an answer, after an upgrade of a model, a driver or a server."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from infertune.cli import limits, shared_options
from infertune.cli.engine import Options, with_engine_options


@with_engine_options
def check(
    answer: Annotated[Path, typer.Argument(help="Answer file written by optimize.", callback=limits.path)],
    margin: Annotated[float, typer.Option(help="A fall of utility by less is none.", callback=limits.finite)] = 0.05,
    alpha: Annotated[float, typer.Option(help="Largest chance of a wrong outcome.", callback=limits.finite)] = 0.05,
    budget_tokens: Annotated[
        str | None,
        typer.Option(metavar="TOKENS", help="Most tokens to spend, such as 20k [default: every example once]."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Task or task file [default: that of the answer file].", callback=limits.path, rich_help_panel="Task"
        ),
    ] = None,
    data: shared_options.Data = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model [default: that of the answer file].", callback=limits.path, rich_help_panel="Task"),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="hf, vllm, openai or replay [default: that of the answer file].", rich_help_panel="Task"),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(help="Write a JUnit report to this file.", callback=limits.path, rich_help_panel="Output"),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            help="Append a summary in Markdown to this file [default: that of a GitHub workflow, if it runs in one].",
            callback=limits.path,
            rich_help_panel="Output",
        ),
    ] = None,
    as_json: shared_options.Json = False,
    *,
    options: Options,
) -> None:
    """Tell whether an answer still holds: exit code 0 holds, 1 fell, 2 cannot tell."""
    from rich.console import Console

    from infertune.api.check import checked_again
    from infertune.api.subject import Given, subject
    from infertune.budget import Budget
    from infertune.files import yaml_file
    from infertune.report import check as report
    from infertune.report.live import View

    wanted = Given(
        config=answer,
        task=task,
        data=data,
        settings=(),
        split="confirm",
        model=model,
        engine=engine,
        options=options,
        seed=None,
        database=None,
    )
    budget = None if budget_tokens is None else Budget.of(tokens=budget_tokens)
    for path, option in ((junit, "--junit"), (summary, "--summary")):
        if path is not None:
            yaml_file.check_place(path, option)
    found = checked_again(subject(wanted), View(), margin=margin, alpha=alpha, budget=budget)
    if as_json:
        print(json.dumps(report.as_json(found), indent=2))
    else:
        report.show(found, Console())
    if junit is not None:
        yaml_file.write_text(junit, report.junit(found))
    place = summary or (Path(os.environ["GITHUB_STEP_SUMMARY"]) if os.environ.get("GITHUB_STEP_SUMMARY") else None)
    if place is not None:
        with place.open("a", encoding="utf-8") as stream:
            stream.write(report.markdown(found))
    if found.exit_code:
        raise typer.Exit(found.exit_code)
