"""The task of an answer: kept in its file, found again from any folder, and compared with what it has become.

What the model is sent (the prompt's text, the stop texts) is part of what was recommended, so it is run as the answer
file has it. What judges the answers (examples, extraction, scorer) is the task's as it is now.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file
from pathlib import Path

import msgspec

from infertune import tasks
from infertune.errors import InvalidInputError
from infertune.files import text_file, yaml_file
from infertune.files.shipped import shipped
from infertune.recipes.recipe import Recipe
from infertune.space.names import PROMPT
from infertune.tasks import Task, lm_eval_task
from infertune.tasks.definition import Definition, Source
from infertune.tasks.prompts import Template
from infertune.types import Example


def task_file(name_or_path: str) -> Path | None:
    """Return the file that ``--task`` names, or None for the name of a shipped task."""
    path = Path(name_or_path)
    if text_file.is_file(path / "task.yaml"):
        return path / "task.yaml"
    return path if path.suffix in (".yaml", ".yml") else None


def kept(task: Task, prompts: Iterable[str]) -> Definition:
    """Return the definition of a task with the texts of these prompts; the first is the recommended one."""
    texts = [msgspec.structs.replace(task.prompts[name], name=name) for name in dict.fromkeys(prompts)]
    return msgspec.structs.replace(task.definition, prompts=tuple(texts))


def examples_digests(task: Task) -> dict[str, str]:
    """Return the identity of each split's examples: their ids, fields and references, in order."""
    return {"tune": _digest(task.tune), "confirm": _digest(task.confirm)}


def _digest(examples: Sequence[Example]) -> str:
    content = msgspec.json.encode([(one.id, dict(one.fields), one.reference) for one in examples], order="sorted")
    return hashlib.sha256(content).hexdigest()[:16]


def load(recipe: Recipe, answer: Path, *, task: str | None, data: Path | None) -> tuple[Task, str]:
    """Return the task to run an answer on, and a note where its own file is not there any more; empty otherwise.

    Args:
        recipe: What the answer file holds.
        answer: The file.
        task: ``--task``; by default the answer's own, wherever its file is now.
        data: ``--data``; by default what the study was given, if anything.

    Raises:
        InvalidInputError: The task, or its data, is not there any more, or is another one.
    """
    if task is not None:
        return tasks.load(task, data=data), ""
    if data is None and recipe.files.data is not None:
        data = recipe.files.data.find(answer)
        if data is None:
            looked = " or ".join(map(str, recipe.files.data.paths(answer)))
            raise InvalidInputError(f"the data of {answer} are not there any more ({looked}): give `data`, or `task`")
    if recipe.definition is None:
        return tasks.load(_as_given_then(recipe.task, answer), data=data), ""
    if recipe.task.startswith(lm_eval_task.PREFIX):
        return tasks.load(recipe.task, data=data), ""
    if recipe.files.task is None and recipe.task in tasks.names():
        with as_file(shipped("tasks") / recipe.task) as folder:  # by its folder: one here may have the same name
            return tasks.load(folder, data=data), ""
    paths = recipe.files.task.paths(answer) if recipe.files.task is not None else []
    others = []
    for path in paths:
        if text_file.is_file(path):
            found = tasks.load(path, data=data)
            if found.name == recipe.task:
                return found, ""
            others.append(f"{path} is the task '{found.name}'")
    looked = "; ".join(others) or " or ".join(map(str, paths)) or "no such task is shipped"
    found = _from_definition(recipe.definition, answer, data, looked=looked)
    return found, f"the task '{found.name}' is taken from {answer}, for its own file is not there ({looked})"


def _as_given_then(task: str, answer: Path) -> str | Path:
    """Return what a file of an earlier version calls its task: a name, or a path from the study's folder."""
    beside = answer.resolve().parent / task
    is_here = task_file(task) is None or text_file.exists(Path(task))
    return task if is_here or not text_file.exists(beside) else beside


