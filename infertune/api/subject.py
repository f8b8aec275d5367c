"""What ``infertune evaluate`` measures: a task's default configuration or an answer file's, changed as it is told.

What the answer file says holds wherever the command is started: its paths are looked up from the file itself.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from infertune.api.task_space import task_space
from infertune.engines.options import DEFAULT_MODEL
from infertune.space.names import EXTRACTOR, PROMPT

if TYPE_CHECKING:
    from infertune.recipes.recipe import Recipe, RecipeEvidence
    from infertune.space import SearchSpace
    from infertune.tasks import Task
    from infertune.types import Configuration, Scalar

_KEYS = ("api_key_env", "api_key_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the user said, by the names of the options; None where it is left to the answer file.

    Attributes:
        options: Of the engine.
    """

    config: Path | None
    task: str | None
    data: Path | None
    settings: Sequence[str]
    split: str
    model: str | None
    engine: str | None
    options: "Mapping[str, Scalar]"
    seed: int | None
    database: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is measured, and beside what.

    Attributes:
        task: With the prompt and the stop texts of the answer file, where there is one.
        digest: Of the task as it is now.
        found_on: The engine that the configuration was found on.
        facts: Those of the engine then, where the same engine and model are to run now; else empty.
        source: The answer file; empty for none.
        evidence: Its figures, where they are of the same examples, judged in the same way.
        further_samples: Examples in a row, and how many samples beyond n each gets; those after them get none.
        is_own: Whether the configuration is that of the answer file.
        incomparable: Why its figures are of something else; empty where they are not.
        notes: What the user should know.
    """

    task: "Task"
    digest: str
    space: "SearchSpace"
    configuration: "Configuration"
    model: str
    engine: str
    found_on: str
    options: "Mapping[str, Scalar]"
    seed: int
    database: str
    facts: "Mapping[str, str]" = field(default_factory=dict)
    source: str = ""
    evidence: "RecipeEvidence | None" = None
    further_samples: tuple[tuple[int, int], ...] = ()
    is_own: bool = False
    incomparable: str = ""
    notes: tuple[str, ...] = ()


def subject(given: Given) -> Subject:
    """Return what is measured.

    Raises:
        InvalidInputError: Something is not there, or does not fit the task.
        DataUnavailableError: The task's data are not on this machine.
    """
    from infertune.recipes import recipe

    return _of_task(given) if given.config is None else _of_answer(given, given.config, recipe.read(given.config))


def _of_task(given: Given) -> Subject:
    from infertune import tasks
    from infertune.errors import InvalidInputError

    if given.task is None:
        raise InvalidInputError("there must be `task`, or `config` with an answer file, which names one")
    task = tasks.load(given.task, data=given.data)
    space = task_space(task, None, [])
    engine = given.engine or "hf"
    return Subject(
        task=task,
        digest=task.digest,
        space=space,
        configuration=_changed(space, given.settings),
        model=given.model or DEFAULT_MODEL,
        engine=engine,
        found_on=engine,
        options=given.options,
        seed=given.seed or 0,
        database=given.database or "infertune.db",
    )


def _of_answer(given: Given, file: Path, recipe: "Recipe") -> Subject:
    from infertune.recipes import recipe_task
    from infertune.space.extra_settings import with_extras

    task, note = recipe_task.load(recipe, file, task=given.task, data=given.data)
    own_prompt = not any(each.partition("=")[0].strip() in ("prompt", PROMPT) for each in given.settings)
    changes = recipe_task.changes(task, recipe, file, split=given.split, prompt=own_prompt)
    asked = recipe_task.as_asked(task, recipe, file, prompt=own_prompt)
    values = dict(recipe.configuration)
    space = with_extras(task_space(asked, None, []), values, where=str(file))
    if EXTRACTOR in space:  # a task that had one way to find answers may have got more
        values.setdefault(EXTRACTOR, asked.default_extractor)
    own = space.configuration(values, where=str(file))
    configuration = _changed(space.fixed(own), given.settings)
    engine = given.engine or recipe.engine
    return Subject(
        task=asked,
        digest=task.digest,
        space=space,
        configuration=configuration,
        model=given.model or _model(file, recipe),
        engine=engine,
        found_on=recipe.engine,
        options=_options(recipe, engine, given.options),
        seed=recipe.seed if given.seed is None else given.seed,
        database=given.database or _database(file, recipe),
        facts=recipe.facts if engine == recipe.engine and given.model is None else {},
        source=str(file),
        further_samples=recipe.evidence.further_samples if given.split == "confirm" else (),
        evidence=None if changes.incomparable else recipe.evidence,
        is_own=configuration == own and own_prompt,
        incomparable=changes.incomparable,
        notes=(*([note] if note else []), *changes.notes),
    )


def _changed(space: "SearchSpace", settings: Sequence[str]) -> "Configuration":
    """Return the default configuration of a space, with what ``--set`` fixes otherwise."""
    from infertune.errors import InvalidInputError
    from infertune.space import notation

    changed = notation.changed(space, settings)
    for parameter in changed.parameters:
        if parameter != space[parameter.name] and (parameter.kind != "choice" or len(parameter.choices) > 1):
            raise InvalidInputError(
                f"`settings` must give one value of {parameter.name} here, but gives {parameter.domain}"
            )
    return changed.default_configuration()


def _model(file: Path, recipe: "Recipe") -> str:
    """Return the answer's model: its folder where that is now, or its name."""
    from infertune.errors import InvalidInputError

    place = recipe.files.model
    if place is None:
        return recipe.model
    if (folder := place.find(file)) is None:
        looked = " or ".join(map(str, place.paths(file)))
        raise InvalidInputError(f"the model of {file} is not there any more ({looked}): give `model`")
    return str(folder)


def _options(recipe: "Recipe", engine: str, new: "Mapping[str, Scalar]") -> "dict[str, Scalar]":
    """Return the options of the engine: the answer file's where it is the same engine, and over them the new ones."""
    kept = dict(recipe.engine_options) if recipe.engine == engine else {}
    if any(name in new for name in _KEYS):
        kept = {name: value for name, value in kept.items() if name not in _KEYS}
    return kept | dict(new)


def _database(file: Path, recipe: "Recipe") -> str:
    """Return the study's own database, if it is still there and can be written, so that nothing is paid for twice."""
    found = recipe.files.database.find(file) if recipe.files.database is not None else None
    is_ours = found is not None and os.access(found, os.W_OK) and os.access(found.parent, os.W_OK)
    return str(found) if is_ours else "infertune.db"
