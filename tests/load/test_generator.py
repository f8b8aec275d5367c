"""The generator against a server whose delays are planned: what is measured is what the server did."""

import gc
import json
import math
import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from infertune.engines.endpoint.api_key import Key
from infertune.errors import InvalidInputError
from infertune.load.arrival_load import Load
from infertune.load.arrivals import due_times
from infertune.load.generator import generate
from infertune.load.outcome import pressed
from infertune.load.timing import CUT, Timing
from infertune.load.workload import LoadRequest
from infertune.testing.streaming_server import StreamingServer, StreamPlan
from infertune.types import Message

SLACK = 1.0  # seconds that a busy machine may hold up any one step; medians are held to much less
MEDIAN_SLACK = 0.02
AT_ONCE = Load(rate=math.inf)


def asked(n: int, *, max_tokens: int = 4, **more: Any) -> list[LoadRequest]:
    return [LoadRequest(prompt=f"prompt {number}", max_tokens=max_tokens, **more) for number in range(n)]


def press_and_begin(server: StreamingServer, requests: Sequence[LoadRequest], load: Load, **more: Any) -> Any:
    """Return what was found, and when the load began by the server's clock, which is ours.

    That is told by the generator itself, on the soonest of the calls by which it tells of requests that have ended.
    """
    began: list[float] = []
    done = press(server, requests, load, landed=lambda timing: began.append(time.perf_counter() - timing.done), **more)
    return done, min(began)


def press(server: StreamingServer, requests: Sequence[LoadRequest], load: Load, **more: Any) -> Any:
    return generate(server.base_url, "planned", requests, load, seed=1, **more)


@pytest.mark.parametrize("chat", [False, True])
def test_times_are_those_of_the_server(chat: bool) -> None:
    prompts = [f"hello {number}" for number in range(4)]
    with StreamingServer(lambda number, body: StreamPlan(ttft=0.05 + 0.02 * number, itl=0.02)) as server:
        requests = [LoadRequest(prompt=(Message("user", p),) if chat else p, max_tokens=8) for p in prompts]
        done, began = press_and_begin(server, requests, AT_ONCE, most_lateness=5.0)
    assert done.void == ""
    ways = []
    for prompt, timing in zip(prompts, done.timings, strict=True):
        # The server plans in the order of arrival, which is not quite that of sending.
        ((number, served),) = ((n, each) for n, each in enumerate(server.served) if prompt in json.dumps(each.body))
        assert len(timing.chunks) == timing.completion_tokens == 8
        assert 0.05 + 0.02 * number <= timing.ttft < 0.05 + 0.02 * number + SLACK
        ways += (np.array(timing.chunks) + began - np.array(served.wrote)).tolist()
        assert timing.done >= timing.chunks[-1]
        assert timing.tpot == pytest.approx(np.mean(timing.itl))
    assert -0.001 < min(ways)  # no token is seen before it was written
    assert max(ways) < SLACK
    assert np.median(ways) < MEDIAN_SLACK
    assert done.seconds == pytest.approx(max(timing.done for timing in done.timings))


def test_what_is_sent() -> None:
    with StreamingServer() as server:
        press(
            server,
            [
                LoadRequest(prompt=(5, 6), max_tokens=2, settings=(("temperature", 0.5),), ignore_eos=True),
                LoadRequest(prompt=(Message("user", "hello"),), max_tokens=3),
            ],
            Load(concurrency=1),
            key=Key("sk-secret"),
        )
    first, second = server.served
    common = {"model": "planned", "stream": True, "stream_options": {"include_usage": True}}
    assert first.path == "/v1/completions"
    assert first.body == {**common, "prompt": [5, 6], "max_tokens": 2, "temperature": 0.5, "ignore_eos": True}
    assert second.path == "/v1/chat/completions"
    assert second.body == {**common, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}
    assert first.headers["authorization"] == "Bearer sk-secret"


def test_an_open_loop_sends_when_due_whatever_the_server_does() -> None:
    load = Load(rate=50)
    due = due_times(load, 20, seed=1)
    with StreamingServer(lambda number, body: StreamPlan(ttft=0.5)) as server:
        done, began = press_and_begin(server, asked(20, max_tokens=1), load)
    assert [timing.due for timing in done.timings] == pytest.approx(due.tolist())
    came = np.array([served.came for served in server.served]) - began
    assert came == pytest.approx(due, abs=SLACK)
    assert np.median(came - due) < MEDIAN_SLACK
    assert done.lateness < SLACK
    assert server.most_at_once == 20


def test_arrivals_of_a_trace_are_kept_and_scaled() -> None:
    requests = [LoadRequest(prompt="x", max_tokens=1, arrival=arrival) for arrival in (5.0, 6.0, 9.0)]
    with StreamingServer() as server:
        done = press(server, requests, Load(rate=10))
    assert [timing.due for timing in done.timings] == pytest.approx([0, 0.05, 0.2])


