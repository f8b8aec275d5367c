"""What is known of the default engine from the run that first started it: enough to resume a search without it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from infertune.bank.notes import Notes, once
from infertune.types import Unsupported

_KEY = "default engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultEngine:
    """What it said when it was started.

    Attributes:
        facts: Everything about it that shapes its text.
        unsupported: What it does not honour, which is left out of the space.
    """

    facts: Mapping[str, str]
    unsupported: tuple[Unsupported, ...]


def default_engine(log: Notes, asked: Mapping[str, Any], start: Callable[[], DefaultEngine]) -> DefaultEngine:
    """Return what was kept of the same engine with the log of a joint search, else start it and keep what it says.

    Args:
        log: As said.
        asked: All that tells which engine it is before it starts, as JSON values.
        start: Starts it, and returns what it then said; it takes the place of another one that was kept.
    """
    told = msgspec.json.decode(msgspec.json.encode(dict(asked)))
    noted = once(
        log,
        _KEY,
        lambda _: {"asked": told, "engine": msgspec.to_builtins(start())},
        holds=lambda known: bool(known["asked"] == told),
    )
    return msgspec.convert(noted["engine"], DefaultEngine)
