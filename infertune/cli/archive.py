"""The commands that read a database again: ``studies``, ``show``, ``trials``, ``failures``, ``compare``."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from infertune.cli import limits, shared_options

_Study = Annotated[
    str | None, typer.Argument(help="Study [default: the only one of the database].", show_default=False)
]


def studies(database: shared_options.Database = "infertune.db", as_json: shared_options.Json = False) -> None:
    """List the studies of a database: task, model, tokens spent, verdict, age."""
    from rich.console import Console

    from infertune.archive import listing
    from infertune.report import studies as report

    found = listing.studies(database)
    if as_json:
        print(json.dumps(report.as_json(found), indent=2))
    elif found:
        report.show(found, Console())
    else:
        print(f"{database} holds no study yet.")


def show(
    study: _Study = None,
    database: shared_options.Database = "infertune.db",
    picture: Annotated[
        Path | None,
        typer.Option(
            help="Draw the front to this file (.png, .svg or .pdf).", callback=limits.path, rich_help_panel="Output"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the answer file again, as YAML.", callback=limits.path, rich_help_panel="Output"),
    ] = None,
    as_json: shared_options.Json = False,
) -> None:
    """Show the answer of a finished study again; no model is needed."""
    from rich.console import Console

    from infertune.api.archive import open_study
    from infertune.recipes import recipe
    from infertune.report import table

    found = open_study(study, database=database)
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    else:
        table.show(found.answer, Console())
    if picture is not None:
        found.draw(picture)
    if out is not None:
        path = found.save(out)
        said = f"Written to {path}; measure it again with: {recipe.command(path)}"
        print(said, file=sys.stderr if as_json else sys.stdout)


def trials(
    study: _Study = None,
    database: shared_options.Database = "infertune.db",
    as_csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write CSV; - for standard output.", rich_help_panel="Output"),
    ] = None,
    as_parquet: Annotated[
        Path | None,
        typer.Option("--parquet", metavar="FILE", help="Write Parquet; needs pandas.", rich_help_panel="Output"),
    ] = None,
    as_json: shared_options.Json = False,
) -> None:
    """List what a study tried: settings, utility and tokens per request, of unfinished studies too."""
    from infertune.api.archive import records
    from infertune.archive import StoredStudy

    with StoredStudy(study, database) as stored:
        found, tried, space = records(stored), stored.trials, stored.opening.space
    if as_csv is not None:
        _write_csv(found.to_csv(), as_csv)
    if as_parquet is not None:
        found.to_parquet(as_parquet)
    if as_json:
        print(json.dumps([dict(row) for row in found], indent=2))
    elif as_csv is None and as_parquet is None:
        from rich.console import Console

        from infertune.report import trials as report

        report.show(tried, space, Console())


def failures(
    study: _Study = None,
    database: shared_options.Database = "infertune.db",
    n: Annotated[
        int, typer.Option("--n", "-n", min=0, max=1000, help="Failures that are shown.", rich_help_panel="Output")
    ] = 5,
    below: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="An example fails where its score lies below.", rich_help_panel="Output"),
    ] = 0.5,
    whole: Annotated[
        bool, typer.Option("--whole", help="Print prompts and answers to their ends.", rich_help_panel="Output")
    ] = False,
    as_json: shared_options.Json = False,
) -> None:
    """Show which examples fail under the recommended configuration, and what their answers look like."""
    from rich.console import Console

    from infertune.archive import StoredStudy
    from infertune.archive.failures import failures as failing
    from infertune.report import failures as report

    with StoredStudy(study, database) as stored:
        found = failing(stored, n=n, below=below)
    if as_json:
        print(json.dumps(report.as_json(found), indent=2))
    else:
        report.show(found, Console(), whole=whole)


def importance(
    study: _Study = None,
    database: shared_options.Database = "infertune.db",
    as_json: shared_options.Json = False,
) -> None:
    """Show what each change of the recommendation is worth, and how much each setting matters."""
    from rich.console import Console

    from infertune.archive import StoredStudy, importance, path
    from infertune.archive.surface import UtilitySurface
    from infertune.report import importance as report

    with StoredStudy(study, database) as stored:
        surface, answer = UtilitySurface(stored), stored.recommendation
        steps = path.path(surface, answer.default, answer.recommended)
        found = importance.importances(surface, answer.recommended, answer.default)
    if as_json:
        print(json.dumps(report.as_json(steps, found), indent=2))
    else:
        report.show(steps, found, Console())


def pick(
    study: _Study = None,
    database: shared_options.Database = "infertune.db",
    max_cost_tokens: Annotated[
        float | None,
        typer.Option(help="Most tokens per request.", callback=limits.finite, rich_help_panel="Limits"),
    ] = None,
    min_utility: Annotated[
        float | None, typer.Option(help="Least utility.", callback=limits.finite, rich_help_panel="Limits")
    ] = None,
    max_latency: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS", help="Longest median time of a request, such as 2s or 0.5.", rich_help_panel="Limits"
        ),
    ] = None,
    as_json: shared_options.Json = False,
) -> None:
    """Pick the best configuration within limits from what a study compared; exit code 3 where none fits."""
    import shlex

    from rich.console import Console

    from infertune.archive import StoredStudy
    from infertune.archive.pick import Limits
    from infertune.archive.pick import pick as picked
    from infertune.budget.limits import parse_seconds
    from infertune.errors import InvalidInputError
    from infertune.report import pick as report

    try:
        seconds = None if max_latency is None else parse_seconds(max_latency)
    except InvalidInputError as error:
        raise InvalidInputError(f"`max_latency` {error.text}") from None
    asked = Limits(max_cost_tokens=max_cost_tokens, min_utility=min_utility, max_latency_seconds=seconds)
    with StoredStudy(study, database) as stored:
        found, known = picked(stored, asked), stored.opening
    if as_json:
        print(json.dumps(report.as_json(found), indent=2))
        return
    settings = [f"{name}={value}" for name, value in found.chosen.configuration.items()]
    command = ["infertune", "evaluate", "--task", known.asked_task, "--model", known.model, "--engine", known.engine]
    words = [*command, "--db", database, *(word for each in settings for word in ("--set", each))]
    report.show(found, Console(), confirms=shlex.join(words))


def compare(
    a: Annotated[str, typer.Argument(help="Study, or STUDY:default, STUDY:seen, STUDY:NUMBER of a trial.")],
    b: Annotated[str, typer.Argument(help="The other, likewise.")],
    database: shared_options.Database = "infertune.db",
    other_database: Annotated[
        str | None,
        typer.Option(
            "--other-db",
            help="Database of the second [default: --db].",
            callback=limits.path,
            rich_help_panel="Output",
        ),
    ] = None,
    as_json: shared_options.Json = False,
) -> None:
    """Compare two configurations, of one study or two, on the examples that both have answered."""
    from rich.console import Console

    from infertune.api.archive import compare as compared
    from infertune.report import comparison as report

    found = compared(a, b, database=database, other_database=other_database)
    if as_json:
        print(json.dumps(report.as_json(found), indent=2))
    else:
        report.show(found, Console())


def _write_csv(text: str, path: Path) -> None:
    from infertune.files import yaml_file

    if str(path) == "-":
        sys.stdout.write(text)
    else:
        yaml_file.write_text(path, text)
