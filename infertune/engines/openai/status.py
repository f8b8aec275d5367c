"""What an HTTP reply that is no answer says to the user: one clean line, with no key in it."""

import httpx
import msgspec

from infertune.engines.openai.keys import Key

_MAX_CHARACTERS = 300


def said(reply: httpx.Response, key: Key) -> str:
    """Return the status and the server's own words, shortened, without control characters and keys."""
    words = clean(key.redact(_words(reply)))
    return f"HTTP {reply.status_code}{f': {words}' if words else ''}"


def clean(text: str) -> str:
    """Return a text from outside as one printable line of bounded length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _MAX_CHARACTERS]).split())
    return line if len(line) <= _MAX_CHARACTERS else f"{line[: _MAX_CHARACTERS - 3]}..."


class _Nested(msgspec.Struct):
    message: str


class _Error(msgspec.Struct):
    """The forms in use: ``error`` is an object with a ``message``, or a text; or one of the others stands alone."""

    error: _Nested | str | None = None
    message: str | None = None
    detail: str | None = None


def _words(reply: httpx.Response) -> str:
    try:
        error = msgspec.json.decode(reply.content, type=_Error)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return reply.content.decode("utf-8", "replace")
    if isinstance(error.error, _Nested):
        return error.error.message
    return error.error or error.message or error.detail or reply.content.decode("utf-8", "replace")