def _from_definition(definition: Definition, answer: Path, data: Path | None, *, looked: str) -> Task:
    """Return the task as the answer file itself has it; its data are given, or those of the hub."""
    if data is None and not _is_of_hub(definition):
        names = " and ".join(sorted({Path(source.path).name for source in _sources(definition)}))
        raise InvalidInputError(
            f"the task '{definition.name}' of {answer} is not there any more ({looked}): give `task` FILE, or `data` "
            f"with {names}"
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "task.yaml"
        yaml_file.write(file, definition, head="")
        try:
            return tasks.load(file, data=data)
        except InvalidInputError as error:
            raise InvalidInputError(error.text.replace(str(file), str(answer))) from None


def _sources(definition: Definition) -> list[Source]:
    named = [definition.data, definition.splits.tune, definition.splits.confirm]
    return [Source(path=one) if isinstance(one, str) else one for one in named if isinstance(one, str | Source)]


def _is_of_hub(definition: Definition) -> bool:
    return all(source.hub is not None for source in _sources(definition))


def as_asked(task: Task, recipe: Recipe, answer: Path, *, prompt: bool) -> Task:
    """Return the task with the answer file's stop texts and, unless another was chosen, its recommended prompt.

    Raises:
        InvalidInputError: The prompt does not fit the fields of the task's examples.
    """
    if recipe.definition is None:
        return task
    name = str(recipe.configuration[PROMPT])
    own = _texts(recipe.definition)
    chosen = {name: own[name]} if prompt and name in own else {}
    for template in chosen.values():
        try:
            template.render(task.confirm[0].fields)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{answer}: {error.text} (`settings` prompt=NAME runs one of the task's own)"
            ) from None
    return replace(task, stop=recipe.definition.stop, prompts={**task.prompts, **chosen})


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How a task differs from the one that an answer was found on.

    Attributes:
        notes: What the user should know of it.
        incomparable: Why the answer's own figures are of something else; empty where they are not.
    """

    notes: tuple[str, ...] = ()
    incomparable: str = ""


def changes(task: Task, recipe: Recipe, answer: Path, *, split: str, prompt: bool) -> Changes:
    """Return what of the task has changed since the answer was found.

    Args:
        task: As it is now.
        recipe: Of the answer file; ``answer`` is its path.
        split: Whose examples are run.
        prompt: Whether the answer's own prompt is run.
    """
    if recipe.definition is None:
        notes, differs = _unknown(task, recipe, answer)
    elif task.name != recipe.task:
        notes = [
            f"{answer} is the answer of the task '{recipe.task}': its prompt and settings are run on '{task.name}'"
        ]
        differs = f"that is the answer of the task '{recipe.task}'"
    else:
        judged = _judged(task, recipe, recipe.definition, split)
        differs = f"{' and '.join(judged)} of the task changed since" if judged else ""
        notes = _asked(task, recipe, recipe.definition, answer, prompt=prompt)
        notes += [f"{differs}: these figures are of the task as it is now"] if judged else []
    elsewhere = "" if split == "confirm" else "its figures are of the confirm examples"
    return Changes(notes=tuple(notes), incomparable=differs or elsewhere)


def _asked(task: Task, recipe: Recipe, was: Definition, answer: Path, *, prompt: bool) -> list[str]:
    """Return notes on what the model is sent: there the answer file's text is run."""
    notes = []
    name = str(recipe.configuration[PROMPT])
    own = _texts(was).get(name)
    if prompt and own is not None and name not in task.prompts:
        notes.append(f"the task has no prompt '{name}' any more: the text in {answer} is run")
    elif prompt and own is not None and task.prompts[name].digest != own.digest:
        notes.append(
            f"the prompt '{name}' of the task changed since: the text in {answer} is run (the task's with --set "
            f"prompt={name})"
        )
    if task.stop != was.stop:
        notes.append(f"the stop texts of the task changed since: those in {answer} are used")
    return notes


def _judged(task: Task, recipe: Recipe, was: Definition, split: str) -> list[str]:
    """Return what else shapes the figures and is not as it was."""
    now = task.definition
    differs = {
        "the extraction": now.extraction != was.extraction,
        "the scorer": now.scorer != was.scorer,
        f"the {split} examples": examples_digests(task)[split] != recipe.examples.get(split),
    }
    return [name for name, is_other in differs.items() if is_other]


def _texts(definition: Definition) -> dict[str, Template]:
    return {each.name: each for each in definition.prompts if not isinstance(each, str)}


def _unknown(task: Task, recipe: Recipe, answer: Path) -> tuple[list[str], str]:
    old = f"{answer} is of an earlier infertune and does not hold the prompt's text: the task's is run"
    if task.digest == recipe.task_digest:
        return [f"{old}, which has not changed"], ""
    return [f"{old}, as it is now"], "the task changed since"
