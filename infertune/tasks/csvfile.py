"""Rows of a CSV file. Its delimiter is recognised: a comma, a semicolon, a tab or a pipe."""

import csv
import io
from collections.abc import Iterator
from itertools import islice

from infertune.errors import InvalidInputError
from infertune.tasks.table import Row, Table, row

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe"}
_N_TRIED = 200  # rows by which the delimiter is judged
_LONGEST_CELL = 2**31 - 1  # csv's own limit of 131,072 characters is shorter than some documents


def read(text: str, *, name: str) -> Table:
    """Return the rows; the first line names the columns, and blank lines are no rows."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        delimiter = _delimiter(text)
        names, rows = _rows(text, delimiter, name)
    finally:
        csv.field_size_limit(before)
    notes = (f"the delimiter of {name} is {DELIMITERS[delimiter]}",) if delimiter != "," else ()
    return Table(name=name, rows=rows, columns=tuple(names), notes=notes)


def _delimiter(text: str) -> str:
    """Return what gives the most rows as many cells as the first line, which has two at least; else the comma."""

    def even(delimiter: str) -> float:
        cells = [len(cells) for _, cells, _ in islice(_records(text, delimiter), _N_TRIED)]
        return cells.count(cells[0]) / len(cells) if cells and cells[0] > 1 else 0.0

    return max(DELIMITERS, key=even)  # of equals the first


def _rows(text: str, delimiter: str, name: str) -> tuple[list[str], list[Row]]:
    records = _records(text, delimiter)
    line, first, problem = next(records, (1, [], ""))
    names = [cell.strip() for cell in first]
    twice = [each for each in dict.fromkeys(names) if each and names.count(each) > 1]
    if twice:
        problem = f"the column '{twice[0]}' appears {names.count(twice[0])} times"
    if problem:
        raise InvalidInputError(f"{name}, line {line}: {problem}")
    rows = []
    for line, cells, problem in records:
        where = f"{name}, line {line}"
        if problem:
            rows.append(Row(where=where, problem=problem))
        elif len(cells) != len(names):
            problem = (
                f"must have {len(names)} cells like the first line, but has {len(cells)}"
                f" (the delimiter is {DELIMITERS[delimiter]})"
            )
            rows.append(Row(where=where, problem=problem))
        else:
            # Pandas writes a missing value as NaN where it is told to, and as nan after astype(str).
            values = [float("nan") if cell in ("NaN", "nan") else cell for cell in cells]
            rows.append(row(dict(zip(names, values, strict=True)), where=where))
    return names, rows


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield the line on which each record that is not blank begins, its cells, and why it is no CSV."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
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
