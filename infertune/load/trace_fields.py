"""The fields of a recorded request: lengths, numbers, times and texts, each checked where it is read."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infertune.errors import InvalidInputError
from infertune.files.fitting import half_character
from infertune.load.lengths import LONGEST
from infertune.types import Message

Row = Mapping[str, Any]

_CHARACTERS_PER_TOKEN = 4
_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant"}
_SPOKEN = ("user", "assistant", "system")


class Unusable(Exception):
    """A row of a published recording that no request can be made of; the text says why."""


def length(row: Row, name: str) -> int:
    """Return a number of tokens, at least 1."""
    value = row.get(name)
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(whole, int) or isinstance(whole, bool) or not 1 <= whole <= LONGEST:
        raise InvalidInputError(f"'{name}' must be a whole number from 1 to {LONGEST:,}, not {_short(value)}")
    return whole


def tokens(row: Row, name: str) -> int:
    """Return a number of tokens of a published recording, in which there are requests that failed.

    Raises:
        Unusable: It is 0, or missing.
    """
    if row.get(name) in (0, "", None) and not isinstance(row.get(name), bool):
        raise Unusable(f"no {name}")
    return length(row, name)


def number(row: Row, name: str) -> float:
    """Return a number of at least 0."""
    value = row[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise InvalidInputError(f"'{name}' must be a number of at least 0, not {_short(value)}")
    return float(value)


def moment(row: Row, name: str) -> float:
    """Return a date with a time, in seconds since 1970; one without a zone is in UTC."""
    value = row.get(name)
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise InvalidInputError(
            f"'{name}' must be a time such as 2023-11-16 18:15:46.68, not {_short(value)}"
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def text(value: Any, name: str) -> str:
    """Return a text that can be sent."""
    if not isinstance(value, str):
        raise InvalidInputError(f"'{name}' must be a text, not {_short(value)}")
    if half := half_character(value):
        raise InvalidInputError(f"'{name}' {half}")
    return value


def turns(value: Any, name: str) -> tuple[Message, ...]:
    """Return the turns of a conversation, in whichever of the usual words: ``from`` and ``value``, or OpenAI's."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InvalidInputError(f"'{name}' must be a list of turns")
    return tuple(Message(_role(each), _content(each)) for each in value)


def said_tokens(answer: str) -> int:
    """Return about how many tokens an answer has."""
    return min(LONGEST, max(1, math.ceil(len(answer) / _CHARACTERS_PER_TOKEN)))


def _role(turn: Row) -> str:
    given = text(turn.get("role", turn.get("from")), "role' of a turn or its 'from")
    role = _ROLES.get(given.lower(), given.lower())
    return role if role in _SPOKEN else given


def _content(turn: Row) -> str:
    value = turn.get("content", turn.get("value"))
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in value]
        return "\n".join(text(part, "content' of a turn, each part of it,") for part in parts)
    return text(value, "content' of a turn, or its 'value")


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
