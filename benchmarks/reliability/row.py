"""A row of the table in docs/reliability.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """What was done, and what came of it.

    Attributes:
        fault: In words.
        outcome: In words, with figures.
        figures: For a test to judge.
    """

    fault: str
    outcome: str
    figures: Mapping[str, Any]

    def markdown(self, command: str) -> str:
        """Return the row, with the command that does it again."""
        return f"| {self.fault} | {self.outcome} | `{command}` |"
