"""What a body that is no answer says to the user: one clean line, with no key in it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

_MAX_CHARACTERS = 300
_NAMES = ("error", "message", "detail", "msg", "errors", "choices")
_MAX_DEPTH = 4
_FILTERED = re.compile(r"content.?(filter|policy|management)|moderation|flagged|responsible.?ai|safety.system")


def said(status: int, body: bytes, redact: Callable[[str], str], *, location: str = "") -> str:
    """Return the status and the server's own words, shortened, without control characters and keys.

    Args:
        status: Of the reply.
        body: Of the reply.
        redact: Strikes the key out.
        location: Where the reply sends one to instead.
    """
    text = clean(redact(words(body)))
    away = f"; it points to {clean(redact(location))}" if location else ""
    return f"HTTP {status}{f': {text}' if text else ''}{away}"


def clean(text: str) -> str:
    """Return a text from outside as one printable line of bounded length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _MAX_CHARACTERS]).split())
    return line if len(line) <= _MAX_CHARACTERS else f"{line[: _MAX_CHARACTERS - 3]}..."


def words(body: bytes) -> str:
    """Return a server's own words from a body: the message of an error in any form in use, else all of it."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = None
    return _message(found) or body[: 16 * _MAX_CHARACTERS].decode("utf-8", "replace")


def is_filtered(body: bytes) -> bool:
    """Whether an error says that a filter withholds the answer, which no other try would change."""
    return _FILTERED.search(body[: 16 * _MAX_CHARACTERS].decode("utf-8", "replace").lower()) is not None


def _message(found: Any) -> str:
    """Return the message of an error: a text, or what stands under one of the names, or in the first of a list."""
    for _ in range(_MAX_DEPTH):
        if isinstance(found, list) and found:
            found = found[0]
        elif isinstance(found, Mapping):
            found = next((found[name] for name in _NAMES if found.get(name)), "")
        else:
            break
    return found if isinstance(found, str) else ""
