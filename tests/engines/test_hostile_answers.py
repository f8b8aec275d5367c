"""What an answer may take of time, memory and connections has limits, and what was never begun costs nothing."""

import gzip
import json
import resource
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from infertune.engines.endpoint.capabilities import Capabilities, vllm_capabilities
from infertune.engines.openai.engine import EndpointGone, OpenAIEngine
from infertune.engines.openai.retry import Timeouts
from infertune.load.arrival_load import Load
from infertune.load.generator import generate
from infertune.load.workload import LoadRequest
from infertune.testing import FakeEngine, OpenAIServer
from infertune.testing.local_server import LocalServer
from infertune.types import Decoding, Request

QUICK = Timeouts(patience_seconds=2.0, timeout_seconds=0.5, hedge_seconds=100.0)
MIB = 2**20


class Raw(LocalServer):
    """Answers every POST by what a function writes."""

    def __init__(self, write: Callable[[BaseHTTPRequestHandler], None]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                send(self, b'{"data": []}')

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                write(self)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        super().__init__(Handler)
        self.base_url = f"{self.url}/v1"

    def __enter__(self) -> "Raw":
        super().__enter__()
        return self


def wishes(n: int, **decoding: Any) -> list[Request]:
    return [Request(example_id=str(i), prompt=f"question {i}", decoding=Decoding(**decoding)) for i in range(n)]


def send(handler: BaseHTTPRequestHandler, data: bytes, **headers: str) -> None:
    handler.send_response(200)
    for name, value in {"Content-Length": str(len(data)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, so that no single read ever times out."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def test_a_whole_answer_has_a_time_limit() -> None:
    began = time.monotonic()
    with Raw(drip) as server:
        engine = OpenAIEngine("m", base_url=server.base_url, capabilities=Capabilities(), timeouts=QUICK)
        with pytest.raises(EndpointGone, match="no answer in time"):
            list(engine.generate(wishes(3)))
        engine.close()
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("data", "packing", "said"),
    [
        (gzip.compress(b" " * (200 * MIB), 1), "gzip", "over"),
        (b"x", "br", "packed by 'br'"),
        (b"not packed", "gzip", "cannot be unpacked"),
        (b" " * (40 * MIB), "identity", "over"),
        (b'{"choices": [' + b"{}," * 300_000 + b"{}]}", "identity", "choices"),
        (b'{"usage": ' + b"[" * MIB, "identity", "recursion"),
    ],
)
def test_no_answer_takes_much_memory(data: bytes, packing: str, said: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    timeouts = Timeouts(patience_seconds=1.0, timeout_seconds=20.0, hedge_seconds=100.0)
    with Raw(lambda handler: send(handler, data, Content_Encoding=packing)) as server:
        engine = OpenAIEngine(
            "m", base_url=server.base_url, capabilities=Capabilities(), timeouts=timeouts, concurrency=8
        )
        with pytest.raises(EndpointGone, match=said):
            list(engine.generate(wishes(8, max_tokens=10**6)))
        engine.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 * 1024


def test_a_call_that_was_never_begun_is_neither_failed_nor_billed() -> None:
    with OpenAIServer(FakeEngine(), per_connection=2) as server:
        engine = OpenAIEngine("fake", base_url=server.base_url, capabilities=vllm_capabilities(), concurrency=4)
        found = list(engine.generate(wishes(60, max_tokens=8)))
        engine.close()
    assert len(found) == len(server.bodies) == 60
    assert not any(each.error or each.extra_prompt_tokens or each.extra_completion_tokens for each in found)
    assert sum(each.completion_tokens for each in found) == server.completion_tokens


def test_a_connection_that_ends_at_once_when_it_is_new_is_a_failure() -> None:
    counts = [0]

    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        counts[0] += 1
        handler.close_connection = True

    with Raw(hang_up) as server:
        engine = OpenAIEngine("m", base_url=server.base_url, capabilities=Capabilities(), timeouts=QUICK)
        with pytest.raises(EndpointGone, match="without sending a response"):
            list(engine.generate(wishes(1)))
        engine.close()
    assert counts[0] > 2


def streamed(handler: BaseHTTPRequestHandler) -> None:
    chunks = [{"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]} for _ in range(3)]
    chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "end_turn"}]}]
    chunks += [{"choices": [], "usage": {"prompt_tokens": 5.0, "completion_tokens": "3"}}]
    data = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    send(handler, data, Content_Type="text/event-stream")


def pressed(server: Raw, n: int = 20, **options: Any) -> Any:
    requests = [LoadRequest(prompt=f"p {i}", max_tokens=4) for i in range(n)]
    return generate(server.base_url, "m", requests, Load(concurrency=2), seed=1, most_lateness=60.0, **options)


def test_a_load_loses_nothing_to_connections_that_had_been_closed() -> None:
    lock = threading.Lock()
    seen: dict[Any, int] = {}

    def sometimes(handler: BaseHTTPRequestHandler) -> None:
        with lock:
            seen[handler.client_address] = seen.get(handler.client_address, 0) + 1
        if seen[handler.client_address] == 3:
            handler.close_connection = True
        else:
            streamed(handler)

    with Raw(sometimes) as server:
        done = pressed(server)
    assert [timing.error for timing in done.timings] == [""] * 20
    assert {(timing.prompt_tokens, timing.completion_tokens) for timing in done.timings} == {(5, 3)}
    assert max(seen.values()) == 3


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda handler: send(handler, b'{"error": {"message": "credit used up", "code": 402}}'), "credit used up"),
        (lambda handler: send(handler, b'{"choices": [{"text": "a"}]}'), "does not stream"),
        (lambda handler: send(handler, b"x", Content_Encoding="br"), "packed by 'br'"),
        (lambda handler: send(handler, b"data: " + b"x" * (3 * MIB)), "over"),
        (lambda handler: send(handler, b'data: {"error": "broke"}\n\n'), "broke"),
    ],
)
def test_a_load_says_why_there_is_no_answer(write: Callable[[BaseHTTPRequestHandler], None], said: str) -> None:
    with Raw(write) as server:
        done = pressed(server, n=3)
    assert all(said in timing.error for timing in done.timings)


def test_a_stream_that_never_ends_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infertune.load.generator._SLOWEST_SECONDS", 0.05)
    with Raw(drip) as server:
        done = pressed(server, n=2, patience_seconds=0.3)
    assert all("no whole answer in 0.5 s" in timing.error for timing in done.timings)
