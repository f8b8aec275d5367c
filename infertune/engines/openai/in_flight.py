"""The requests that one `generate` has under way: sent from the caller's thread, answered in the event loop's."""

import asyncio
import contextlib
import queue
from collections.abc import Callable, Iterator
from typing import Any

from infertune.engines.openai.client import EndpointClient
from infertune.engines.openai.retry import EndpointGone
from infertune.types import Request, Response

_ALIVE_SECONDS = 0.2  # between two looks at whether the server's process lives


class InFlight:
    """Sends requests through an exchange and collects their responses.

    Args:
        loop: That runs, in a thread of its own.
        exchange: Of that loop.
        alive: Whether the server's process lives, where it is known; the flight ends when it does not.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, exchange: EndpointClient, alive: Callable[[], bool] | None
    ) -> None:
        self._loop = loop
        self._exchange = exchange
        self._landed: queue.SimpleQueue[tuple[int, Response | BaseException]] = queue.SimpleQueue()
        self._requests: dict[int, Request] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # touched in the loop's thread only
        self._n_sent = 0
        self._n_samples_sent = 0  # counted in the caller's thread
        self._n_samples_landed = 0  # counted in the loop's thread
        if alive is not None:
            loop.call_soon_threadsafe(self._start, self._watch(alive))

    @property
    def n_samples(self) -> int:
        """In flight; those that have landed and were not returned yet are not."""
        return self._n_samples_sent - self._n_samples_landed

    @property
    def pending(self) -> list[Request]:
        """Sent and not yet returned, in the order of sending."""
        return list(self._requests.values())

    def send(self, request: Request) -> None:
        """Send a request; its response is one of those that land."""
        number = self._n_sent
        self._n_sent += 1
        self._requests[number] = request
        self._n_samples_sent += len(request.samples)
        self._loop.call_soon_threadsafe(self._start, self._fly(number, request))

    def next_response(self) -> Response:
        """Wait for the next response, or raise what ended the flight."""
        number, outcome = self._landed.get()
        if isinstance(outcome, BaseException):
            raise outcome
        return self._taken(number, outcome)

    def landed(self) -> Iterator[Response]:
        """Yield the responses that are there already."""
        with contextlib.suppress(queue.Empty):
            while True:
                number, outcome = self._landed.get_nowait()
                if isinstance(outcome, Response):
                    yield self._taken(number, outcome)

    def cancel(self) -> None:
        """End what is in flight and wait until it has ended."""
        if self._loop.is_closed():  # the engine was closed first, which ended everything
            return
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result()

    def _taken(self, number: int, response: Response) -> Response:
        del self._requests[number]
        return response

    # In the loop's thread

    def _start(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fly(self, number: int, request: Request) -> None:
        outcome: Response | BaseException
        try:
            outcome = await self._exchange.respond(request)
        except Exception as error:  # whatever it is, the caller's thread must not wait for ever
            outcome = error
        self._n_samples_landed += len(request.samples)
        self._landed.put((number, outcome))

    async def _watch(self, alive: Callable[[], bool]) -> None:
        while alive():
            await asyncio.sleep(_ALIVE_SECONDS)
        self._landed.put((-1, EndpointGone("the server's process has ended")))

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
