"""HTTP connections, one for each request in flight.

A pool of httpx tries every waiting request on every idle connection, which with hundreds in flight costs more than all
the rest of a request, so each connection has a client of its own.
"""

import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from infertune.wire.kept import was_closed

_CONNECT_SECONDS = 30.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Headers(Protocol):
    @property
    def headers(self) -> Mapping[str, str]: ...


class Connections:
    """As many as there were ever requests at once, the one used last first. Lives in one event loop.

    Args:
        base_url: What the paths are below.
        key: For the endpoint.
        patience_seconds: Most time between two pieces of an answer.
    """

    def __init__(self, base_url: str, *, key: _Headers | None, patience_seconds: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",  # what is unpacked comes late
            **(key.headers if key else {}),
        }
        self._timeout = httpx.Timeout(patience_seconds, connect=_CONNECT_SECONDS)
        self._tls = ssl.create_default_context() if urlsplit(base_url).scheme == "https" else False
        self._is_local = urlsplit(base_url).hostname in _LOOPBACK
        self._idle: list[httpx.AsyncClient] = []
        self._kept: set[httpx.AsyncClient] = set()  # whose connection has brought an answer
        self._all = AsyncExitStack()

    async def __aenter__(self) -> "Connections":
        await self._all.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._all.aclose()

    async def open(self, n: int) -> None:
        """Make ``n`` clients beforehand, for making one takes a millisecond; they connect when they are used."""
        self._idle += [await self._new() for _ in range(n - len(self._idle))]

    @asynccontextmanager
    async def post(self, path: str, body: bytes) -> AsyncIterator[httpx.Response]:
        """Send a request; the answer's body can be read as it comes. Leaving before its end closes the connection.

        What was never begun, for the server had closed a connection that it kept, is sent again on a new one.
        """
        client = self._idle.pop() if self._idle else await self._new()
        try:
            response = await self._sent(client, f"{self._base_url}{path}", body)
            try:
                yield response
            finally:
                await response.aclose()
            self._kept.add(client)
        finally:
            self._idle.append(client)

    async def _sent(self, client: httpx.AsyncClient, url: str, body: bytes) -> httpx.Response:
        is_kept, began = client in self._kept, time.monotonic()
        self._kept.discard(client)
        request = client.build_request("POST", url, content=body)
        try:
            return await client.send(request, stream=True)
        except (httpx.RemoteProtocolError, httpx.WriteError) as error:
            if not (is_kept and was_closed(error, after=time.monotonic() - began)):
                raise
        return await client.send(client.build_request("POST", url, content=body), stream=True)

    async def _new(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            headers=self._headers,
            timeout=self._timeout,
            verify=self._tls,
            trust_env=not self._is_local,  # a proxy for the world is none for this machine
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )
        return await self._all.enter_async_context(client)
