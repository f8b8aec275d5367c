"""HTTP connections, one for each call in flight.

A pool of httpx tries every waiting request on every idle connection, which with a hundred in flight costs more than
all the rest of a request. How many are in flight is bounded elsewhere, so there is nothing to wait for here.
"""

from collections.abc import Callable

import httpx


class Lanes:
    """As many clients as there were ever calls at once, the one used last first. Lives in one event loop.

    Args:
        make: Returns a new client that knows the endpoint.
    """

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._all: list[httpx.AsyncClient] = []
        self._idle: list[httpx.AsyncClient] = []

    async def post(self, path: str, body: bytes) -> httpx.Response:
        """Send a call and return the whole reply."""
        client = self._idle.pop() if self._idle else self._new()
        try:
            return await client.post(path, content=body)
        finally:
            self._idle.append(client)

    async def close(self) -> None:
        """Close all connections."""
        for client in self._all:
            await client.aclose()

    def _new(self) -> httpx.AsyncClient:
        client = self._make()
        self._all.append(client)
        return client
