"""Finds JSON objects in what a model wrote: alone, fenced, with prose around them, or as Python prints them."""

import ast
import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec

_N_STARTS = 1000  # braces at which an object is looked for
_LONGEST_PYTHON = 10_000  # characters
_DECODER = json.JSONDecoder(strict=False)  # strings may hold line breaks


def objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in order; those within one are not yielded again."""
    at = -1
    for _ in range(_N_STARTS):
        at = text.find("{", at + 1)
        if at < 0:
            return
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, end = _python(text, at)
        if isinstance(value, dict):
            yield value
            at = end - 1


def as_text(value: Any) -> str | None:
    """Return a value as an answer: a text as it is, others as JSON with sorted keys; None for null and NaN."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, str):
        return value.encode(errors="replace").decode()  # half a character
    try:
        return msgspec.json.encode(value, order="sorted").decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def _python(text: str, start: int) -> tuple[Any, int]:
    """Return the dictionary that Python would print, ``{'a': None}``, and where it ends."""
    depth = 0
    for at in range(start, min(len(text), start + _LONGEST_PYTHON)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            try:
                return ast.literal_eval(text[start : at + 1]), at + 1
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                return None, start
    return None, start
