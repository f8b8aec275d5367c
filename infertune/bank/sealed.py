"""JSON records with a digest, so that damage inside a readable database is noticed instead of believed."""

import json
from typing import Any

from infertune.bank.keys import canonical_json, digest_of


def seal(value: Any, *place: str) -> str:
    """Return a JSON value as text with its digest.

    Args:
        value: Any JSON value.
        place: What names the record, so that it cannot stand in for another.
    """
    plain = json.loads(json.dumps(value))
    return json.dumps({"value": plain, "digest": _digest(plain, place)}, sort_keys=True)


def unseal(text: str, *place: str) -> tuple[Any, bool]:
    """Return what was sealed, and whether it was; earlier versions wrote the bare value.

    Raises:
        ValueError: It is not what was written there.
    """
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError("no JSON") from error
    if not isinstance(found, dict) or found.keys() != {"value", "digest"}:
        return found, False
    if found["digest"] != _digest(found["value"], place):
        raise ValueError("its digest is another")
    return found["value"], True


def _digest(value: Any, place: tuple[str, ...]) -> str:
    return digest_of(canonical_json(value), *place)
