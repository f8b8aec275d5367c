"""A study's journal of its looks at servers: what was found, so that it is not looked for again, and what that cost.

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
        server: How the server was started, where infertune started it; servers that were started otherwise are others.
    """

    def __init__(self, log: TrialLog, server: str = "") -> None:
        self._log = log
        self._server = server

    def of(self, server: str) -> "Look":
        """Return the part of the journal that is about servers that were started so."""
        return Look(self._log, server)

    def known(self, told: str) -> str | None:
        """Return what was found out about the server that was told so of; None where there was no such look."""
        found = _found(self._noted()).get(self._place(told))
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
        noted = self._noted()
        servers = _found(noted) | {self._place(told): found}
        self._note(paid=_sum(noted), under_way=[0, 0], told=None, found=None, servers=servers)

    def forget(self) -> None:
        """Look again the next time; what was paid stays in the books."""
        self._note(told=None, found=None, servers={})

    @property
    def cost(self) -> tuple[int, int]:
        """Prompt and completion tokens of all looks of this study, at whatever server."""
        prompt_tokens, completion_tokens = _sum(self._noted())
        return prompt_tokens, completion_tokens

    def _place(self, told: str) -> str:
        return f"{self._server} {told}" if self._server else told

    def _noted(self) -> Mapping[str, Any]:
        return {"paid": [0, 0], "under_way": [0, 0]} | (self._log.noted(_KEY) or {})

    def _note(self, **changed: Any) -> None:
        self._log.note(_KEY, dict(self._noted()) | changed)


def _found(noted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was found by what was told; an earlier version kept one look alone."""
    found: dict[str, Any] = {noted["told"]: noted["found"]} if noted.get("told") is not None else {}
    found.update(noted.get("servers", {}))
    return found


def _sum(noted: Mapping[str, Any]) -> list[int]:
    return [int(paid) + int(more) for paid, more in zip(noted["paid"], noted["under_way"], strict=True)]
