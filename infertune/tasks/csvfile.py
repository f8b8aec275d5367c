"""Rows of a CSV file in any usual dialect: the one under which most rows are as long as the first line is taken."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from infertune.errors import InvalidInputError
from infertune.tasks.table import Row, Table, row

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe"}
_N_TRIED = 200  # rows by which the dialect is judged
_MOST = 0.5
_LONGEST_CELL = 2**31 - 1  # csv's own limit of 131,072 characters is shorter than some documents
# A missing value as pandas, spreadsheets and databases write it; "None" and "NA" may be answers.
_MISSING = {"NaN", "nan", "NaT", "<NA>", "#N/A", "null", "NULL"}
_QUOTES_LEFT = re.compile(r'\s+".*"', re.DOTALL)  # a quoted cell that was not seen to be one
_SPREADSHEET = re.compile(r'"?sep=(.)"?\r?\n')  # a first line by which a spreadsheet is told the delimiter


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    spaced: bool = False  # a quoted cell may come after a space
    escaped: bool = False  # a quote within a cell has a backslash before it instead of being doubled


_PLAIN = [_Dialect(delimiter) for delimiter in DELIMITERS]
_RARE = [_Dialect(delimiter, **more) for more in ({"spaced": True}, {"escaped": True}) for delimiter in DELIMITERS]


def read(text: str, *, name: str) -> Table:
    """Return the rows; the first line names the columns, and blank lines are no rows."""
    said = _SPREADSHEET.match(text)
    body = text[said.end() :] if said else text
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        dialect = _dialect(body)
        names, rows = _rows(body, dialect, name, n_skipped=1 if said else 0)
    finally:
        csv.field_size_limit(before)
    notes = (f"the delimiter of {name} is {DELIMITERS[dialect.delimiter]}",) if dialect.delimiter != "," else ()
    return Table(name=name, rows=rows, columns=tuple(names), notes=notes)


def _dialect(text: str) -> _Dialect:
    """Return the dialect that fits most rows, of equals the first; a rare one only where no plain one fits half."""
    share, plain = _best(text, _PLAIN)
    rare_share, rare = _best(text, _RARE) if share < _MOST else (0.0, plain)
    return rare if rare_share > share else plain


def _best(text: str, dialects: list[_Dialect]) -> tuple[float, _Dialect]:
    return max(((_share_of_even(text, dialect), dialect) for dialect in dialects), key=lambda pair: pair[0])


def _share_of_even(text: str, dialect: _Dialect) -> float:
    """Return the share of rows with as many cells as the first line; 0 where that has only one."""
    tried = list(islice(_records(text, dialect), _N_TRIED))
    n_names = len(_trimmed(tried[0][1], 1)) if tried else 0
    n_even = sum(
        not problem and len(_trimmed(cells, n_names)) == n_names and not any(map(_QUOTES_LEFT.fullmatch, cells))
        for _, cells, problem in tried
    )
    return n_even / len(tried) if n_names > 1 else 0.0


def _rows(text: str, dialect: _Dialect, name: str, *, n_skipped: int) -> tuple[list[str], list[Row]]:
    records = _records(text, dialect)
    line, first, problem = next(records, (1, [], ""))
    names = _trimmed([cell.strip() for cell in first], 1)
    twice = [each for each in dict.fromkeys(names) if each and names.count(each) > 1]
    if twice:
        problem = f"the column '{twice[0]}' appears {names.count(twice[0])} times"
    if problem:
        raise InvalidInputError(f"{name}, line {line + n_skipped}: {problem}")
    rows = []
    for line, whole, problem in records:
        where = f"{name}, line {line + n_skipped}"
        cells = _trimmed(whole, len(names))
        if problem:
            rows.append(Row(where=where, problem=problem))
        elif len(cells) != len(names):
            problem = (
                f"must have {len(names)} cells like the first line, but has {len(cells)}"
                f" (the delimiter is {DELIMITERS[dialect.delimiter]})"
            )
            rows.append(Row(where=where, problem=problem))
        else:
            named = dict(zip(names, cells, strict=True))
            wrong = {name: problem for name, cell in named.items() if (problem := _problem(cell))}
            found = row({name: cell for name, cell in named.items() if name not in wrong}, where=where)
            rows.append(replace(found, unusable={**found.unusable, **wrong}))
    return names, rows


def _problem(cell: str) -> str:
    """Return why a cell has no value; one with a NUL is a damaged file's, or of another encoding."""
    return f"is {cell}, a missing value" if cell in _MISSING else "holds a NUL character" if "\0" in cell else ""


def _trimmed(cells: list[str], most: int) -> list[str]:
    """Return the cells without empty ones beyond so many: a delimiter at the end of a line begins no cell."""
    end = len(cells)
    while end > most and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _records(text: str, dialect: _Dialect) -> Iterator[tuple[int, list[str], str]]:
    """Yield the line on which each record that is not blank begins, its cells, and why it is no CSV."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        skipinitialspace=dialect.spaced,
        escapechar="\\" if dialect.escaped else None,
        doublequote=not dialect.escaped,
        strict=True,
    )
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
            if any(cell.strip() for cell in cells):
                yield line, cells, ""
        except csv.Error as error:
            why = "a quoted cell does not end" if "unexpected end" in str(error) else str(error)
            yield line, [], f"not valid CSV: {why}"
        except StopIteration:
            return
