"""A study's journal of its look at a server: what was found, so that it is not looked for again, and what that cost.

All of it is on disk before anything is decided by it. The cost of a look that was interrupted stays in the books.
"""

from collections.abc import Mapping
from typing import Any

from infertune.study.trial_log import TrialLog

_KEY = "look"


class Look:
    """Reads and writes the journal in a study's log.

    Args:
        log: Of the study.
    """

    def __init__(self, log: TrialLog) -> None:
        self._log = log

    def known(self, told: str) -> str | None:
        """Return what was found out about the server that was told so of; None where there was no such look."""
        noted = self._noted()
        found = noted["found"] if noted["told"] == told else None
        return None if found is None else str(found)

    def spend(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Note what the look under way has cost so far."""
        self._note(under_way=[prompt_tokens, completion_tokens])

    def begin(self) -> None:
        """Add to the books what an earlier look has cost that was interrupted."""
        noted = self._noted()
        if any(noted["under_way"]):
            self._note(paid=_sum(noted), under_way=[0, 0])

    def keep(self, told: str, found: str) -> None:
        """Note what was found; what it cost was noted before."""
        self._note(paid=_sum(self._noted()), under_way=[0, 0], told=told, found=found)

    @property
    def cost(self) -> tuple[int, int]:
        """Prompt and completion tokens of all looks of this study."""
        prompt_tokens, completion_tokens = _sum(self._noted())
        return prompt_tokens, completion_tokens

    def _noted(self) -> Mapping[str, Any]:
        return {"paid": [0, 0], "under_way": [0, 0], "told": None, "found": None} | (self._log.noted(_KEY) or {})

    def _note(self, **changed: Any) -> None:
        self._log.note(_KEY, dict(self._noted()) | changed)


def _sum(noted: Mapping[str, Any]) -> list[int]:
    return [int(paid) + int(more) for paid, more in zip(noted["paid"], noted["under_way"], strict=True)]
