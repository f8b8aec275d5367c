"""HTTP connections, one for each call in flight.

A pool of httpx tries every waiting request on every idle connection, which with a hundred in flight costs more than
all the rest of a request. How many are in flight is bounded elsewhere, so there is nothing to wait for here.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from infertune.wire.body import Body, Room
from infertune.wire.kept import was_closed


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """A whole reply."""

    status: int
    headers: httpx.Headers
    content: bytes


class ConnectionPool:
    """As many clients as there were ever calls at once, the one used last first. Lives in one event loop.

    Args:
        make: Returns a new client that knows the endpoint.
        seconds: Most for one reply, the whole of it.
        room: For the bodies of all replies together.
    """

    def __init__(self, make: Callable[[], httpx.AsyncClient], *, seconds: float, room: Room | None = None) -> None:
        self._make = make
        self._seconds = seconds
        self._room = room or Room()
        self._all: list[httpx.AsyncClient] = []
        self._idle: list[httpx.AsyncClient] = []
        self._kept: set[httpx.AsyncClient] = set()  # whose connection has brought a reply

    async def post(self, path: str, body: bytes, *, limit: int) -> HttpReply:
        """Send a call and return the whole reply.

        A server may close a connection that it kept just when a call is on its way. Such a call has not begun, so it
        is sent again at once, on a new connection.

        Args:
            path: Below the base URL.
            body: JSON.
            limit: Most bytes of the reply, unpacked.

        Raises:
            httpx.HTTPError: There is no reply.
            TimeoutError: It has not come whole in time.
            TooLarge: It is larger than it may be.
        """
        client = self._idle.pop() if self._idle else self._new()
        try:
            async with asyncio.timeout(self._seconds):
                began, is_kept = time.monotonic(), client in self._kept
                self._kept.discard(client)
                try:
                    return await self._whole(client, path, body, limit)
                except (httpx.RemoteProtocolError, httpx.WriteError) as error:
                    if not (is_kept and was_closed(error, after=time.monotonic() - began)):
                        raise
                return await self._whole(client, path, body, limit)
        finally:
            self._idle.append(client)

    async def close(self) -> None:
        """Close all connections."""
        for client in self._all:
            await client.aclose()

    async def _whole(self, client: httpx.AsyncClient, path: str, body: bytes, limit: int) -> HttpReply:
        async with client.stream("POST", path, content=body) as reply:
            with Body(reply.headers, limit=limit, room=self._room) as held:
                async for piece in reply.aiter_raw():
                    held.keep(piece)
                content = held.content
        self._kept.add(client)
        return HttpReply(status=reply.status_code, headers=reply.headers, content=content)

    def _new(self) -> httpx.AsyncClient:
        client = self._make()
        self._all.append(client)
        return client