@pytest.mark.parametrize("concurrency", [1, 5])
def test_a_closed_loop_keeps_just_so_many_in_flight(concurrency: int) -> None:
    with StreamingServer(lambda number, body: StreamPlan(ttft=0.01 * (number % 3), itl=0.005)) as server:
        done = press(server, asked(20), Load(concurrency=concurrency))
    assert server.most_at_once == concurrency
    assert all(timing.due == timing.sent for timing in done.timings)
    ends = sorted(timing.done for timing in done.timings)
    sent = sorted(timing.sent for timing in done.timings)
    waits = [following - end for end, following in zip(ends, sent[concurrency:], strict=False)]
    assert 0 <= min(waits)  # the next is sent when one has ended, and at once
    assert max(waits) < SLACK
    assert np.median(waits) < MEDIAN_SLACK


def test_the_time_to_first_token_counts_from_when_it_was_due() -> None:
    """Only one connection may be open, so the second is sent late, and the delay is its own."""
    with StreamingServer(lambda number, body: StreamPlan(ttft=0.2)) as server:
        done = press(server, asked(2, max_tokens=1), AT_ONCE, most_in_flight=1)
    second = done.timings[1]
    assert second.due == 0
    assert second.sent >= 0.2
    assert 0.4 <= second.ttft < 0.4 + SLACK
    assert "requests were sent" in done.void


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (StreamPlan(status=500), "HTTP 500"),
        (StreamPlan(status=429), "HTTP 429"),
        (StreamPlan(dies_after=2), "Error"),
        (StreamPlan(error_after=1), "planned"),
        (StreamPlan(raw=b"data: {nonsense\n\n"), "cannot be read"),
    ],
)
def test_a_failure_is_said_and_not_tried_again(plan: StreamPlan, said: str) -> None:
    with StreamingServer(lambda number, body: plan if number == 1 else StreamPlan()) as server:
        done = press(server, asked(4), Load(concurrency=1))
    assert len(server.served) == 4
    assert [bool(timing.error) for timing in done.timings] == [False, True, False, False]
    failed = done.timings[1]
    assert said in failed.error
    assert (failed.chunks, failed.prompt_tokens, failed.completion_tokens) == ((), 0, 0)


def test_a_stream_that_ends_without_its_end_has_failed() -> None:
    """As where a proxy closes it cleanly: the chunked body is whole, the answer is not."""
    with StreamingServer(lambda number, body: StreamPlan(closes_after=2)) as server:
        done = press(server, asked(1), AT_ONCE)
    assert done.timings[0].error == "the stream broke off before the answer's end"


def test_a_hanging_request_fails_when_patience_ends() -> None:
    with StreamingServer(lambda number, body: StreamPlan(ttft=30)) as server:
        done = press(server, asked(1), AT_ONCE, patience_seconds=0.2)
        assert server.wait_until_closed() == 0
    assert "ReadTimeout" in done.timings[0].error


def test_nobody_listens() -> None:
    done = generate("http://127.0.0.1:9/v1", "planned", asked(2), Load(concurrency=1), seed=0)
    assert all("ConnectError" in timing.error for timing in done.timings)


@pytest.mark.parametrize(
    "plan",
    [
        StreamPlan(pieces=1),
        StreamPlan(pieces=7, newline="\r\n"),
        StreamPlan(newline="\r\n"),
        StreamPlan(raw=b": ping\n\n"),
        StreamPlan(raw=b'data: {"choices": [], "unknown": {"deep": [1]}}\n\n'),
        StreamPlan(raw=b'data: {"choices": [{"text": ""}], "error": null}\n\n'),
    ],
)
def test_odd_streams_are_read(plan: StreamPlan) -> None:
    with StreamingServer(lambda number, body: plan) as server:
        done = press(server, asked(2), Load(concurrency=1))
    n_more = 1 if b'"text"' in plan.raw else 0  # a token that shows nothing
    for timing in done.timings:
        assert (timing.error, timing.completion_tokens, len(timing.chunks)) == ("", 4, 4 + n_more)


def test_tokens_that_the_server_does_not_count() -> None:
    with StreamingServer(lambda number, body: StreamPlan(usage=False)) as server:
        done = press(server, asked(3), Load(concurrency=1))
    assert done.n_uncounted == 3
    assert [timing.completion_tokens for timing in done.timings] == [4, 4, 4]


