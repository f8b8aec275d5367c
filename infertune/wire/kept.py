"""Connections that are kept for the next request, which a server may close just when that is on its way."""

import httpx

_SECONDS = 1.0


def was_closed(error: httpx.TransportError, *, after: float) -> bool:
    """Whether a request on a kept connection was never begun: it had been closed before the request came.

    Then nothing could be sent, or the connection ends at once without a byte. What ends later may have been begun.

    Args:
        error: By which the request ended.
        after: Seconds from its start.
    """
    return after <= _SECONDS and (isinstance(error, httpx.WriteError) or "without sending a response" in str(error))
