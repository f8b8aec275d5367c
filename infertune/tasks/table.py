"""Rows of data as they come from any source: texts by column, what is no text, and where each row stands."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infertune.fitting import half_character


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


def table(rows: Sequence[Row], *, name: str) -> Table:
    """Return the table of rows that need not have the same columns."""
    names = (column for one in rows for part in (one.columns, one.unusable) for column in part)
    return Table(name=name, rows=rows, columns=tuple(dict.fromkeys(names)))


def row(value: Mapping[str, Any], *, where: str) -> Row:
    """Return a row of plain values."""
    columns, unusable = {}, {}
    for key, cell in value.items():
        name = str(key)
        if cell is None:
            unusable[name] = "is null"
        elif isinstance(cell, float) and math.isnan(cell):
            unusable[name] = "is NaN, a missing value"
        else:
            text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
            if half := half_character(text):
                unusable[name] = half
            else:
                columns[name] = text
    return Row(where=where, columns=columns, unusable=unusable)
