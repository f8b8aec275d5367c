"""Rows of data as they come from any source: texts by column, what is no text, and where each row stands."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from infertune.files.fitting import half_character


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        where: Its place, for messages: ``data.csv, line 3``.
        columns: The cells; what is neither text nor number is JSON.
        unusable: Why a column of the row has no value, such as ``is null``.
        problem: Why the row could not be read at all; it has no columns then.
    """

    where: str
    columns: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All rows of a source.

    Attributes:
        name: Of the file or data set, for messages.
        columns: The names of all columns; none where no row could be read.
        notes: How it was read, where that was a guess.
    """

    name: str
    rows: Sequence[Row]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def table(rows: Sequence[Row], *, name: str, notes: tuple[str, ...] = ()) -> Table:
    """Return the table of rows that need not have the same columns."""
    names = (column for one in rows for part in (one.columns, one.unusable) for column in part)
    return Table(name=name, rows=rows, columns=tuple(dict.fromkeys(names)), notes=notes)


def row(value: Mapping[str, Any], *, where: str) -> Row:
    """Return a row of plain values; a column whose name holds half a character cannot be named, and is left out."""
    columns, unusable = {}, {}
    for key, cell in value.items():
        name = str(key)
        if half_character(name):
            continue
        text, problem = _text(cell)
        problem = problem or half_character(text)
        if problem:
            unusable[name] = problem
        else:
            columns[name] = text
    return Row(where=where, columns=columns, unusable=unusable)


def _text(cell: Any) -> tuple[str, str]:
    """Return a cell as text, or why it has no value."""
    if cell is None:
        return "", "is null"
    if isinstance(cell, float) and not math.isfinite(cell):
        return "", "is NaN, a missing value" if math.isnan(cell) else "is infinite"
    if isinstance(cell, bytes):
        try:
            return cell.decode(), ""
        except UnicodeDecodeError:
            return "", "holds bytes that are not UTF-8"
    if isinstance(cell, str):
        return cell, ""
    if isinstance(cell, Decimal):
        return f"{cell:f}", ""
    if not isinstance(cell, bool | int | float | list | tuple | dict):
        return str(cell), ""  # a date, say
    try:
        return json.dumps(cell, ensure_ascii=False, default=_nested), ""
    except (ValueError, TypeError, RecursionError):
        return "", "is nested too deep"


def _nested(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)
