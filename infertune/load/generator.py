"""Puts a load on an OpenAI-compatible endpoint and takes the time of every piece that comes back.

The generator must not be what is measured. So it never waits for a request to send the next one of an open loop, it
builds all bodies beforehand, and it keeps account of itself: how late it sent, how late its event loop woke up, and
how much processor time it took. Where it was late the run is void, and says so.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import httpx

from infertune.errors import InvalidInputError
from infertune.load import own_loop, stream
from infertune.load.arrival_load import Load
from infertune.load.arrivals import due_times
from infertune.load.connections import Connections
from infertune.load.fields import Fields
from infertune.load.outcome import MOST_LATENESS_SECONDS, LoadOutcome, pressed
from infertune.load.timing import CUT, Timing
from infertune.load.workload import LoadRequest
from infertune.wire.body import Body, Room, TooLarge, largest
from infertune.wire.words import said

_AS_THEY_ARE = Fields()
_LOOK_SECONDS = 0.25  # between two looks at whether it is hopeless
_BEAT_SECONDS = 0.02
_SLOWEST_SECONDS = 1.0  # of a token, by which the time of a whole answer is limited


class Secret(Protocol):
    """A key, such as `infertune.engines.endpoint.api_key.Key`."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What carries it."""

    def redact(self, text: str) -> str:
        """Return a text from outside without it."""


def generate(
    base_url: str,
    model: str,
    requests: Sequence[LoadRequest],
    load: Load,
    *,
    seed: int,
    fields: Fields = _AS_THEY_ARE,
    key: Secret | None = None,
    hopeless: Callable[[Sequence[Timing]], bool] | None = None,
    landed: Callable[[Timing], None] | None = None,
    most_lateness: float = MOST_LATENESS_SECONDS,
    patience_seconds: float = 600.0,
    most_in_flight: int = 800,
) -> LoadOutcome:
    """Send the requests at their times and return when all have ended. Nothing that was begun is sent twice.

    Args:
        base_url: What ``/completions`` is below; usually ends in ``/v1``.
        model: As the endpoint calls it.
        requests: One or more. Where all have an ``arrival``, an open loop takes these times, scaled to its rate.
        load: How hard.
        seed: Of the arrivals.
        fields: Changes to the body of every request.
        key: For the endpoint.
        hopeless: Is shown the finished timings now and then; where it holds, no further request is sent and those in
            flight are cancelled.
        landed: Is told of each request when it has ended; must return at once.
        most_lateness: Seconds that the generator's lateness and lag may have, above which the run is void; the
            lateness also 5% of the median request's time from end to end.
        patience_seconds: Most time between two pieces of a stream, above 0; a request that takes longer has failed.
        most_in_flight: Connections, at least 1; what must wait for one is late.

    Raises:
        InvalidInputError: There is no request, or the load cannot be.
    """
    if not requests:
        raise InvalidInputError("a load needs one request or more")
    if load.concurrency is not None:
        due = None
    else:
        arrivals = [request.arrival for request in requests if request.arrival is not None]
        due = due_times(load, len(requests), seed=seed, trace=arrivals if len(arrivals) == len(requests) else None)
    run = _Run(
        base_url=base_url,
        model=model,
        requests=requests,
        due=due,
        fields=fields,
        n_callers=most_in_flight if load.concurrency is None else load.concurrency,
        key=key,
        hopeless=hopeless,
        landed=landed,
        patience_seconds=patience_seconds,
    )
    return run.result(most_lateness)


