"""A streaming OpenAI-compatible endpoint whose every delay is planned, so that what is measured can be compared."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

_PREFLIGHT = "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """How one request is answered.

    Attributes:
        ttft: Seconds until the first token, from when the request has a place; at least 0.
        itl: Seconds between tokens.
        n_tokens: By default as many as were asked for.
        status: Any other than 200 is answered at once with an error.
        says: What the error says.
        dies_after: Tokens after which the connection is cut; None for a whole answer.
        closes_after: Tokens after which the stream is closed in good order, though the answer is not at its end.
        error_after: Tokens after which an error comes in the stream.
        usage: Whether the tokens are counted for the client.
        pieces: Bytes that are written at once, to tear the events apart; None writes each event as a whole.
        newline: Of the events.
        raw: Written after the first token as it is, such as a comment or nonsense.
    """

    ttft: float = 0.0
    itl: float = 0.0
    n_tokens: int | None = None
    status: int = 200
    says: str = "planned"
    dies_after: int | None = None
    closes_after: int | None = None
    error_after: int | None = None
    usage: bool = True
    pieces: int | None = None
    newline: str = "\n"
    raw: bytes = b""


@dataclass(slots=True)
class Served:
    """What happened to one request, in seconds of `time.perf_counter`.

    Attributes:
        body: As it came.
        headers: Names in lower case.
        came: When it was read.
        wrote: When each token was written.
        is_left: Whether the client went away before the end.
    """

    path: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    came: float
    wrote: list[float] = field(default_factory=list)
    is_left: bool = False


class StreamingServer:
    """A server on a free port of 127.0.0.1, as a context manager, in an event loop and a thread of its own.

    Args:
        plan: Returns how a request is to be answered, given its number from 0 and its body; by default at once.
        places: How many are answered at the same time; the others wait in the order in which they came.

    Attributes:
        base_url: Ends in ``/v1``.
        served: The requests, in the order in which they came.
        most_at_once: The most that were under way at the same time, those that waited included.
        n_open: Connections that are open now.
    """

    def __init__(
        self,
        plan: Callable[[int, Mapping[str, Any]], StreamPlan] = lambda number, body: StreamPlan(),
        *,
        places: int = 100_000,
    ) -> None:
        self._plan = plan
        self._n_places = places
        self._under_way = 0
        self.served: list[Served] = []
        self.most_at_once = 0
        self.n_open = 0
        self.base_url = ""
        self._is_ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> "StreamingServer":
        self._thread.start()
        self._is_ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None and self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def wait_until_closed(self, seconds: float = 2.0) -> int:
        """Return how many connections are open, as soon as it is none, at most after ``seconds``."""
        end = time.monotonic() + seconds
        while self.n_open and time.monotonic() < end:
            time.sleep(0.01)
        return self.n_open

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._places = asyncio.Semaphore(self._n_places)
        tasks: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._is_ready.set()
        await self._stop.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_open += 1
        try:
            while await self._request(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # a client may leave at any time
        finally:
            self.n_open -= 1
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection may bring another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        if not head[0].startswith("POST"):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return True
        served = Served(path=head[0].split()[1], body=body, headers=headers, came=time.perf_counter())
        number = len(self.served)
        self.served.append(served)
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        answer = asyncio.create_task(self._answer(writer, served, self._plan(number, body)))
        gone = asyncio.create_task(reader.read(1))  # no client sends another request before the answer's end
        try:
            await asyncio.wait([answer, gone], return_when=asyncio.FIRST_COMPLETED)
            served.is_left = not answer.done()
            return answer.done() and answer.result() and not gone.done()
        finally:
            self._under_way -= 1
            for task in (answer, gone):
                task.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)

    async def _answer(self, writer: asyncio.StreamWriter, served: Served, plan: StreamPlan) -> bool:
        if plan.status != 200:
            said = json.dumps(
                {"error": {"message": f"{plan.says} {served.headers.get('authorization', '')}"}}
            ).encode()
            head = _PREFLIGHT.format(status=plan.status, reason="Planned", kind="application/json")
            writer.write(f"{head}Content-Length: {len(said)}\r\n\r\n".encode() + said)
            await writer.drain()
            return True
        async with self._places:
            head = _PREFLIGHT.format(status=200, reason="OK", kind="text/event-stream")
            writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            is_chat = served.path.endswith("/chat/completions")
            n_tokens = plan.n_tokens if plan.n_tokens is not None else int(served.body["max_tokens"])
            if is_chat:
                await self._event(writer, plan, _choice(is_chat, {"role": "assistant", "content": ""}))
            for number in range(n_tokens):
                await asyncio.sleep(plan.itl if number else plan.ttft)
                if number == plan.dies_after:
                    writer.transport.abort()
                    return False
                if number == plan.closes_after:
                    writer.write(b"0\r\n\r\n")
                    await writer.drain()
                    return True
                if number == plan.error_after:
                    await self._event(writer, plan, {"error": {"message": "planned", "code": 500}})
                    break
                last = number == n_tokens - 1
                text = {"content": f" {number}"} if is_chat else f" {number}"
                served.wrote.append(time.perf_counter())
                await self._event(writer, plan, _choice(is_chat, text, finish="length" if last else None))
                if number == 0 and plan.raw:
                    await self._write(writer, plan, plan.raw)
            if plan.usage:
                usage = {"prompt_tokens": len(str(served.body.get("prompt", ""))), "completion_tokens": n_tokens}
                await self._event(writer, plan, {"choices": [], "usage": usage})
            await self._write(writer, plan, f"data: [DONE]{plan.newline * 2}".encode())
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return True

    async def _event(self, writer: asyncio.StreamWriter, plan: StreamPlan, plain: Mapping[str, Any]) -> None:
        await self._write(writer, plan, f"data: {json.dumps(plain)}{plan.newline * 2}".encode())

    async def _write(self, writer: asyncio.StreamWriter, plan: StreamPlan, data: bytes) -> None:
        size = plan.pieces or len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            if plan.pieces:
                await asyncio.sleep(0)


def _choice(is_chat: bool, brought: str | Mapping[str, str], *, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta" if is_chat else "text": brought, "finish_reason": finish}]}
