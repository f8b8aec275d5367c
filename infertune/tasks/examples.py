"""From rows to cases: fields, reference and id, with every row that cannot be one told at once."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from infertune.errors import InvalidInputError, nearest, together
from infertune.tasks import conversation
from infertune.tasks.definition import Conversation, Definition, Reference
from infertune.tasks.prompts import names_in, substitute
from infertune.tasks.scorers.text import Scorer
from infertune.tasks.table import Row, Table
from infertune.types import Example, Prompt

N_TOLD = 10  # bad rows that a message names
_DOUBTFUL = {"nan", "none", "null", "na", "n/a", "nat", "<na>", "#n/a", "undefined"}


@dataclass(frozen=True, slots=True)
class Case:
    """An example with what only its row knows.

    Attributes:
        ideal: A text that a perfect model would write; None where neither scorer nor task file knows one.
        answer: The reference in the scorer's normal form: equal ones are one label.
        where: Its place in the data.
    """

    example: Example
    ideal: str | None
    answer: str
    where: str


def cases(definition: Definition, scorer: Scorer, tables: Sequence[Table]) -> list[list[Case]]:
    """Return the cases of each table.

    Raises:
        InvalidInputError: A column is in no row, or rows cannot be read: the first ten are named.
    """
    if unknown := [problem for table in tables for problem in unknown_columns(_keys(definition), table)]:
        raise together(unknown, alone="", head="the task file names columns that are not there")
    bad: list[str] = []
    found = [list(_cases(definition, scorer, table, bad)) for table in tables]
    if bad:
        names = " and ".join(table.name for table in tables)
        raise together(bad, alone="", head=f"{len(bad)} rows of {names} cannot be used", most=N_TOLD)
    return found


def doubts(found: Sequence[Case]) -> list[str]:
    """Return a note for each word among the references that may stand for a missing value, and may be an answer."""
    places: dict[str, list[str]] = {}
    for case in found:
        if case.example.reference.strip().lower() in _DOUBTFUL:
            places.setdefault(case.example.reference.strip(), []).append(case.where)
    return [
        f"{len(where)} reference{'s are' if len(where) > 1 else ' is'} '{word}', "
        f"{'the first in' if len(where) > 1 else 'in'} {where[0]}: remove what means a missing value"
        for word, where in places.items()
    ]


def unknown_columns(keys: Mapping[str, Any], table: Table) -> list[str]:
    """Return a sentence for each column that a key of the task file names and no row has."""
    return [
        f"{table.name} has no column '{column}', which '{key}' needs{nearest(column, table.columns)}"
        for key, column in _needed(keys)
        if table.columns and column not in table.columns
    ]


def _keys(definition: Definition) -> dict[str, Any]:
    return {name: getattr(definition, name) for name in definition.__struct_fields__}


def _needed(keys: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each key of a task file with a column that it needs."""
    for field, column in keys.get("fields", {}).items():
        yield f"fields.{field}", column.conversation if isinstance(column, Conversation) else column
    reference = _reference(keys.get("reference", Reference()))
    for column in [reference.column] if reference.column else sorted(names_in(reference.template)):
        yield "reference", column
    for column in sorted(names_in(keys.get("ideal", "")) - {"reference"}):
        yield "ideal", column
    if keys.get("id"):
        yield "id", keys["id"]


def _reference(given: str | Reference) -> Reference:
    return Reference(column=given) if isinstance(given, str) else given


def _cases(definition: Definition, scorer: Scorer, table: Table, bad: list[str]) -> Iterator[Case]:
    needed = dict.fromkeys(column for _, column in _needed(_keys(definition)))
    by_id: dict[str, Case] = {}
    for row in table.rows:
        lacking = [column for column in needed if column not in row.columns]
        if row.problem:
            bad.append(f"{row.where}: {row.problem}")
        elif lacking:
            why = (f"column '{column}' {row.unusable.get(column, 'is missing')}" for column in lacking)
            bad.append(f"{row.where}: {'; '.join(why)}")
        else:
            try:
                case = _case(definition, scorer, row)
            except InvalidInputError as error:
                bad.append(f"{row.where}: {error}")
                continue
            first = by_id.setdefault(case.example.id, case)
            if first.example != case.example:
                bad.append(f"{row.where}: the id '{case.example.id}' is already that of {first.where}")
            else:
                yield case


def _case(definition: Definition, scorer: Scorer, row: Row) -> Case:
    fields = {name: _field(column, row) for name, column in definition.fields.items()}
    reference = _answer(_reference(definition.reference), row)
    content = msgspec.json.encode([fields, reference], order="sorted")
    example_id = row.columns[definition.id] if definition.id else hashlib.sha256(content).hexdigest()[:12]
    own = scorer.ideal(reference)
    ideal: str | None = None
    if own is not None or definition.ideal != "{reference}":
        written = {**row.columns, "reference": reference if own is None else own}
        ideal = substitute(definition.ideal, written, where="ideal")
    answer = scorer.normal_form(reference if own is None else own) or reference
    return Case(Example(id=example_id, fields=fields, reference=reference), ideal, answer, row.where)


def _field(column: str | Conversation, row: Row) -> Prompt:
    if isinstance(column, str):
        return row.columns[column]
    try:
        return conversation.parse(row.columns[column.conversation])
    except InvalidInputError as error:
        raise InvalidInputError(f"column '{column.conversation}': {error}") from None


def _answer(given: Reference, row: Row) -> str:
    if given.template:
        return substitute(given.template, row.columns, where="reference")
    text = row.columns[given.column]
    if given.pattern:
        match = re.search(given.pattern, text)
        found = None if match is None else match[1] if match.re.groups else match[0]
        if found is None:
            raise InvalidInputError(f"column '{given.column}': 'reference.pattern' finds nothing in '{text[-40:]}'")
        text = found.strip()
    if not text.strip():
        raise InvalidInputError(f"column '{given.column}' is empty, but must hold the right answer")
    return text
