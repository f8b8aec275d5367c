"""The rows of JSON in any of its usual shapes: an object a line, objects one after another, a list, a wrapped list."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infertune.errors import InvalidInputError

_TURN = {"role", "from"}  # a list of turns is a conversation, and no list of rows
_MOST_DIGITS = 300
_FIRST_LINE = re.compile(r"[^\n]*\S[^\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class JSONRow:
    """One value where a row should be.

    Attributes:
        where: Its place: the file with a line, or with the number of the row where a list has them all.
        value: Whatever stands there.
        problem: Why it is no JSON; there is no value then.
    """

    where: str
    value: Any = None
    problem: str = ""


def rows(text: str, *, name: str) -> tuple[list[JSONRow], str]:
    """Return the rows, and the key under which they stand where one object wraps their list; empty where none does.

    Args:
        text: What the file holds decides, not how its name ends.
        name: Of the file.

    Raises:
        InvalidInputError: It is no JSON as a whole, or one object that holds no list of rows, or several.
    """
    first = _FIRST_LINE.search(text)
    if first is None:
        return [], ""
    # Not splitlines: JSON may hold U+2028 as it is.
    if not isinstance(_line(first[0]).value, dict):
        try:
            values = list(_values(text))
        except ValueError as error:
            if not any(isinstance(_line(line).value, dict) for line in text.split("\n")):
                raise InvalidInputError(f"{name}{_line_of(error)}: not valid JSON: {said(error)}") from None
        else:
            return _of_values(values, name)
    lines = enumerate(text.split("\n"), start=1)
    found = [_line(line, where=f"{name}, line {number}") for number, line in lines if line.strip()]
    if len(found) > 1:
        return found, ""
    unwrapped, key = _of_values([found[0].value], name)
    return (unwrapped, key) if key else (found, "")


def said(error: ValueError | RecursionError) -> str:
    """Return what a failure to read JSON says, without Python's own advice."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


def loads(text: str) -> Any:
    """Return the value of JSON text; an object that gives a key twice, and a number of 300 digits, are refused.

    Raises:
        ValueError: It is none.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError(said(error)) from None


def _line(line: str, where: str = "") -> JSONRow:
    try:
        return JSONRow(where=where, value=loads(line))
    except ValueError as error:
        return JSONRow(where=where, problem=f"not valid JSON: {said(error)}")


def _values(text: str) -> Iterator[Any]:
    """Yield the values that stand one after another."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            value, at = _DECODER.raw_decode(text, at)
        except RecursionError as error:
            raise ValueError(said(error)) from None
        yield value


def _of_values(values: list[Any], name: str) -> tuple[list[JSONRow], str]:
    key = ""
    if len(values) == 1 and isinstance(values[0], dict):
        values, key = _unwrapped(values[0], name)
    elif any(isinstance(value, list) for value in values):
        values = [row for value in values for row in (value if isinstance(value, list) else [value])]
    return [JSONRow(where=f"{name}, row {number}", value=value) for number, value in enumerate(values, start=1)], key


def _unwrapped(value: dict[str, Any], name: str) -> tuple[list[Any], str]:
    """Return the rows of an object that stands alone: those of the only list of objects in it, or itself."""
    lists = [key for key, one in value.items() if _are_rows(one)]
    keys = ", ".join(list(value)[:5])
    if len(lists) > 1:
        raise InvalidInputError(f"{name}: must hold one list of rows, but holds several: {', '.join(lists[:5])}")
    if lists:
        return value[lists[0]], lists[0]
    if len(value) > 1 and (all(map(_is_numbered, value.values())) or _are_columns(list(value.values()))):
        raise InvalidInputError(
            f"{name}: must be a list of objects or an object a line, but is an object of columns ({keys}): write it "
            "row by row, in pandas with orient='records'"
        )
    return [value], ""


def _are_rows(value: Any) -> bool:
    is_list = isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
    return is_list and not any(_TURN & one.keys() for one in value)


def _is_numbered(value: Any) -> bool:
    return isinstance(value, dict) and list(value)[:1] == ["0"]


def _are_columns(values: list[Any]) -> bool:
    sizes = {len(value) if isinstance(value, list) else 0 for value in values}
    return len(sizes) == 1 and min(sizes) > 1


def _line_of(error: ValueError) -> str:
    return f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key '{twice}' is given twice")
    return found


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(text):,} digits, and may have {_MOST_DIGITS}")
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_int=_whole)
