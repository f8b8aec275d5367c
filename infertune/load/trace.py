"""A workload that was recorded: prompts or their lengths, and mostly times of arrival."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infertune.errors import InvalidInputError
from infertune.files import json_rows, text_file
from infertune.load import trace_blocks
from infertune.load.filler import Filler, check_total
from infertune.load.recorded import Recorded
from infertune.load.trace_fields import Unusable
from infertune.load.trace_layouts import UNKNOWN_LENGTH, Layout, layout
from infertune.load.workload import LoadRequest

_TEXTS = ("prompt", "text_input", "TIMESTAMP")  # columns of CSV that hold no numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The requests of a file, in the order of their arrival.

    Asked for more than there are, it begins again, its arrivals after the last one by the mean gap.

    Attributes:
        name: As the command line has it.
        rows: One or more; all have an ``arrival`` or none.
        filler: Makes prompts of which only the length is known.
        notes: What was skipped, or guessed.
    """

    name: str
    rows: tuple[Recorded, ...]
    filler: Filler
    notes: tuple[str, ...] = ()

    @property
    def n_different(self) -> int | None:
        """As many as the file has."""
        return len(self.rows)

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        """Return the first ``n``; they are the same for every seed."""
        span = (self.rows[-1].arrival or 0.0) - (self.rows[0].arrival or 0.0)
        period = span * (1 + 1 / max(1, len(self.rows) - 1))
        whole, rest = divmod(n, len(self.rows))
        check_total(whole * sum(row.n_input for row in self.rows) + sum(row.n_input for row in self.rows[:rest]))
        found = []
        for index in range(n):
            turn, line = divmod(index, len(self.rows))
            found.append(self.rows[line].request(self.filler, line=line, later=turn * period))
        return found


def read(path: Path, *, vocabulary: int | None = None, block: int | None = None) -> Trace:
    """Return the trace of a file; `infertune.load.trace_layouts` says how its rows may be.

    Args:
        path: JSON (a row a line, or one list, as ShareGPT is published) or CSV, also gzipped.
        vocabulary: Number of token ids of the model, for prompts of which only the length is known; None for words.
        block: Tokens of a block of Mooncake's; found where it is not given.

    Raises:
        InvalidInputError: It cannot be read, or a row is not as the layout of the first has it; it names the row.
    """
    placed = _rows(text_file.text(path), str(path))
    if not placed:
        raise InvalidInputError(f"{path} must have a row for each request, but has none")
    kind = _layout(placed)
    rows, skipped = _recorded(kind, placed)
    if not rows:
        why, _ = skipped.most_common(1)[0]
        raise InvalidInputError(f"{path}: must have a request, but none of its {len(placed)} rows is one: {why}")
    _check_arrivals(path, rows)
    notes = _notes(path, rows, skipped)
    made = [row for _, row in rows]
    if any(row.hash_ids for row in made):
        try:
            size = block or trace_blocks.size(made)
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}: {error}") from None
        made = [replace(row, block=size) for row in made]
        notes.append(f"a hash id of {path} stands for {size} tokens")
    elif block:
        raise InvalidInputError(f"{path} must have hash_ids where a block is given, but has none")
    if kind.is_clock:
        begin = min(row.arrival or 0.0 for row in made)
        made = [replace(row, arrival=(row.arrival or 0.0) - begin) for row in made]
    ordered = tuple(sorted(made, key=lambda row: row.arrival or 0.0))
    name = f"trace:{path},block={block}" if block else f"trace:{path}"
    return Trace(name=name, rows=ordered, filler=Filler(vocabulary), notes=tuple(notes))


def _layout(placed: list[tuple[str, Any]]) -> Layout:
    """Return the layout of the first row that has one."""
    problem = ""
    for where, row in placed:
        try:
            return layout(row)
        except InvalidInputError as error:
            problem = problem or f"{where}: {error}"
    raise InvalidInputError(problem)


def _recorded(kind: Layout, placed: list[tuple[str, Any]]) -> tuple[list[tuple[str, Recorded]], Counter[str]]:
    """Return the rows with their places, and how often others were skipped for which reason."""
    rows, skipped = [], Counter[str]()
    for where, row in placed:
        try:
            rows.append((where, kind.make(row)))
        except Unusable as why:
            skipped[str(why)] += 1
        except InvalidInputError as error:
            if not kind.skips:
                raise InvalidInputError(f"{where}: {error}") from None
            skipped[str(error)] += 1
    return rows, skipped


def _check_arrivals(path: Path, rows: list[tuple[str, Recorded]]) -> None:
    if len({row.arrival is None for _, row in rows}) > 1:
        where = next(where for where, row in rows if row.arrival is None)
        raise InvalidInputError(f"{where}: every row must have an arrival time, or none, but this one has not")


def _notes(path: Path, rows: list[tuple[str, Recorded]], skipped: Counter[str]) -> list[str]:
    notes = []
    if n := skipped.total():
        why = "; ".join(f"{each} ({count})" for each, count in skipped.most_common(3))
        notes.append(f"{n} of {n + len(rows)} rows of {path} are skipped: {why}")
    if n := sum(not row.is_whole for _, row in rows):
        notes.append(
            f"{n} rows of {path} do not say how long the answer is: it ends where the model ends it, or at "
            f"{UNKNOWN_LENGTH} tokens"
        )
    return notes


def _rows(text: str, name: str) -> list[tuple[str, Any]]:
    """Return every row with its place."""
    if not text.lstrip().startswith(("{", "[")):
        return _csv_rows(text, name)
    found, _ = json_rows.rows(text, name=name)
    for one in found:
        if one.problem or not isinstance(one.value, dict):
            problem = one.problem or f"must be a JSON object, not {str(one.value)[:40]}"
            raise InvalidInputError(f"{one.where}: {problem}")
    return [(one.where, one.value) for one in found]


def _csv_rows(text: str, name: str) -> list[tuple[str, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    rows: list[tuple[str, Any]] = []
    try:
        names = [cell.strip() for cell in next(reader, [])]
        if names and len(names) < 2:
            raise InvalidInputError(f"{name} must be JSON or CSV, but its first line is {names[0][:40]!r}")
        for cells in reader:
            where = f"{name}, line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise InvalidInputError(f"{where}: must have {len(names)} cells, but has {len(cells)}")
            rows.append((where, {n: _cell(n, cell) for n, cell in zip(names, cells, strict=True)}))
    except csv.Error as error:
        raise InvalidInputError(f"{name}, line {reader.line_num}: not valid CSV: {error}") from None
    return rows


def _cell(name: str, text: str) -> Any:
    """Return a number where the cell is one and may be one."""
    if name in _TEXTS:
        return text
    try:
        return int(text) if len(text) < 20 else float(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text