class _Run:
    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        requests: Sequence[LoadRequest],
        due: Sequence[float] | Any | None,
        fields: Fields,
        n_callers: int,
        key: Secret | None,
        hopeless: Callable[[Sequence[Timing]], bool] | None,
        landed: Callable[[Timing], None] | None,
        patience_seconds: float,
    ) -> None:
        self._base_url = base_url
        self._key = key
        self._due = due
        self._n_callers = n_callers
        self._hopeless = hopeless
        self._landed = landed
        self._patience_seconds = patience_seconds
        self._calls = [
            (stream.path(request), stream.body(request, model=model, fields=fields), request.max_tokens)
            for request in requests
        ]
        self._room = Room()
        self._timings: dict[int, Timing] = {}
        self._finished: list[Timing] = []
        self._lags: list[float] = []
        self._n_uncounted = 0
        self._is_cut = False
        self._cpu_seconds = 0.0
        self._start = 0.0

    def result(self, most_lateness: float) -> LoadOutcome:
        own_loop.run(self._main())
        return pressed(
            [self._timings[index] for index in sorted(self._timings)],
            cut=self._is_cut,
            lags=self._lags,
            cpu_seconds=self._cpu_seconds,
            n_uncounted=self._n_uncounted,
            most_lateness=most_lateness,
        )

    async def _main(self) -> None:
        async with Connections(self._base_url, key=self._key, patience_seconds=self._patience_seconds) as connections:
            self._connections = connections
            await connections.open(min(self._n_callers, len(self._calls), 16))
            used = time.thread_time()
            self._start = time.perf_counter()
            beat = asyncio.create_task(self._beat())
            callers = asyncio.create_task(self._open_loop() if self._due is not None else self._closed_loop())
            look = asyncio.create_task(self._look(callers))
            try:
                await asyncio.wait([callers])
                if not callers.cancelled():
                    callers.result()
                if look.done() and not look.cancelled():
                    look.result()
            finally:
                for task in (beat, look, callers):
                    task.cancel()
                await asyncio.gather(beat, look, callers, return_exceptions=True)
                self._cpu_seconds = time.thread_time() - used

    async def _open_loop(self) -> None:
        assert self._due is not None
        free = asyncio.Semaphore(self._n_callers)
        async with asyncio.TaskGroup() as group:
            for index, due in enumerate(self._due):
                if (wait := float(due) - self._now()) > 0:
                    await asyncio.sleep(wait)
                await free.acquire()
                group.create_task(self._call(index, float(due))).add_done_callback(lambda _: free.release())

    async def _closed_loop(self) -> None:
        numbers = iter(range(len(self._calls)))

        async def caller() -> None:
            for index in numbers:  # shared by all callers
                await self._call(index, None)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._n_callers, len(self._calls))):
                group.create_task(caller())

    async def _call(self, index: int, due: float | None) -> None:
        path, body, max_tokens = self._calls[index]
        answer = stream.StreamedReply()
        error = ""
        sent = self._now()
        whole_seconds = self._patience_seconds + _SLOWEST_SECONDS * max_tokens
        try:
            async with asyncio.timeout(whole_seconds), self._connections.post(path, body) as response:
                limit = largest(n_samples=1, max_tokens=max_tokens)
                with Body(response.headers, limit=limit, room=self._room) as held:
                    if response.status_code == 200:
                        async for raw in response.aiter_raw():
                            answer.feed(held.feed(raw), self._now())
                        error = answer.shortfall
                    else:
                        async for raw in response.aiter_raw():
                            held.keep(raw)
                        error = said(response.status_code, held.content, str)
        except TimeoutError:
            error = f"no whole answer in {whole_seconds:g} s"
        except TooLarge as failure:
            error = str(failure)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as failure:
            error = f"{type(failure).__name__}: {failure}".removesuffix(": ")
        except stream.StreamFailed as failure:
            error = str(failure)
        except asyncio.CancelledError:
            error = CUT
            raise
        finally:
            self._note(index, sent if due is None else due, sent, answer, error)

    def _note(self, index: int, due: float, sent: float, answer: stream.StreamedReply, error: str) -> None:
        _, body, max_tokens = self._calls[index]
        usage = None if error else answer.counted(request_bytes=len(body), limit=max_tokens)
        if not error and usage is None:
            self._n_uncounted += 1
        timing = Timing(
            due=due,
            sent=sent,
            chunks=() if error else tuple(answer.chunks),
            done=self._now(),
            prompt_tokens=(usage.prompt_tokens or 0) if usage else 0,
            completion_tokens=(usage.completion_tokens or 0) if usage else 0 if error else len(answer.chunks),
            error=error if self._key is None else self._key.redact(error),
        )
        self._timings[index] = timing
        if error != CUT:
            self._finished.append(timing)
            if self._landed is not None:
                self._landed(timing)

    async def _look(self, callers: asyncio.Task[None]) -> None:
        """Cut the load where it is hopeless; it is asked even while nothing ends, for that may be a hang."""
        if self._hopeless is None:
            return
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                is_hopeless = self._hopeless(sorted(self._finished, key=lambda timing: timing.due))
            except BaseException:
                callers.cancel()
                raise
            if is_hopeless:
                self._is_cut = True
                callers.cancel()
                return

    async def _beat(self) -> None:
        """Note how late this event loop wakes up: that late may any piece of any stream have been seen."""
        while True:
            before = self._now()
            await asyncio.sleep(_BEAT_SECONDS)
            self._lags.append(max(0.0, self._now() - before - _BEAT_SECONDS))

    def _now(self) -> float:
        return time.perf_counter() - self._start
