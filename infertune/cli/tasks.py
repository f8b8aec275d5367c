"""``infertune tasks``: lists the shipped tasks, begins a new one, checks one."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from infertune.errors import InvalidInputError

app = typer.Typer(
    help="List the shipped tasks; begin a task of your own; check one.",
    epilog="Example: infertune tasks new mine, then infertune tasks check mine.yaml",
    rich_markup_mode=None,
    no_args_is_help=False,
)

_Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.callback(invoke_without_command=True)
def list_tasks(context: typer.Context, as_json: _Json = False) -> None:
    """List the shipped tasks."""
    if context.invoked_subcommand is not None:
        return
    from infertune import tasks

    found = tasks.definitions()
    if as_json:
        keys = ("name", "version", "description", "source", "licence")
        print(json.dumps([{key: getattr(one, key) for key in keys} for one in found], indent=2))
        return
    width = max(len(one.name) for one in found)
    for one in found:
        print(f"{one.name:{width}}  {one.description}")


@app.command(epilog="Example: infertune tasks new mine")
def new(
    name: Annotated[str, typer.Argument(help="Of the task: small letters, digits and dashes.")],
    folder: Annotated[Path, typer.Option(help="Where to write the two files.")] = Path(),
) -> None:
    """Write a commented task file and a few rows of data to start from."""
    from infertune import tasks

    files = {folder / f"{name}.yaml": tasks.starter(name), folder / f"{name}.jsonl": tasks.starter_data()}
    if not folder.is_dir():
        raise InvalidInputError(f"--folder must be a folder that exists, but there is no {folder}")
    for path in files:
        if path.exists():
            raise InvalidInputError(f"{path} is there already; give another name, or remove it first")
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    print(f"wrote {' and '.join(map(str, files))}; next: infertune tasks check {next(iter(files))}")


@app.command(epilog="Example: infertune tasks check mine.yaml")
def check(
    task: Annotated[str, typer.Argument(help="A task file, a folder with task.yaml, or the name of a shipped task.")],
    data: Annotated[Path | None, typer.Option(help="Read this file or folder instead of the task's data.")] = None,
    as_json: _Json = False,
) -> None:
    """Validate a task: three rendered prompts of each template, and whether perfect answers score 1."""
    from rich.console import Console

    from infertune import tasks
    from infertune.report import task_check

    report = tasks.check(task, data=data)
    if as_json:
        import msgspec

        plain: Any = msgspec.to_builtins(report)
        print(json.dumps(plain | {"holds": report.holds}, indent=2))
    else:
        task_check.show(report, Console())
    if not report.holds:
        raise typer.Exit(InvalidInputError.exit_code)
