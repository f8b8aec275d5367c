"""Task: examples in two disjoint splits, prompts, extraction and a scorer, made from one YAML file and its data."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import msgspec

from infertune import plugins, prompts, yamlfile
from infertune.data import shipped
from infertune.errors import InvalidInputError, nearest
from infertune.prompts import Template
from infertune.tasks import examples, extraction
from infertune.tasks.definition import Definition, ScorerChoice
from infertune.tasks.extraction import Extractor
from infertune.tasks.scorers import Scorer
from infertune.types import Example


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
        ideals: For every example id a text that a perfect model would write, for ``check``.
        left_out: Why some rows are no examples, in words; for ``check``.
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
    left_out: tuple[str, ...]

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
        splits = [[(one.id, dict(one.fields), one.reference) for one in split] for split in (self.tune, self.confirm)]
        definition = msgspec.structs.replace(self.definition, description="", source="", licence="")
        content = msgspec.json.encode([definition, templates, splits], order="sorted")
        return hashlib.sha256(content).hexdigest()[:16]

    def extract(self, text: str) -> str | None:
        """Return the answer in ``text`` in its voting normal form, or None; by the default extractor."""
        return self.extractors[self.default_extractor](text)

    def score(self, answer: str | None, example: Example) -> float:
        """Return how right an extracted answer is, in [0, 1]; no answer scores 0. Pure, so it may be remembered."""
        return 0.0 if answer is None else self.scorer.score(answer, example)


def names() -> list[str]:
    """Return the names of the shipped tasks, sorted."""
    return sorted(entry.name for entry in shipped("tasks").iterdir() if (entry / "task.yaml").is_file())


def definitions() -> list[Definition]:
    """Return the shipped tasks as their files define them; no data are read."""
    files = {name: shipped("tasks") / name / "task.yaml" for name in names()}
    return [yamlfile.parse(file.read_text("utf-8"), Definition, where=name) for name, file in files.items()]


def load(name_or_path: str | Path, *, data: Path | None = None) -> Task:
    """Return a shipped task by its name, or the task of a YAML file or of a folder with ``task.yaml``.

    Args:
        name_or_path: ``gsm8k``, ``my.yaml`` or ``tasks/mine``.
        data: A file or a folder to read instead of the task's own data.

    Raises:
        InvalidInputError: No such task, or its file or its data is not as it must be.
        DataUnavailableError: The data are not on this machine and could not be fetched.
    """
    path = Path(name_or_path)
    if data is not None and not data.exists():
        raise InvalidInputError(f"--data must be a file or a folder, but there is no {data}")
    if path.suffix in (".yaml", ".yml") or (path / "task.yaml").is_file():
        return _read(path / "task.yaml" if path.is_dir() else path, data)
    name = str(name_or_path)
    if name not in names():
        raise InvalidInputError(f"no task is called '{name}', and there is no such folder or .yaml file{_near(name)}")
    with as_file(shipped("tasks") / name) as folder:
        return _read(folder / "task.yaml", data)


def _near(name: str) -> str:
    return nearest(name, names())


def _read(path: Path, data: Path | None) -> Task:
    definition = yamlfile.read(path, Definition)
    where = str(path)
    templates = _templates(definition, path)
    scorer = _scorer(definition.scorer, where)
    steps = definition.extraction if isinstance(definition.extraction, dict) else {"default": definition.extraction}
    if not steps:
        raise InvalidInputError(f"{where}: 'extraction' must name at least one extractor")
    for name, one in steps.items():
        extraction.checked(one, where=f"{where}: extraction of '{name}'")
    cases, left_out = examples.read(definition, scorer, path, data)
    return Task(
        name=definition.name,
        version=definition.version,
        description=definition.description,
        source=definition.source,
        licence=definition.licence,
        tune=tuple(case.example for case in cases["tune"]),
        confirm=tuple(case.example for case in cases["confirm"]),
        prompts=templates,
        max_tokens_choices=_max_tokens(definition.max_tokens, where),
        stop=definition.stop,
        extractors={name: extraction.extractor(one, scorer.normal_form) for name, one in steps.items()},
        scorer=scorer,
        definition=definition,
        ideals={case.example.id: case.ideal for split in cases.values() for case in split},
        left_out=left_out,
    )


def _templates(definition: Definition, path: Path) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for entry in definition.prompts:
        template = (
            prompts.load(entry, beside=path.parent)
            if isinstance(entry, str)
            else prompts.checked(entry, where=f"{path}: prompt '{entry.name}'")
        )
        name = entry if isinstance(entry, str) else entry.name
        if name in found:
            raise InvalidInputError(f"{path}: 'prompts' lists '{name}' twice")
        prompts.render(template, dict.fromkeys(definition.fields, ""))
        found[name] = template
    if not found:
        raise InvalidInputError(
            f"{path}: 'prompts' must list at least one template; shipped: {', '.join(prompts.names())}"
        )
    return found


def _scorer(choice: str | ScorerChoice, where: str) -> Scorer:
    choice = ScorerChoice(choice) if isinstance(choice, str) else choice
    try:
        kind = plugins.load("scorers", choice.name)
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: scorer: {error}") from None
    valid = set(getattr(kind, "__dataclass_fields__", choice.options))
    for option in choice.options.keys() - valid:
        raise InvalidInputError(f"{where}: the scorer {choice.name} has no option '{option}'{nearest(option, valid)}")
    # msgspec checks the types of our own scorers' options; a plugin's class may be anything callable.
    make: Any = (lambda **options: msgspec.convert(options, kind)) if valid and isinstance(kind, type) else kind
    try:
        scorer: Scorer = make(**choice.options)
    except (msgspec.ValidationError, InvalidInputError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{where}: scorer {choice.name}: {error}") from None
    return scorer


def _max_tokens(given: int | tuple[int, ...], where: str) -> tuple[int, ...]:
    """Return the choices as given, or a cap with its half and its quarter."""
    choices = (given // 4, given // 2, given) if isinstance(given, int) else given
    choices = tuple(sorted({choice for choice in choices if choice > 0}))
    if not choices or (isinstance(given, tuple) and len(choices) != len(given)):
        raise InvalidInputError(f"{where}: 'max_tokens' must be a positive number, or several, but is {given}")
    return choices