def test_a_hopeless_load_is_cut_and_leaves_no_connection() -> None:
    seen: list[int] = []

    def hopeless(timings: Sequence[Timing]) -> bool:
        assert [timing.due for timing in timings] == sorted(timing.due for timing in timings)
        seen.append(len(timings))
        return len(timings) >= 4

    began = time.monotonic()
    with StreamingServer(lambda number, body: StreamPlan(ttft=0.1 if number < 4 else 30)) as server:
        done = press(server, asked(40), Load(concurrency=4), hopeless=hopeless)
        assert server.wait_until_closed() == 0
        assert sum(served.is_left for served in server.served) == 4
    assert done.cut
    assert time.monotonic() - began < 3
    assert [timing.error for timing in done.timings] == [""] * 4 + [CUT] * 4
    assert seen[-1] == 4


def test_an_error_of_hopeless_is_raised_and_leaves_no_connection() -> None:
    def broken(timings: Sequence[Timing]) -> bool:
        raise ZeroDivisionError

    with StreamingServer(lambda number, body: StreamPlan(ttft=0.01 if number else 0)) as server:
        with pytest.raises(ZeroDivisionError):
            press(server, asked(400), Load(concurrency=1), hopeless=broken)
        assert server.wait_until_closed() == 0


def test_an_interrupt_leaves_no_connection() -> None:
    with StreamingServer(lambda number, body: StreamPlan(ttft=30)) as server:

        def interrupt() -> None:
            while len(server.served) < 8:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGALRM)

        previous = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        threading.Thread(target=interrupt, daemon=True).start()
        try:
            with pytest.raises(KeyboardInterrupt):
                press(server, asked(8), Load(concurrency=8))
        finally:
            signal.signal(signal.SIGALRM, previous)
        assert server.wait_until_closed() == 0
        assert len(server.served) == 8
    deadline = time.monotonic() + 2
    while "infertune-load" in [thread.name for thread in threading.enumerate()]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert gc.isenabled()


def test_landed_is_told_of_each() -> None:
    landed: list[Timing] = []
    with StreamingServer() as server:
        done = press(server, asked(5), Load(concurrency=2), landed=landed.append)
    assert sorted(landed, key=lambda timing: timing.sent) == list(done.timings)


def test_the_key_is_in_no_error() -> None:
    with StreamingServer(lambda number, body: StreamPlan(status=401)) as server:
        done = press(server, asked(1), AT_ONCE, key=Key("sk-secret"))
    assert "HTTP 401" in done.timings[0].error
    assert "sk-secret" not in done.timings[0].error


def test_a_slow_generator_voids_the_run() -> None:
    """Whoever is told of a request and does not return at once stops the whole generator."""
    with StreamingServer(lambda number, body: StreamPlan(ttft=0.01)) as server:
        done = press(server, asked(6), Load(rate=40), landed=lambda timing: time.sleep(0.1))
    assert "the generator was the bottleneck" in done.void
    with StreamingServer(lambda number, body: StreamPlan(ttft=0.01)) as server:
        closed = press(server, asked(6), Load(concurrency=2), landed=lambda timing: time.sleep(0.1))
    assert "the generator woke up" in closed.void
    assert closed.lateness == 0  # a closed loop is never late, so only its own pulse can tell


def test_lateness_is_judged_beside_what_is_measured() -> None:
    def found(lateness: float, whole: float, lag: float = 0.0) -> str:
        timing = Timing(due=0, sent=lateness, chunks=(whole,), done=whole, prompt_tokens=1, completion_tokens=1)
        return pressed([timing], cut=False, lags=[lag], cpu_seconds=0.0, n_uncounted=0, most_lateness=0.05).void

    assert found(0.04, 0.1) == ""
    assert "sent 60 ms late" in found(0.06, 0.1)
    assert found(0.06, 2.0) == ""  # 5% of 2 s are 100 ms
    assert "woke up 60 ms late" in found(0.0, 2.0, lag=0.06)


def test_a_generator_that_was_busy_all_the_time_voids_the_run() -> None:
    def found(cpu_seconds: float, seconds: float) -> str:
        timing = Timing(due=0, sent=0, chunks=(0.1,), done=seconds, prompt_tokens=1, completion_tokens=1)
        return pressed([timing], cut=False, lags=[], cpu_seconds=cpu_seconds, n_uncounted=0, most_lateness=0.05).void

    assert found(2.0, 4.0) == ""
    assert "80% of a processor" in found(3.2, 4.0)
    assert found(0.5, 0.5) == ""  # too short to tell


@pytest.mark.skipif(not hasattr(os, "SCHED_RR"), reason="the system has no such priorities")
def test_the_caller_keeps_its_priority() -> None:
    before = os.sched_getscheduler(0)
    with StreamingServer() as server:
        press(server, asked(1), AT_ONCE)
    assert os.sched_getscheduler(0) == before


def test_no_request_is_no_load() -> None:
    with pytest.raises(InvalidInputError, match="one request"):
        generate("http://127.0.0.1:9/v1", "planned", [], AT_ONCE, seed=0)
