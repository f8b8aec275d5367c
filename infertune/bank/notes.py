"""Noted before it is acted on: what was decided, bought or found out once is read from the notes ever after."""

import json
from collections.abc import Callable
from typing import Any, Protocol


class Notes(Protocol):
    """Where a study keeps JSON values by key; what was noted is on disk when `note` returns."""

    def noted(self, key: str) -> Any:
        """Return what was noted under a key, or None."""

    def note(self, key: str, value: Any) -> None:
        """Keep a value under a key."""


def once(
    notes: Notes, key: str, act: Callable[[Any], Any], *, holds: Callable[[Any], bool] = lambda known: True
) -> Any:
    """Return what was noted under a key; where there is nothing, act, and note what came of it.

    What an act gives comes back as the JSON that was noted, so a run that acts and one that reads the note go on with
    the same value. Nothing is noted of an act that raises; one that may fail for good gives its failure as a value.

    Args:
        notes: Of the study.
        key: Says what the act was.
        act: Gets what was noted and does not hold, for that may be paid for; None the first time. Its JSON value is
            noted, None excepted.
        holds: Whether what was noted still counts, such as under another budget; where it does not, it is replaced.
    """
    known = notes.noted(key)
    if known is not None and holds(known):
        return known
    made = act(known)
    if made is not None:
        made = json.loads(json.dumps(made))
        notes.note(key, made)
    return made
