"""What is known of the default engine from the run that first started it: enough to resume a search without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from infertune.study.trial_log import TrialLog
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


def keep(log: TrialLog, asked: Mapping[str, Any], engine: DefaultEngine) -> None:
    """Keep it with the log of a joint search, in place of an earlier one.

    Args:
        log: As said.
        asked: All that tells which engine it is before it starts, as JSON values.
        engine: What it then said.
    """
    log.note(_KEY, {"asked": dict(asked), "engine": msgspec.to_builtins(engine)})


def kept(log: TrialLog, asked: Mapping[str, Any]) -> DefaultEngine | None:
    """Return what was kept of the same engine; None where there is nothing."""
    noted = log.noted(_KEY)
    if noted is None or noted["asked"] != msgspec.json.decode(msgspec.json.encode(dict(asked))):
        return None
    return msgspec.convert(noted["engine"], DefaultEngine)
