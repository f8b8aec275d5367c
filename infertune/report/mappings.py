"""Reports as lists, mappings and scalars, which JSON can hold."""

from typing import Any

import msgspec

from infertune.types import Configuration


def as_mapping(value: Any) -> dict[str, Any]:
    """Return a dataclass as a mapping, with everything in it."""
    found: dict[str, Any] = msgspec.to_builtins(value, enc_hook=_mapping)
    return found


def _mapping(value: Any) -> Any:
    if isinstance(value, Configuration):
        return dict(value)
    raise NotImplementedError(type(value).__name__)
