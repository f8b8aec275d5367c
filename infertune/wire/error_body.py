"""Whom an error is about that came with a good status."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from infertune.wire.blame import Blame, blame_of_status
from infertune.wire.words import words

_BY_WORD: Sequence[tuple[re.Pattern[str], Blame]] = (
    (re.compile(r"rate.?limit|overloaded|too.many|unavailable|capacity"), "load"),
    (re.compile(r"quota|credit|billing|payment|api.?key|authenticat|unauthori|permission|model.not.found"), "user"),
    (
        re.compile(r"invalid.request|bad.request|context.length|content.filter|moderation|validation|too.long"),
        "request",
    ),
)


def blame_of_error(body: bytes, error: Any) -> Blame:
    """Return whom an error is about that came with a good status: by the status that it names, else by its words."""
    outside = msgspec.json.decode(body)
    for found in (error, outside):
        if isinstance(found, Mapping):
            for name in ("code", "status", "status_code", "http_status"):
                told = str(found.get(name, ""))
                if re.fullmatch(r"[45]\d\d", told):
                    return blame_of_status(int(told))
    told = " ".join(str(error.get(name, "")) for name in ("code", "type")) if isinstance(error, Mapping) else ""
    for text in (told.lower(), words(body).lower()):
        for pattern, blame in _BY_WORD:
            if pattern.search(text):
                return blame
    return "attempt"
