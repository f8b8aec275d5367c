"""``infertune tasks``: lists the shipped tasks, writes a new one, checks one."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from infertune.cli import limits
from infertune.errors import InvalidInputError

app = typer.Typer(
    help="List the shipped tasks; write a task for your own data; check one.",
    epilog="Example: infertune tasks check mine.yaml",
    rich_markup_mode=None,
    no_args_is_help=False,
)

_Json = Annotated[bool, typer.Option("--json", help="Print plain data, for scripts.")]


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


@app.command(epilog="Example: infertune tasks new reviews --from reviews.csv --input text --label sentiment")
def new(
    name: Annotated[str, typer.Argument(help="Name of the task: letters, digits, - and _.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Data file to write the task for.", callback=limits.path),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="COLUMN", help="With --from: column the prompts show; A,B or repeat it for several."
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="With --from: column with the right answers.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Folder to write into.", callback=limits.path)] = Path(),
) -> None:
    """Write a task file: for your own data with --from, else a commented example with its data."""
    if source is None and (inputs or label):
        raise InvalidInputError("--input and --label must be given together with --from FILE")
    if not folder.is_dir():
        raise InvalidInputError(f"--folder must be a folder that exists, but there is no {folder}")
    path = folder / f"{name}.yaml"
    if source is None:
        _write_starter(name, path)
    else:
        _write_draft(name, path, source, inputs or [], label)


def _write_starter(name: str, path: Path) -> None:
    from infertune import tasks
    from infertune.files import yaml_file

    files = {path: tasks.starter(name), path.with_suffix(".jsonl"): tasks.starter_data()}
    _check_new(*files)
    for each, text in files.items():
        yaml_file.write_text(each, text)
    print(f"wrote {' and '.join(map(str, files))}")
    _next(path)


def _write_draft(name: str, path: Path, source: Path, inputs: list[str], label: str | None) -> None:
    from infertune import tasks
    from infertune.files import yaml_file

    _check_new(path)
    columns = tasks.columns(source)
    if not inputs or label is None:
        lacking = " and ".join([*([] if inputs else ["--input"]), *([] if label else ["--label"])])
        raise InvalidInputError(f"--from needs {lacking}, of the columns of {source}: {', '.join(columns)}")
    # A comma separates columns, but in the name of one.
    shown = [one for given in inputs for one in ([given] if given in columns else map(str.strip, given.split(",")))]
    drafted = tasks.draft(name, data=source, inputs=shown, label=label, folder=path.parent)
    yaml_file.write_text(path, drafted.text)
    report = tasks.check(path)
    print(f"wrote {path}: {report.n_tune} tune and {report.n_confirm} confirm examples, {drafted.summary}")
    for note in report.notes:
        print(f"Note: {note}.")
    if not report.holds:
        raise InvalidInputError("\n".join(f"{path}: {problem}" for problem in report.problems))
    print("Task OK")
    _next(path)


def _check_new(*paths: Path) -> None:
    from infertune.files import yaml_file

    for path in paths:
        yaml_file.check_place(path, "--folder")
        if path.exists():
            raise InvalidInputError(f"{path} is there already; give another name, or remove it first")


def _next(path: Path) -> None:
    file = shlex.quote(str(path))
    print(f"next:\n  infertune tasks check {file}")
    print(f"  infertune optimize --task {file} --model bundled:smollm2-135m --budget-tokens 200k")
    print("or, where a server runs your model, with --engine openai --base-url URL --model NAME")


@app.command(epilog="Example: infertune tasks check mine.yaml")
def check(
    task: Annotated[
        str, typer.Argument(help="Task file, folder with task.yaml, or name of a shipped task.", callback=limits.path)
    ],
    data: Annotated[
        Path | None, typer.Option(help="File or folder to read instead of the task's data.", callback=limits.path)
    ] = None,
    as_json: _Json = False,
) -> None:
    """Check a task: show three prompts of each template, and whether perfect answers score 1."""
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
