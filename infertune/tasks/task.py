"""Task: examples in two disjoint splits, prompts, extraction and a scorer, made from one YAML file and its data."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import as_file
from pathlib import Path

import msgspec

from infertune.errors import InvalidInputError, nearest, together
from infertune.files import text_file, yaml_file
from infertune.files.shipped import shipped
from infertune.tasks import judgement, splits, taskfile
from infertune.tasks.definition import Definition
from infertune.tasks.extraction import Extractor
from infertune.tasks.judgement import Miss
from infertune.tasks.own_function import Function, FunctionScorer, LostScorer, digest, named
from infertune.tasks.prompts import Template
from infertune.tasks.scorers.text import Scorer
from infertune.types import Example

_OF_HARNESS = "lm-eval:"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is asked, of which examples, and how an answer is found and judged.

    Attributes:
        tune: The examples the search sees, in an order that is random but fixed.
        confirm: Those only the final confirmation sees; none of them asks what one of ``tune`` asks.
        prompts: Templates by name; the first is the default.
        max_tokens_choices: Values worth trying, rising; the last is the task's own cap.
        stop: Texts that end an answer.
        extractors: From a model's text to the answer in its voting normal form, or None; the first is the default.
        ideals: By example id a text that a perfect model would write, where one is known.
        places: By example id where its row stands, in the order of the data.
        left_out: Why some rows are no examples, in words.
        notes: How the data were read, where that was a guess.
    """

    name: str
    version: int
    description: str
    source: str
    licence: str
    tune: tuple[Example, ...]
    confirm: tuple[Example, ...]
    prompts: Mapping[str, Template]
    max_tokens_choices: tuple[int, ...]
    stop: tuple[str, ...]
    extractors: Mapping[str, Extractor]
    scorer: Scorer
    definition: Definition
    ideals: Mapping[str, str]
    places: Mapping[str, str]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def max_tokens(self) -> int:
        """The task's cap on an answer, in tokens."""
        return self.max_tokens_choices[-1]

    @property
    def default_extractor(self) -> str:
        """Name of the extractor that is used when none is chosen."""
        return next(iter(self.extractors))

    @cached_property
    def digest(self) -> str:
        """Identity of everything that shapes a score: the definition's rules, the templates and both splits."""
        templates = {name: template.digest for name, template in self.prompts.items()}
        both = [[(one.id, dict(one.fields), one.reference) for one in split] for split in (self.tune, self.confirm)]
        definition = msgspec.structs.replace(self.definition, description="", source="", licence="")
        own = self._digests_of_functions
        content = msgspec.json.encode([definition, templates, both, *([own] if own else [])], order="sorted")
        return hashlib.sha256(content).hexdigest()[:16]

    @property
    def _digests_of_functions(self) -> list[str]:
        """Of the user's own functions: where their source changes, so do scores."""
        given = self.definition.extraction
        steps = [step for one in (given.values() if isinstance(given, dict) else [given]) for step in one]
        found = [digest(named(step.name)) for step in steps if isinstance(step, Function)]
        return found + ([self.scorer.digest] if isinstance(self.scorer, FunctionScorer) else [])

    def with_scorer(self, function: Callable[..., float]) -> "Task":
        """Return the task with a function of one's own for its scorer.

        Args:
            function: Takes ``answer`` and ``reference``, ``example`` or both by name; returns a score in [0, 1].
        """
        return replace(self, scorer=FunctionScorer(function))

    @property
    def examples(self) -> tuple[Example, ...]:
        """Those of both splits."""
        return (*self.tune, *self.confirm)

    @cached_property
    def misses(self) -> tuple[Miss, ...]:
        """The examples that cannot be answered correctly; judging programs means running their tests."""
        return judgement.misses(self.examples, self.ideals, self.places, self.extract, self.score)

    @property
    def problems(self) -> tuple[str, ...]:
        """What must be put right before a figure of the task means anything: ``load`` refuses such a task."""
        return judgement.in_words(self.misses, len(self.examples))

    def extract(self, text: str, example: Example | None = None) -> str | None:
        """Return the answer in ``text`` in its voting normal form, or None; by the default extractor."""
        return self.extractors[self.default_extractor](text, example)

    def score(self, answer: str | None, example: Example) -> float:
        """Return how right an extracted answer is, in [0, 1]; no answer scores 0. Pure, so it may be remembered."""
        return 0.0 if answer is None else self.scorer.score(answer, example)


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
    if str(name_or_path).startswith(_OF_HARNESS):
        from infertune.tasks import lm_eval_task

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
