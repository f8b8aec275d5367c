"""Whom a fault is about, so that it is known whether another try may go well."""

from collections.abc import Mapping
from typing import Literal

Blame = Literal["load", "endpoint", "attempt", "request", "user"]
"""Whom a fault is about.

``load``: the endpoint has too much to do. ``endpoint``: it cannot be reached. ``attempt``: this one went wrong, and
the next may not. ``request``: this request will never be answered. ``user``: no request will, as things are set up.
"""

_BY_STATUS: Mapping[int, Blame] = {
    **dict.fromkeys((400, 413, 414, 422, 501), "request"),
    **dict.fromkeys((408, 409, 425, 500), "attempt"),
    **dict.fromkeys((429, 503, 529), "load"),
    **dict.fromkeys((502, 504), "endpoint"),
}


def blame_of_status(status: int) -> Blame:
    """Return whom an HTTP status is about that came without an answer."""
    return _BY_STATUS.get(status, "attempt" if status >= 500 or status < 300 else "user")
