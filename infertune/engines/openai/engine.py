"""The ``openai`` engine: any OpenAI-compatible endpoint, through one background event loop."""

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from infertune.engines.endpoint import api_key
from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.openai.client import EndpointClient
from infertune.engines.openai.concurrency import CEILING, START, ConcurrencyLimit
from infertune.engines.openai.connections import ConnectionPool
from infertune.engines.openai.dialects import dialect
from infertune.engines.openai.in_flight import InFlight
from infertune.engines.openai.retry import EndpointGone, Timeouts
from infertune.engines.openai.served_models import served
from infertune.engines.openai.unsupported import lacking
from infertune.engines.probing.probe import Probe, ProbeStep
from infertune.engines.probing.recall import ProbeJournal, probed
from infertune.errors import EngineError, InvalidInputError, nearest
from infertune.types import Request, Response, Scalar, Unsupported
from infertune.wire import body
from infertune.wire.base_url import reached, tidied

__all__ = ["EndpointGone", "OpenAIEngine"]

_PARTS = 8  # one more part of the limit waits here, to go at once when there is room, whatever the caller does then
_IDLE_SECONDS = 3.0  # less than after which servers close an idle connection, which is usually 5
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class OpenAIEngine:
    """Answers requests through ``/chat/completions`` and ``/completions`` of an endpoint.

    Args:
        model: As the endpoint calls it.
        base_url: What both paths are below, in any usual form; see docs/engines/openai.md.
        api_key_env: Environment variable that holds the key; by default OPENAI_API_KEY, if that is set.
        api_key_file: File that holds the key.
        concurrency: Most samples in flight, at least 1, and tried at once. By default it is found out, up to 256.
        extra_body: Constant part of every request: a mapping, or a JSON object as text.
        extra: Settings beyond the engine-neutral ones, with the two values of each that differ most.
        capabilities: Of the endpoint, where they are known; by default they are found out, which costs some tokens.
        seeds_safe: Whether it is known that a seeded request cannot stop the server; see docs/doctor.md.
        again: Find out what the endpoint honours even where that was found out before.
        on_probe: Called before each step of finding it out.
        journal: Of a study: what was found out before, and where to keep that with its cost. Without one the cost is
            booked with the first response.
        timeouts: How long the endpoint is waited for.
        alive: Whether the server's process lives, where it is known; an endpoint without one is gone at once.

    Raises:
        InvalidInputError: Something of these cannot be.
        EngineError: The endpoint does not answer.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key_env: str | None = None,
        api_key_file: str | None = None,
        concurrency: int | None = None,
        extra_body: Mapping[str, Any] | str | None = None,
        extra: Mapping[str, tuple[Scalar, Scalar]] | None = None,
        capabilities: Capabilities | None = None,
        seeds_safe: bool = False,
        again: bool = False,
        on_probe: Callable[[ProbeStep], None] = lambda step: None,
        journal: ProbeJournal | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008  (frozen)
        alive: Callable[[], bool] | None = None,
    ) -> None:
        self._base_url = api_key.check_base_url(tidied(base_url))
        self._key = api_key.read(api_key_env=api_key_env, api_key_file=api_key_file)
        self._extra_body = _object(extra_body)
        if concurrency is not None and concurrency < 1:
            raise InvalidInputError(f"`concurrency` must be at least 1, not {concurrency}")
        self._model = model
        self._extra = tuple(extra or ())
        self._is_local = urlsplit(self._base_url).hostname in _LOOPBACK
        with httpx.Client(**self._client_options(timeouts)) as client:
            client.base_url = self._base_url = reached(client)
            self._listing = served(client, self._key)
            self._probe: Probe | None = None
            if capabilities is None:
                self._probe = probed(
                    client,
                    model=model,
                    key=self._key,
                    extra_body=self._extra_body,
                    extra=extra or {},
                    seeds_safe=seeds_safe,
                    concurrency=concurrency,
                    again=again,
                    on_step=on_probe,
                    journal=journal,
                )
                capabilities = self._probe.capabilities
        is_owed = self._probe is not None and not self._probe.is_recalled and journal is None
        paid = self._probe if is_owed else None
        self._owed = (0, 0) if paid is None else (paid.prompt_tokens, paid.completion_tokens)
        self._capabilities = capabilities
        self._concurrency = concurrency
        self._timeouts = timeouts
        self._alive = alive
        self._limit = ConcurrencyLimit(ceiling=concurrency or CEILING, start=concurrency or START)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._exchange: EndpointClient | None = None
        self._lanes: ConnectionPool | None = None
        self._is_closed = False

    @property
    def facts(self) -> Mapping[str, str]:
        """The model as the endpoint calls and describes it, the server's kind, and what shapes its samples.

        The port is not among them, so a server that was started again is the same engine; another host is another.
        """
        told = {
            "host": "" if self._is_local else str(urlsplit(self._base_url).hostname),
            "root": self._listing.root(self._model),
            "server": f"{self._capabilities.server} {self._capabilities.version}".strip(),
            "warpers": self._capabilities.warpers,
            "extra_body": json.dumps(self._extra_body, sort_keys=True) if self._extra_body else "",
        }
        return {
            "engine": "openai",
            "model": self._model,
            "seeded": "yes" if self._capabilities.seed else "no",
            **{name: value for name, value in told.items() if value},
        }

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """Settings that the endpoint does not honour, and choices that need what it does not tell."""
        return lacking(self._capabilities, self._extra, self._probe)

    @property
    def samples_per_prompt(self) -> int | None:
        """Most samples of a request that share the price of one prompt; None where all do."""
        return self._capabilities.samples_per_prompt

    @property
    def probe(self) -> Probe | None:
        """What was found out about the endpoint at the start, and what that cost; None where it was known."""
        return self._probe

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint honours."""
        return self._capabilities

    @property
    def limit(self) -> int:
        """Most samples in flight now."""
        return self._limit.limit

    @property
    def batch_size(self) -> int | None:
        """1 where one sample at a time is asked for; else None, for answers come as the server has them."""
        return 1 if self._concurrency == 1 else None

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield one response per request as each finishes; a request is pulled when there is room for it, or soon is.

        Raises:
            EndpointGone: The endpoint answers no more; all that it had answered was yielded before.
            EngineError: The endpoint refuses every request, such as for want of a key.
        """
        loop, exchange = self._running()
        flight = InFlight(loop, exchange, self._alive)
        source: Iterator[Request | None] | None = iter(requests)
        try:
            while True:
                while source is not None and flight.n_samples < self._limit.limit + self._limit.limit // _PARTS:
                    try:
                        request = next(source)
                    except StopIteration:
                        source = None
                    else:
                        if request is None:
                            break
                        flight.send(request)
                if not flight.pending:
                    return
                yield self._with_probing(flight.next_response())
        except EndpointGone as gone:
            yield from map(self._with_probing, flight.landed())
            raise EndpointGone(str(gone), flight.pending) from None
        except EngineError as error:
            yield from map(self._with_probing, flight.landed())
            raise self._explained(error) from None
        finally:
            flight.cancel()

    def close(self) -> None:
        """Close the connections and end the event loop; it may be called twice."""
        self._is_closed = True
        if self._loop is None or self._thread is None or self._lanes is None:
            return
        asyncio.run_coroutine_threadsafe(_ended(self._lanes), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = self._lanes = self._exchange = None

    def _with_probing(self, response: Response) -> Response:
        """Book on the first response what finding out about the endpoint has cost: it is spent like any token."""
        prompt_tokens, completion_tokens = self._owed
        self._owed = (0, 0)
        return replace(
            response,
            extra_prompt_tokens=response.extra_prompt_tokens + prompt_tokens,
            extra_completion_tokens=response.extra_completion_tokens + completion_tokens,
        )

    def _running(self) -> tuple[asyncio.AbstractEventLoop, EndpointClient]:
        if self._is_closed:
            raise EngineError("this engine is closed")
        if self._loop is None or self._exchange is None:
            self._loop = asyncio.new_event_loop()
            client = functools.partial(
                httpx.AsyncClient,
                **self._client_options(self._timeouts, keeps=dialect(self._capabilities.server).keeps_connections),
                verify=httpx.create_ssl_context(),  # one for all, for it takes long to make
                limits=httpx.Limits(keepalive_expiry=_IDLE_SECONDS),
            )
            self._lanes = ConnectionPool(client, seconds=self._timeouts.timeout_seconds)
            self._exchange = EndpointClient(
                self._lanes,
                base_url=self._base_url,
                model=self._model,
                capabilities=self._capabilities,
                extra_body=self._extra_body,
                key=self._key,
                limit=self._limit,
                timeouts=self._timeouts,
            )
            self._thread = threading.Thread(target=self._loop.run_forever, name="infertune-openai", daemon=True)
            self._thread.start()
        return self._loop, self._exchange

    def _client_options(self, timeouts: Timeouts, *, keeps: bool = True) -> dict[str, Any]:
        kept = {} if keeps else {"Connection": "close"}
        return {
            "base_url": self._base_url,
            "headers": {"Content-Type": "application/json", **body.HEADERS, **kept, **self._key.headers},
            "timeout": httpx.Timeout(timeouts.timeout_seconds, connect=10.0),
            "trust_env": not self._is_local,  # a proxy for the world is none for this machine
        }

    def _explained(self, error: EngineError) -> EngineError:
        hint = ""
        if "HTTP 404" in str(error) and self._listing.names and self._model not in self._listing.names:
            hint = f"; the model must be one that is served there, but is '{self._model}'" + nearest(
                self._model, self._listing.names
            )
        if "HTTP 401" in str(error) or "HTTP 403" in str(error):
            hint = "; set the key with `api_key_env` or `api_key_file`"
        return EngineError(f"the endpoint {self._base_url} refuses every request: {error}{hint}")


async def _ended(lanes: ConnectionPool) -> None:
    """End all that runs in this loop, and close the connections."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await lanes.close()


def _object(extra_body: Mapping[str, Any] | str | None) -> dict[str, Any]:
    if extra_body is None:
        return {}
    found: Any = extra_body
    if isinstance(extra_body, str):
        try:
            found = json.loads(extra_body)
        except ValueError as error:
            raise InvalidInputError(f"`extra_body` must be a JSON object, but {error}") from None
    if not isinstance(found, Mapping):
        raise InvalidInputError(f"`extra_body` must be a JSON object such as '{{\"key\": 1}}', but is {found!r}")
    return dict(found)
