"""A task file for data that a user has: what ``infertune tasks new NAME --from FILE`` writes."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from infertune.errors import InvalidInputError, nearest, together
from infertune.tasks import datafile, draft_prompts, draft_text, examples, repeats
from infertune.tasks.answers import Answers, like
from infertune.tasks.conversation import is_conversation
from infertune.tasks.definition import Conversation, Definition, ScorerChoice, Splits
from infertune.tasks.division import place
from infertune.tasks.examples import Case
from infertune.tasks.prompts import as_text
from infertune.tasks.scorers.text import Exact
from infertune.tasks.starter import checked_name
from infertune.tasks.table import Table

_MOST_SHOTS = 8
_ROWS_A_SHOT = 10  # of the data, for each that is held out
_MOST_SHOT_CHARACTERS = 4000  # of all shots together; longer ones cost more than they help


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A task file's text, and in words what was found in the data and made of it."""

    text: str
    summary: str


def columns(data: Path) -> tuple[str, ...]:
    """Return the names of a data file's columns."""
    return datafile.read(data).columns


def draft(name: str, *, data: Path, inputs: Sequence[str], label: str, folder: Path) -> Draft:
    """Return a complete task file that reads ``data`` where it lies.

    Args:
        name: Of the task.
        data: JSONL, JSON, CSV or Parquet file.
        inputs: Columns that a prompt shows; one may hold conversations.
        label: Column with the right answers.
        folder: Where the task file will lie.

    Raises:
        InvalidInputError: A column is not there, rows cannot be used, or there are fewer than two.
    """
    table = datafile.read(data)
    _check_columns(table, inputs, label)
    fields = _fields(table, inputs)
    bare = Definition(
        name=checked_name(name),
        version=1,
        data=os.path.relpath(data, folder),
        fields=fields,
        reference=label,
        prompts=(),
        max_tokens=1,
        extraction=(),
        scorer="exact",
    )
    (found,) = examples.cases(bare, Exact(), [table])
    answers = like([case.example.reference for case in found])
    (cases,) = examples.cases(bare, answers.judge(), [table])
    kept, _ = repeats.once(cases, ())
    shots = _shots(kept, answers)
    prompts = draft_prompts.prompts(
        name, fields, label, answers, [(case.example.fields, _said(case)) for case in shots]
    )
    kept, left_out = repeats.once(cases, prompts)
    if len(kept) < 2:
        why = "".join(f"; {note}" for note in left_out)
        raise InvalidInputError(f"{data} must have at least 2 examples, one for each split, but has {len(kept)}{why}")
    complete = msgspec.structs.replace(
        bare,
        splits=Splits(tune=0.5, confirm=0.5),
        prompts=prompts,
        max_tokens=answers.max_tokens,
        stop=draft_prompts.stops(fields),
        extraction=answers.steps,
        scorer=ScorerChoice(answers.scorer, dict(answers.options)) if answers.options else answers.scorer,
    )
    others = [column for column in table.columns if column not in (*inputs, label)]
    text = draft_text.text(complete, others=others, n_shots=len(shots))
    kinds = {"labels": f"{len(answers.labels)} labels", "number": "numbers", "line": "lines", "text": "texts"}
    return Draft(text=text, summary=f"{len(prompts)} prompts; the answers are {kinds[answers.kind]}")


def _check_columns(table: Table, inputs: Sequence[str], label: str) -> None:
    problems = [
        f"{option}: {table.name} has no column '{column}'{nearest(column, table.columns)}"
        for option, column in [*(("`input`", column) for column in inputs), ("`label`", label)]
        if column not in table.columns
    ]
    twice = {column for column in inputs if inputs.count(column) > 1}
    problems += [f"`input`: the column '{column}' is given twice" for column in sorted(twice)]
    if label in inputs:
        problems.append(f"`label`: the column '{label}' is an input too; the answer must not be shown")
    if problems:
        raise together(problems, alone="", head=f"`input` and `label` must be different columns of {table.name}")


def _fields(table: Table, inputs: Sequence[str]) -> dict[str, str | Conversation]:
    """Return a field of a prompt for each column, named after it as far as a name in braces can be."""
    fields: dict[str, str | Conversation] = {}
    for column in inputs:
        name = draft_text.field_name(column)
        while name in fields:
            name += "_"
        talk = next((is_conversation(row.columns[column]) for row in table.rows if column in row.columns), False)
        only = not any(isinstance(one, Conversation) for one in fields.values())
        fields[name] = Conversation(column) if talk and only else column
    return fields


def _shots(kept: Sequence[Case], answers: Answers) -> list[Case]:
    """Return the cases to show: of each label one, or of all a few; none too long, and few beside those that stay."""
    most = min(len(kept) // _ROWS_A_SHOT, max(4, min(len(answers.labels), _MOST_SHOTS)))
    lengths = {case.example.id: sum(len(as_text(value)) for value in case.example.fields.values()) for case in kept}
    usual = median(lengths.values()) if lengths else 0
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in sorted(kept, key=lambda case: (lengths[case.example.id] > usual, place(case.example.id))):
        groups[case.answer if answers.labels else ""].append(case)
    turns = [[group[turn] for group in groups.values() if turn < len(group)] for turn in range(most)]
    chosen = [case for turn in turns for case in turn][:most]
    if len(chosen) < 2 or sum(lengths[case.example.id] + len(_said(case)) for case in chosen) > _MOST_SHOT_CHARACTERS:
        return []
    return sorted(chosen, key=lambda case: place(case.example.id))


def _said(case: Case) -> str:
    return (case.ideal or case.example.reference).strip()
