"""Loads a task: a shipped one, one of a file or a folder, one of lm-evaluation-harness, or one that was kept."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import as_file
from pathlib import Path

from infertune.errors import InvalidInputError, nearest, together
from infertune.files import text_file, yaml_file
from infertune.files.shipped import shipped
from infertune.tasks import lm_eval_task, splits, taskfile
from infertune.tasks.definition import Definition
from infertune.tasks.own_function import LostScorer
from infertune.tasks.prompts import Template
from infertune.tasks.task import Task
from infertune.types import Example


def names() -> list[str]:
    """Return the names of the shipped tasks, sorted."""
    return sorted(entry.name for entry in shipped("tasks").iterdir() if (entry / "task.yaml").is_file())


def definitions() -> list[Definition]:
    """Return the shipped tasks as their files define them; no data are read."""
    files = {name: shipped("tasks") / name / "task.yaml" for name in names()}
    return [yaml_file.parse(file.read_text("utf-8"), Definition, where=name) for name, file in files.items()]


def load(name_or_path: str | Path, *, data: Path | None = None) -> Task:
    """Return a shipped task by its name, the task of a YAML file or of a folder with ``task.yaml``, or one of lm-eval.

    Args:
        name_or_path: ``gsm8k``, ``my.yaml``, ``tasks/mine`` or ``lm-eval:NAME``.
        data: A file or a folder to read instead of the task's own data.

    Raises:
        InvalidInputError: No such task, or its file or its data is not as it must be, or an example cannot be
            answered correctly: everything that is wrong in one message, and never what ``check`` says is OK.
        DataUnavailableError: The data are not on this machine and could not be fetched.
    """
    task = read(name_or_path, data=data)
    if task.problems:
        raise InvalidInputError("\n".join(f"{name_or_path}: {problem}" for problem in task.problems))
    return task


def read(name_or_path: str | Path, *, data: Path | None = None) -> Task:
    """Return a task as ``load`` does, without asking whether its examples can be answered correctly."""
    path = Path(name_or_path)
    if data is not None and not text_file.exists(data):
        raise InvalidInputError(f"`data` must be a file or a folder, but there is no {data}")
    if str(name_or_path).startswith(lm_eval_task.PREFIX):
        return lm_eval_task.read(str(name_or_path), data=data)
    if text_file.is_file(path / "task.yaml"):
        return _read(path / "task.yaml", data)
    if path.suffix in (".yaml", ".yml"):
        return _read(path, data)
    name = str(name_or_path)
    if name not in names():
        near = nearest(name, names())
        raise InvalidInputError(f"no task is called '{name}', and there is no such folder or .yaml file{near}")
    with as_file(shipped("tasks") / name) as folder:
        return _read(folder / "task.yaml", data)


def _read(path: Path, data: Path | None) -> Task:
    file, keys, problems = taskfile.read(path)
    if file is None:
        problems += splits.unknown_columns(keys, path=path, data=data)
        raise together(problems, alone=f"{path}: ", head=f"{path} has {len(problems)} errors")
    found = splits.read(file.definition, file.scorer, file.templates.values(), path=path, data=data)
    cases = [*found.tune, *found.confirm]
    return replace(
        _of(file, tuple(case.example for case in found.tune), tuple(case.example for case in found.confirm)),
        ideals={case.example.id: case.ideal for case in cases if case.ideal is not None},
        places=found.places,
        left_out=found.left_out,
        notes=found.notes,
    )


def remade(
    definition: Definition,
    templates: Mapping[str, Template],
    *,
    tune: tuple[Example, ...],
    confirm: tuple[Example, ...],
    without_scorer: bool = False,
) -> Task:
    """Return a task from what was kept of it; of where its rows stood nothing is known.

    Args:
        definition: As its file had it.
        templates: The prompts by name.
        tune: The examples of the two splits; ``confirm`` likewise.
        without_scorer: Whether its scorer could not be kept: then nothing can be scored.

    Raises:
        InvalidInputError: A function or a plugin that it names is not there any more.
    """
    file = taskfile.of_definition(definition, templates, LostScorer() if without_scorer else None)
    return _of(file, tune, confirm)


def _of(file: taskfile.TaskFile, tune: tuple[Example, ...], confirm: tuple[Example, ...]) -> Task:
    definition = file.definition
    return Task(
        name=definition.name,
        version=definition.version,
        description=definition.description,
        source=definition.source,
        licence=definition.licence,
        tune=tune,
        confirm=confirm,
        prompts=file.templates,
        max_tokens_choices=file.max_tokens,
        stop=definition.stop,
        extractors=file.extractors,
        scorer=file.scorer,
        definition=definition,
        ideals={},
        places={},
        left_out=(),
        notes=(),
    )
