"""A proxy that spoils a share of what goes through it, so that a client of an endpoint is tested against bad days."""

import http.client
import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Literal, get_args
from urllib.parse import urlsplit

from infertune.testing.local_server import LocalServer

Spoiling = Literal[
    "busy", "error", "reset", "truncated", "empty", "malformed", "stalled", "wrong_n", "duplicated", "pause"
]
"""What may happen to a call.

``busy``: status 429 with a Retry-After. ``error``: status 500. All others reach the endpoint first, so they are paid:
``reset``: the connection is reset before the answer. ``truncated``: half an answer, as if it were whole. ``empty``: no
body at all. ``malformed``: a page of HTML in its place. ``stalled``: half an answer, then nothing for a long time, and
then the end of the connection. ``wrong_n``: a choice is missing. ``duplicated``: a choice comes twice. ``pause``: the
whole answer, after a long time.
"""
SPOILINGS: Sequence[Spoiling] = get_args(Spoiling)


class ChaosProxy(LocalServer):
    """A proxy on a free port of 127.0.0.1 before any endpoint, as a context manager.

    Args:
        base_url: Of the endpoint, over plain HTTP.
        share: Of the calls to spoil, in [0, 1]; other requests than POST always pass.
        spoilings: What happens to them, drawn evenly.
        pause_seconds: Of ``pause`` and ``stalled``.
        retry_after: What ``busy`` says.
        seed: Of what happens to the n-th call that arrives.

    Attributes:
        base_url: To be used in place of the endpoint's.
        counts: How often each thing was done, those left alone as ``passed``.
    """

    def __init__(
        self,
        base_url: str,
        *,
        share: float = 0.2,
        spoilings: Sequence[Spoiling] = SPOILINGS,
        pause_seconds: float = 30.0,
        retry_after: str = "1",
        seed: int = 0,
    ) -> None:
        parts = urlsplit(base_url)
        self.upstream = parts.netloc
        self.counts: Counter[str] = Counter()
        self.pause_seconds = pause_seconds
        self.retry_after = retry_after
        self.closing = threading.Event()
        self._share = share
        self._spoilings = tuple(spoilings)
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        super().__init__(_handler(self))
        self.base_url = f"{self.url}{parts.path}"

    def __enter__(self) -> "ChaosProxy":
        super().__enter__()
        return self

    def close(self) -> None:
        """End the pauses and stop."""
        self.closing.set()
        super().close()

    def drawn(self) -> Spoiling | None:
        """Return what happens to the next call, and count it."""
        with self._lock:
            found = self._rng.choice(self._spoilings) if self._rng.random() < self._share else None
            self.counts[found or "passed"] += 1
            return found


def _handler(proxy: ChaosProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.upstream = http.client.HTTPConnection(proxy.upstream)

        def finish(self) -> None:
            self.upstream.close()
            super().finish()

        def do_GET(self) -> None:
            status, data = self._forwarded(b"")
            self._reply(status, data)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind = proxy.drawn()
            if kind == "busy":
                self._reply(429, b'{"error": {"message": "too busy"}}', **{"Retry-After": proxy.retry_after})
            elif kind == "error":
                self._reply(500, b'{"error": {"message": "something broke"}}')
            else:
                status, data = self._forwarded(body)
                if kind is None or status != 200:
                    self._reply(status, data)
                else:
                    self._spoil(kind, data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def _forwarded(self, body: bytes) -> tuple[int, bytes]:
            passed_on = {
                name: value
                for name, value in self.headers.items()
                if name.lower() in ("authorization", "content-type", "content-length")
            }
            self.upstream.request(self.command, self.path, body, passed_on)
            reply = self.upstream.getresponse()
            return reply.status, reply.read()

        def _spoil(self, kind: Spoiling, data: bytes) -> None:
            if kind == "reset":
                # With nothing to linger for, closing sends a reset in place of an end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            elif kind == "truncated":
                self._reply(200, data[: len(data) // 2])
            elif kind == "empty":
                self._reply(200, b"")
            elif kind == "malformed":
                self._reply(200, b"<html><title>Please come back</title></html>")
            elif kind == "stalled":
                self._head(200, len(data))
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                proxy.closing.wait(proxy.pause_seconds)
                self.close_connection = True
            elif kind == "pause":
                proxy.closing.wait(proxy.pause_seconds)
                self._reply(200, data)
            else:
                answer = json.loads(data)
                choices = answer["choices"]
                answer["choices"] = choices[:-1] if kind == "wrong_n" else [*choices, choices[0]]
                self._reply(200, json.dumps(answer).encode())

        def _reply(self, status: int, data: bytes, **headers: str) -> None:
            self._head(status, len(data), **headers)
            self.wfile.write(data)

        def _head(self, status: int, n_bytes: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(n_bytes), **headers}.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler
