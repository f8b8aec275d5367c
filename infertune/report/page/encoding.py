"""JSON that can stand inside a script element, and how much room of a page it takes."""

import json
from typing import Any

_ESCAPED = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def script_json(value: Any) -> str:
    """Return plain data as JSON in ASCII, in which no text can end the script element or begin a comment.

    Everything beyond ASCII is escaped, U+2028 and U+2029 and halves of surrogate pairs among it.
    """
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(_ESCAPED)


class Room:
    """What may still go into a part of the page.

    Args:
        n_bytes: That there are in all.

    Attributes:
        left_out: How many values did not fit.
    """

    def __init__(self, n_bytes: int) -> None:
        self._left = n_bytes
        self.left_out = 0

    def takes(self, value: Any) -> bool:
        """Return whether a value still fits; what fits takes its room."""
        size = len(script_json(value)) + 1
        if size > self._left:
            self.left_out += 1
            return False
        self._left -= size
        return True
