"""Fields that a user adds to the body of every request: one JSON object, which must not change what is asked."""

import json
import math
import re
from collections.abc import Collection
from dataclasses import fields
from typing import Any

from infertune.errors import InvalidInputError
from infertune.files import json_rows
from infertune.files.fitting import half_character
from infertune.space.extra_settings import RESERVED
from infertune.types import Decoding

NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)
"""Of a field."""

OF_ENGINES = frozenset({*RESERVED, *(field.name for field in fields(Decoding))} - {"extra"})
"""What an engine sets itself: a second voice would change what is asked, or what a setting of the search means."""


def parse(text: str, *, reserved: Collection[str], option: str = "`extra_body`") -> dict[str, Any]:
    """Return the fields.

    Args:
        text: As the user gave it.
        reserved: Names that are set otherwise.
        option: By which it was given, for messages.

    Raises:
        InvalidInputError: It is no JSON object, holds what JSON cannot say, or a name that is reserved.
    """
    try:
        found = json_rows.loads(text)
    except ValueError as error:
        raise InvalidInputError(
            f"{option} must be a JSON object, not {_short(text)}: {json_rows.said(error)}"
        ) from None
    if not isinstance(found, dict):
        raise InvalidInputError(f"{option} must be a JSON object, not {_short(text)}")
    for name in found:
        if not NAME.fullmatch(name):
            raise InvalidInputError(
                f"{option} must name its fields by letters, digits, '_', '-' and '.', but has {name[:40]!a}"
            )
        if name in reserved:
            own = " (`settings` fixes a setting)" if name in {field.name for field in fields(Decoding)} else ""
            raise InvalidInputError(f"{option} must not hold '{name}', which infertune sets itself{own}")
    if not _is_finite(found):
        raise InvalidInputError(f"{option} must hold finite numbers, but has NaN or Infinity: {_short(text)}")
    if half := half_character(json.dumps(found, ensure_ascii=False)):
        raise InvalidInputError(f"{option} {half}")
    return found


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
