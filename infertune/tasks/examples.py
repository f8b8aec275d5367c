"""From rows to examples: fields, reference and id, and the two splits that never share a question."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infertune.errors import InvalidInputError, nearest
from infertune.prompts import substitute
from infertune.tasks.definition import Definition, Reference, Source, Splits
from infertune.tasks.scorers import Scorer
from infertune.tasks.sources import Row, rows
from infertune.types import Example


@dataclass(frozen=True, slots=True)
class Case:
    """An example with what only its row knows: a text that a perfect model would write, and its place."""

    example: Example
    ideal: str
    where: str


def read(
    definition: Definition, scorer: Scorer, path: Path, data: Path | None
) -> tuple[dict[str, list[Case]], tuple[str, ...]]:
    """Return the cases of each split, disjoint, and the words about those left out."""
    splits = {"tune": definition.splits.tune, "confirm": definition.splits.confirm}
    left_out: list[str] = []

    def cases_of(source: Source) -> list[Case]:
        found = [_case(definition, scorer, row, path) for row in rows(source, folder=path.parent, data=data)]
        cases, repeated = _unique(found)
        left_out.extend(repeated)
        return cases

    own = {name: split for name, split in splits.items() if isinstance(split, Source)}
    if own:
        if len(own) != 2 or definition.data is not None:
            raise InvalidInputError(f"{path}: 'splits' must give both tune and confirm a source, and then no 'data'")
        if data is not None and data.is_file():
            files = " and ".join(Path(source.path).name for source in own.values())
            raise InvalidInputError(f"--data {data}: must be a folder with {files} for this task, but is a file")
        found = {
            name: _first(cases_of(source), source.count, f"{path}: splits.{name}") for name, source in own.items()
        }
    elif definition.data is None:
        raise InvalidInputError(f"{path}: 'data' must name a file, or 'splits' one for each split")
    else:
        source = Source(path=definition.data) if isinstance(definition.data, str) else definition.data
        found = _divide(cases_of(source), definition.splits, str(path))

    confirmed = {tuple(sorted(case.example.fields.items())) for case in found["confirm"]}
    kept = [case for case in found["tune"] if tuple(sorted(case.example.fields.items())) not in confirmed]
    if len(kept) < len(found["tune"]):
        left_out.append(f"{len(found['tune']) - len(kept)} of tune ask what one of confirm asks")
    taken = {case.example.id for case in found["confirm"]}
    for case in kept:
        if case.example.id in taken:
            raise InvalidInputError(
                f"{case.where}: the id '{case.example.id}' is also one of confirm; ids must differ"
            )
    found["tune"] = kept
    for name, cases in found.items():
        if not cases:
            raise InvalidInputError(f"{path}: the split '{name}' has no example; give more data or change 'splits'")
    return found, tuple(left_out)


def _case(definition: Definition, scorer: Scorer, row: Row, path: Path) -> Case:
    def column(name: str, key: str) -> str:
        if name not in row.columns:
            raise InvalidInputError(
                f"{row.where}: no column '{name}', which '{key}' of {path} needs{nearest(name, row.columns)}"
            )
        return row.columns[name]

    fields = {field: column(name, f"fields.{field}") for field, name in definition.fields.items()}
    given = Reference(column=definition.reference) if isinstance(definition.reference, str) else definition.reference
    if bool(given.column) == bool(given.template) or (given.pattern and not given.column):
        raise InvalidInputError(
            f"{path}: 'reference' must have either 'column' (with or without 'pattern') or 'template'"
        )
    if given.template:
        reference = substitute(given.template, row.columns, where=f"{row.where}: reference")
    else:
        reference = column(given.column, "reference")
    if given.pattern:
        reference = _group(given.pattern, reference, row, path)
    content = msgspec.json.encode([fields, reference], order="sorted")
    example_id = column(definition.id, "id") if definition.id else hashlib.sha256(content).hexdigest()[:12]
    ideal = substitute(
        definition.ideal, {**row.columns, "reference": scorer.ideal(reference)}, where=f"{row.where}: ideal"
    )
    return Case(Example(id=example_id, fields=fields, reference=reference), ideal, row.where)


def _group(pattern: str, text: str, row: Row, path: Path) -> str:
    try:
        match = re.search(pattern, text)
    except re.error as error:
        raise InvalidInputError(f"{path}: 'reference.pattern' is not a regular expression: {error}") from None
    if match is None:
        raise InvalidInputError(f"{row.where}: 'reference.pattern' finds nothing in '{text[-40:]}'")
    return (match[1] if match.re.groups else match[0]).strip()


def _unique(cases: Sequence[Case]) -> tuple[list[Case], list[str]]:
    """Return the cases without exact repetitions; two different ones with one id are an error."""
    by_id: dict[str, Case] = {}
    repeated = []
    for case in cases:
        first = by_id.setdefault(case.example.id, case)
        if first is case:
            continue
        if first.example != case.example:
            raise InvalidInputError(f"{case.where}: the id '{case.example.id}' is already that of {first.where}")
        repeated.append(f"{case.where} repeats {first.where}")
    return list(by_id.values()), repeated


def _position(case: Case) -> float:
    """Return the example's fixed place in [0, 1): a hash of its id, so that more examples move none of the others."""
    digest = hashlib.sha256(f"infertune split {case.example.id}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56


def _first(cases: list[Case], count: int | None, where: str) -> list[Case]:
    if count is not None and not 0 < count <= len(cases):
        raise InvalidInputError(f"{where}: 'count' must be in 1..{len(cases)}, the examples there are, but is {count}")
    return sorted(cases, key=_position)[:count]


def _divide(cases: list[Case], splits: Splits, where: str) -> dict[str, list[Case]]:
    """Return tune from the low and confirm from the high end of the examples' places."""
    ordered = sorted(cases, key=_position)
    tune, confirm = splits.tune, splits.confirm
    if isinstance(tune, int) and isinstance(confirm, int):
        if tune < 1 or confirm < 1 or tune + confirm > len(cases):
            raise InvalidInputError(
                f"{where}: 'splits' must be positive and take at most the {len(cases)} examples there are,"
                f" but is {tune} + {confirm}"
            )
        return {"tune": ordered[:tune], "confirm": ordered[-confirm:]}
    if isinstance(tune, float) and isinstance(confirm, float) and 0 < tune < 1 and 0 < confirm <= 1 - tune + 1e-9:
        low = [case for case in ordered if _position(case) < tune]
        return {"tune": low, "confirm": [case for case in ordered if _position(case) >= max(tune, 1 - confirm)]}
    raise InvalidInputError(
        f"{where}: 'splits' must be two counts (200), two shares above 0 that sum to 1 at most (0.6), or two sources,"
        f" but is {tune} and {confirm}"
    )
