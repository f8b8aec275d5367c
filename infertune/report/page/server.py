"""The page of a study that is under way, on this machine alone: it reads, and answers nobody but a local browser."""

import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infertune.errors import InfertuneError, InvalidInputError

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")


class PageServer(ThreadingHTTPServer):
    """Serves ``/``, the page, and ``/data.json``, its newest data; nothing else, and only to who asks for this host.

    Args:
        port: To listen on; 0 takes a free one.
        page: Makes the page.
        data: Makes its data, as JSON.
        every: Seconds for which what was made is served again.

    Attributes:
        url: Where the page is.

    Raises:
        InvalidInputError: The port cannot be had.
    """

    daemon_threads = True

    def __init__(self, port: int, *, page: Callable[[], str], data: Callable[[], str], every: float) -> None:
        lock = threading.Lock()  # for both: Optuna, which reads the study, is not made for several threads
        self.made = {"/": _Made(page, every, lock), "/data.json": _Made(data, every, lock)}
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise InvalidInputError(f"`port` {port} cannot be listened on: {error.strerror or error}") from None
        self.url = f"http://{HOST}:{self.server_address[1]}/"

    def allows(self, host: str | None) -> bool:
        """Return whether a request is meant for this server.

        A page of another site can make a browser ask here under that site's name, and would read the answer.
        """
        return host in {f"{name}:{self.server_address[1]}" for name in _NAMES}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Made:
    """A text that is made anew when it is old, by one thread at a time."""

    def __init__(self, make: Callable[[], str], every: float, lock: threading.Lock) -> None:
        self._make = make
        self._every = every
        self._lock = lock
        self._text = b""
        self._at = float("-inf")

    def __call__(self) -> bytes:
        with self._lock:
            if time.monotonic() - self._at >= self._every:
                self._text = self._make().encode()
                self._at = time.monotonic()
            return self._text


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version, sys_version = "infertune", ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer with the page or its data."""
        if not self.server.allows(self.headers.get("Host")):
            self._send(HTTPStatus.FORBIDDEN, b"this server answers to its own address only\n")
            return
        make = self.server.made.get(self.path)
        if make is None:
            self._send(HTTPStatus.NOT_FOUND, b"there is / and /data.json\n")
            return
        try:
            made = make()
        except InfertuneError as error:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n".encode(errors="replace"))
            return
        self._send(HTTPStatus.OK, made, "text/html" if self.path == "/" else "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the terminal is not for the requests of a page."""
