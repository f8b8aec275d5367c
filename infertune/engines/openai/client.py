"""One endpoint seen from inside the event loop: a request goes in, its response comes out, faults are dealt with."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import httpx

from infertune.engines.endpoint.api_key import Key
from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.openai.attempts import Attempts, UsualLength, response
from infertune.engines.openai.completion import Completion, read
from infertune.engines.openai.concurrency import ConcurrencyLimit
from infertune.engines.openai.connections import ConnectionPool, HttpReply
from infertune.engines.openai.hedge import Hedge
from infertune.engines.openai.payload import Call, calls, refusal
from infertune.engines.openai.retry import (
    MAX_ATTEMPTS,
    MAX_REFUSALS,
    EndpointGone,
    Fault,
    Patience,
    Timeouts,
    backoff_seconds,
    retry_after_seconds,
)
from infertune.errors import EngineError
from infertune.types import REFUSED, Request, Response
from infertune.wire.blame import Blame, blame_of_status
from infertune.wire.body import TooLarge, largest
from infertune.wire.words import is_filtered, said


class EndpointClient:
    """Answers requests through one endpoint. Lives in one event loop.

    Args:
        lanes: To the endpoint, with its key.
        base_url: Of the endpoint, for messages.
        model: As the endpoint calls it.
        capabilities: What may be sent.
        extra_body: Constant part of every request.
        key: Struck out of what the endpoint says.
        limit: Samples in flight.
        timeouts: For answers.
    """

    def __init__(
        self,
        lanes: ConnectionPool,
        *,
        base_url: str,
        model: str,
        capabilities: Capabilities,
        extra_body: Mapping[str, Any],
        key: Key,
        limit: ConcurrencyLimit,
        timeouts: Timeouts,
    ) -> None:
        self._lanes = lanes
        self._base_url = base_url
        self._model = model
        self._capabilities = capabilities
        self._extra_body = extra_body
        self._key = key
        self._limit = limit
        self._hedge = Hedge(floor_seconds=timeouts.hedge_seconds)
        self._patience = Patience(timeouts.patience_seconds)
        self._usual = UsualLength()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._rng = random.Random()

    async def respond(self, request: Request) -> Response:
        """Return the response to a request, a failed one when it can never be answered.

        Raises:
            EndpointGone: The endpoint answers nothing any more.
            EngineError: It refuses every request, as things are set up.
        """
        refused = refusal(request, self._capabilities)
        if refused:
            error = f"{REFUSED}{refused}"
            return Response(request=request, generations=(), prompt_tokens=0, seconds=0.0, error=error)
        trades = [
            Attempts(call)
            for call in calls(request, model=self._model, capabilities=self._capabilities, extra_body=self._extra_body)
        ]
        if len(trades) == 1:
            await self._settle(trades[0])
        else:
            try:
                async with asyncio.TaskGroup() as group:
                    for trade in trades:
                        group.create_task(self._settle(trade))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None
        return response(request, trades)

    async def _settle(self, trade: Attempts) -> None:
        """Send a call until it is answered or fails for good."""
        n_attempts = n_refusals = 0
        began = time.monotonic()
        while trade.answer is None and trade.failure is None:
            try:
                trade.answer = await self._hedged(trade)
                self._usual.answered(trade.answer)
                return
            except Fault as fault:
                trade.unusable(fault)
                # Of an endpoint that has answered, one such reply among thousands says nothing: it must insist.
                is_new = not self._patience.has_answered and not fault.is_redirect
                insists = is_new or n_attempts + 1 >= MAX_ATTEMPTS
                if fault.blame == "user" and insists:
                    raise EngineError(fault.said) from None
                if fault.blame == "request":
                    self._patience.answered()
                    trade.failed(fault, self._usual)
                    return
                self._patience.failed(told_to_wait=fault.wait_seconds)
                if self._patience.is_over:
                    raise self._gone(f"has answered nothing for {self._patience.seconds:g} s", fault) from None
                if (fault.wait_seconds or 0.0) > self._patience.seconds:
                    raise self._gone(f"asks to wait {fault.wait_seconds:g} s", fault) from None
                n_attempts += fault.blame in ("attempt", "user")
                n_refusals += fault.blame not in ("attempt", "user")
                is_last = n_attempts >= MAX_ATTEMPTS or n_refusals >= MAX_REFUSALS
                # While nothing else is answered either, it is not this request that is to blame.
                if is_last and self._patience.answered_since(began - self._patience.seconds):
                    trade.failed(fault, self._usual)
                    return
                wait = backoff_seconds(n_attempts + n_refusals, asked=fault.wait_seconds, rng=self._rng)
                await asyncio.sleep(min(wait, self._patience.seconds))

    def _gone(self, how: str, fault: Fault) -> EndpointGone:
        return EndpointGone(
            f"the endpoint {self._base_url} {how}; the last try ended with: {fault.said}. "
            "What was answered before is kept: the same command goes on from there"
        )

    # One attempt, with a second copy if it straggles

    async def _hedged(self, trade: Attempts) -> Completion:
        call = trade.call
        await self._enter()
        self._hedge.n_requests += 1
        number = self._hedge.n_requests
        trade.sent_at = trade.sent_at or time.monotonic()
        copies = [self._start(call)]
        max_tokens = call.request.decoding.max_tokens
        try:
            after = self._hedge.after_seconds(max_tokens=max_tokens) if self._is_repeatable(call) else None
            while after is not None and len(copies) == 1 and not copies[0].done():
                await asyncio.wait(copies, timeout=after)
                if not copies[0].done() and self._hedge.allowed and self._hedge.may_overtake(number):
                    self._hedge.n_copies += 1
                    copies.append(self._start(call))
            return await self._first_answer(copies, trade)
        finally:
            self._hedge.n_done += 1
            for copy in copies:
                copy.cancel()
            await asyncio.wait(copies)  # so that whoever waits for this knows that nothing is left

    def _is_repeatable(self, call: Call) -> bool:
        """Whether a copy brings the same samples; of two different ones the first to arrive would be the shorter."""
        return self._capabilities.seed or call.request.decoding.temperature == 0

    async def _first_answer(self, copies: list["asyncio.Task[Completion]"], trade: Attempts) -> Completion:
        """Return the first answer of equal attempts; the others' price is booked."""
        pending = set(copies)
        faults: list[Fault] = []
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            answers = []
            for task in done:
                error = task.exception()
                if error is None:
                    answers.append(task.result())
                elif isinstance(error, Fault):
                    faults.append(error)
                else:
                    raise error
            if answers:
                for fault in faults:
                    trade.unusable(fault)
                for other in answers[1:]:
                    trade.copied(other)
                trade.n_unknown += len(pending)
                return answers[0]
        for fault in faults[:-1]:
            trade.unusable(fault)
        raise faults[-1]

    def _start(self, call: Call) -> "asyncio.Task[Completion]":
        n_samples = len(call.samples)
        sent_at = time.monotonic()
        self._limit.started(n_samples)
        task = asyncio.create_task(self._send(call))

        # A callback, because a task that is cancelled before its first step never runs a line of its own.
        def left(task: "asyncio.Task[Completion]") -> None:
            error = None if task.cancelled() else task.exception()
            if task.cancelled() or (isinstance(error, Fault) and not error.is_overload):
                self._limit.failed(n_samples)
            elif isinstance(error, Fault):
                self._limit.refused(n_samples, started_at=sent_at)
            elif error is not None:
                self._limit.failed(n_samples)
            else:
                self._limit.finished(n_samples, tokens=task.result().completion_tokens)
                self._patience.answered()
                self._hedge.answered(time.monotonic() - sent_at, max_tokens=call.request.decoding.max_tokens)
            self._wake()

        task.add_done_callback(left)
        return task

    async def _send(self, call: Call) -> Completion:
        limit = largest(n_samples=len(call.samples), max_tokens=call.request.decoding.max_tokens)
        try:
            reply = await self._lanes.post(call.path, call.body, limit=limit)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Fault(blame="endpoint", said=self._plain(error)) from None
        except (httpx.TimeoutException, TimeoutError):
            raise Fault(blame="attempt", said="no answer in time", may_be_paid=True, is_overload=True) from None
        except TooLarge as error:
            raise Fault(blame="attempt", said=str(error), may_be_paid=True, is_overload=True) from None
        except httpx.TransportError as error:
            raise Fault(blame="attempt", said=self._plain(error), may_be_paid=True) from None
        if 200 <= reply.status < 300 and reply.content:
            try:
                return read(call, reply.content, capabilities=self._capabilities)
            except Fault as fault:
                wrong = fault
            wrong.forget()
            wrong.said = self._key.redact(wrong.said)
            del reply
            raise wrong
        blame = self._blame(reply)
        raise Fault(
            blame=blame,
            said=said(reply.status, reply.content, self._key.redact, location=reply.headers.get("location", "")),
            may_be_paid=reply.status == 200,  # and nothing in it
            wait_seconds=retry_after_seconds(reply.headers.get("retry-after")),
            is_overload=blame == "load",
            is_redirect=300 <= reply.status < 400,
        )

    def _blame(self, reply: HttpReply) -> Blame:
        """Return whom a status is about; a filter's no comes with statuses of other meanings as well."""
        if 400 <= reply.status < 500 and is_filtered(reply.content):
            return "request"
        return blame_of_status(reply.status)

    def _plain(self, error: Exception) -> str:
        return self._key.redact(str(error)) or type(error).__name__

    # Room: who waits first goes first

    async def _enter(self) -> None:
        while self._waiting or not self._limit.has_room:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._wake()  # the turn goes to the next
                raise
            if self._limit.has_room:
                return

    def _wake(self) -> None:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        if self._waiting and self._limit.has_room:
            self._waiting.popleft().set_result(None)
