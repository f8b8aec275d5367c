"""Reads a task file, all of it, and tells everything that is wrong with it at once; the data are not looked at."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from infertune import plugins
from infertune.errors import InvalidInputError, nearest
from infertune.files import yaml_file
from infertune.files.fitting import fit, fit_fields
from infertune.tasks import prompts
from infertune.tasks.definition import Conversation, Definition, ScorerChoice, Source, Splits
from infertune.tasks.extraction import Extractor, extractor
from infertune.tasks.own_function import FunctionScorer, named
from infertune.tasks.prompts import Template
from infertune.tasks.scorers.text import Scorer

_LONGEST_NAME = 100
_MOST_TOKENS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class TaskFile:
    """A task file without an error."""

    definition: Definition
    templates: Mapping[str, Template]
    scorer: Scorer
    extractors: Mapping[str, Extractor]
    max_tokens: tuple[int, ...]


def read(path: Path) -> tuple[TaskFile | None, dict[str, Any], list[str]]:
    """Return the file, or None where it has errors; its keys that are right; and every error in words."""
    value = yaml_file.plain(yaml_file.text_of(path), where=str(path))
    keys, problems = fit_fields(value, Definition)
    if not isinstance(value, dict):
        return None, keys, problems
    problems += _names(keys)
    problems += _fields(keys)
    templates, wrong = _templates(keys.get("prompts"), path.parent, keys.get("fields"))
    problems += wrong
    scorer, wrong = _scorer(keys.get("scorer"))
    problems += wrong
    prefix = getattr(scorer, "prefix_field", "")  # of python_tests
    if prefix and prefix not in keys.get("fields", {prefix}):
        problems.append(
            f"'scorer.options.prefix_field': no field is called '{prefix}'{nearest(prefix, keys['fields'])}"
        )
    problems += _extraction(value, keys)
    problems += _data(value, keys)
    problems += [f"'ideal': {problem}" for problem in prompts.lone_brace(keys.get("ideal", ""))]
    max_tokens = _max_tokens(keys.get("max_tokens", 1))
    if not max_tokens:
        problems.append(f"'max_tokens' must be a positive number, or several, but is {_listed(keys['max_tokens'])}")
    elif max_tokens[-1] > _MOST_TOKENS:
        problems.append(f"'max_tokens' must be at most {_MOST_TOKENS:,}, but is {max_tokens[-1]:,}")
    if problems or scorer is None:
        return None, keys, problems
    return _whole(Definition(**keys), templates, scorer), keys, []


def of_definition(definition: Definition, templates: Mapping[str, Template], scorer: Scorer | None = None) -> TaskFile:
    """Return the file of a definition that was read before, with the texts of its prompts.

    Args:
        scorer: In place of the definition's own.

    Raises:
        InvalidInputError: The scorer's function or plugin is not there any more.
    """
    if scorer is None:
        scorer, problems = _scorer(definition.scorer)
        if scorer is None:
            raise InvalidInputError(f"the task '{definition.name}': {problems[0]}")
    return _whole(definition, templates, scorer)


def _whole(definition: Definition, templates: Mapping[str, Template], scorer: Scorer) -> TaskFile:
    steps = definition.extraction if isinstance(definition.extraction, dict) else {"default": definition.extraction}
    return TaskFile(
        definition=definition,
        templates=templates,
        scorer=scorer,
        extractors={name: extractor(one, scorer.normal_form) for name, one in steps.items()},
        max_tokens=_max_tokens(definition.max_tokens),
    )


def _names(keys: Mapping[str, Any]) -> Iterable[str]:
    name = keys.get("name", "task")
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        yield f"'name' must be 1 to {_LONGEST_NAME} printable characters"
    if "" in keys.get("stop", ()):
        yield "'stop' must hold no empty text: every answer would end before it begins"


def _fields(keys: Mapping[str, Any]) -> Iterable[str]:
    fields = keys.get("fields")
    if fields is None:
        return
    if not fields:
        yield "'fields' must name at least one field, such as {question: question}"
    for name in fields:
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            yield f"'fields': the name '{name}' must be letters, digits and _, for prompts have it in braces"
    conversations = [name for name, column in fields.items() if isinstance(column, Conversation)]
    if len(conversations) > 1:
        yield f"'fields' must have one conversation at most, but has {', '.join(conversations)}"


def _templates(
    entries: Iterable[str | Template] | None, folder: Path, fields: Mapping[str, Any] | None
) -> tuple[dict[str, Template], list[str]]:
    if entries is None:
        return {}, []
    found: dict[str, Template] = {}
    problems = []
    for entry in entries:
        try:
            template = prompts.load(entry, beside=folder) if isinstance(entry, str) else entry
        except InvalidInputError as error:
            problems.append(str(error))
            continue
        name = entry if isinstance(entry, str) else entry.name
        if name in found:
            problems.append(f"'prompts' lists '{name}' twice")
        if fields is not None:
            problems += template.unmatched(fields)
        found[name] = template
    if not found and not problems:
        problems.append(f"'prompts' must list at least one template; shipped: {', '.join(prompts.names())}")
    return found, problems


def _scorer(choice: str | ScorerChoice | None) -> tuple[Scorer | None, list[str]]:
    if choice is None:
        return None, []
    choice = ScorerChoice(choice) if isinstance(choice, str) else choice
    if ":" in choice.name:
        try:
            return FunctionScorer(named(choice.name)), []
        except InvalidInputError as error:
            return None, [f"'scorer': {error}"]
    try:
        kind = plugins.load("scorers", choice.name)
    except InvalidInputError as error:
        return None, [f"'scorer': {error}"]
    if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
        scorer, problems = fit(dict(choice.options), kind, path="scorer.options")
        return (None, problems) if problems else (scorer, [])
    try:  # a plugin's may be anything callable
        return kind(**choice.options), []
    except (InvalidInputError, msgspec.ValidationError, TypeError, ValueError) as error:
        return None, [f"'scorer' {choice.name}: {error}"]


def _extraction(value: Mapping[str, Any], keys: Mapping[str, Any]) -> Iterable[str]:
    if "extraction" not in keys:
        return
    given = value["extraction"]
    if given == {}:
        yield "'extraction' must name at least one extractor"
    for name, steps in given.items() if isinstance(given, dict) else [("", given)]:
        if steps == []:
            place = f"extraction.{name}" if name else "extraction"
            yield f"'{place}' must list at least one step, such as {{kind: line}}"


def _data(value: Mapping[str, Any], keys: Mapping[str, Any]) -> Iterable[str]:
    if "splits" in value and "splits" not in keys:
        return
    own = isinstance(keys.get("splits", Splits()).tune, Source)
    if own and value.get("data") is not None:
        yield "'data' must be left out where 'splits' gives tune and confirm a source each"
    if not own and not value.get("data"):
        yield "'data' must name a file, or 'splits' one for each split"


def _max_tokens(given: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return the choices as given, or a cap with its half and its quarter; none where they are not as they must be."""
    choices = (given // 4, given // 2, given) if isinstance(given, int) else given
    found = tuple(sorted({choice for choice in choices if choice > 0}))
    return found if isinstance(given, int) or len(found) == len(choices) else ()


def _listed(given: int | tuple[int, ...]) -> str:
    return str(given) if isinstance(given, int) else str(list(given))
