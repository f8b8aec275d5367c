"""The ``vllm`` engine: a vLLM server on this machine, started for the study, watched, and started again if it dies."""

import contextlib
import os
import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from infertune.engines import cache, models
from infertune.engines.endpoint.capabilities import vllm_capabilities
from infertune.engines.openai.engine import EndpointGone, OpenAIEngine
from infertune.engines.openai.retry import Timeouts
from infertune.engines.probing.recall import ProbeJournal
from infertune.engines.process.failures import ServerFailure
from infertune.engines.process.server_process import delete_log
from infertune.engines.vllm import arguments as vllm_arguments
from infertune.engines.vllm.interpreter import find
from infertune.engines.vllm.metrics import ServerMetrics
from infertune.engines.vllm.server import ServerFailed, VLLMServer
from infertune.engines.vllm.suspects import Suspects
from infertune.engines.vllm.watch import Watch
from infertune.errors import EngineError, InvalidInputError
from infertune.types import REFUSED, Request, Response, Scalar, Unsupported

_MAX_RESTARTS_UNANSWERED = 5
# The watch knows better than a clock whether the server gets on, and a second copy would only add to its work.
_TIMEOUTS = Timeouts(timeout_seconds=86_400.0, hedge_seconds=86_400.0)


class VLLMEngine:
    """Starts a vLLM server and answers requests through it.

    Args:
        model: ``bundled:...``, a local folder or a hub id.
        dtype: ``float32``, ``bfloat16`` or ``float16``; by default vLLM's choice.
        max_model_len: Most tokens of prompt and output together; by default the model's own.
        engine_args: Any other arguments of the server by name, such as ``{"max_num_seqs": 64}``, or as a JSON object.
        vllm_python: Interpreter that has vLLM; by default this one, else ``$INFERTUNE_VLLM_PYTHON``.
        concurrency: Most samples in flight, at least 1. By default it is found out, up to 256.
        extra: Settings beyond the engine-neutral ones, with the two values of each that differ most; they are probed.
        journal: Of a study: keeps what was probed, and its cost. Without one the first response books that.
        kv_cache_gib: CPU memory for keys and values; by default ``$VLLM_CPU_KVCACHE_SPACE``, else 2.
        start_timeout_seconds: Most time until the server answers.
        hang_seconds: Most time that the server may have work to do without getting on with it.

    Attributes:
        failures: Why the server ended, each time that it did.

    Raises:
        InvalidInputError: An option cannot be.
        DataUnavailableError: vLLM or the model is missing.
        EngineError: The server does not start.
    """

    def __init__(
        self,
        model: str,
        *,
        dtype: str | None = None,
        max_model_len: int | None = None,
        engine_args: Mapping[str, Scalar] | str | None = None,
        vllm_python: str | None = None,
        concurrency: int | None = None,
        extra: Mapping[str, tuple[Scalar, Scalar]] | None = None,
        journal: ProbeJournal | None = None,
        kv_cache_gib: int | None = None,
        start_timeout_seconds: float = 600.0,
        hang_seconds: float = 300.0,
    ) -> None:
        for name, value in (("max_model_len", max_model_len), ("kv_cache_gib", kv_cache_gib)):
            if value is not None and value < 1:
                raise InvalidInputError(f"{name} must be at least 1, not {value}")
        given = vllm_arguments.read(engine_args)
        self._python = find(vllm_python)
        self._arguments = vllm_arguments.server_arguments(
            given, on_cpu=self._python.on_cpu, dtype=dtype, max_model_len=max_model_len, kv_cache_gib=kv_cache_gib
        )
        self._name = model
        self._folder = models.resolve(model)
        self._concurrency = concurrency
        self._start_timeout_seconds = start_timeout_seconds
        self._hang_seconds = hang_seconds
        known = vllm_capabilities(self._python.version, seed=self._arguments.seeds_are_safe)
        self._extra = extra
        started = " ".join(["vllm", self._python.version, *self._arguments.words()])
        self._journal = None if journal is None else journal.of(started)
        # With speculative decoding vLLM refuses some settings, and what it makes of the user's own nobody knows.
        self._capabilities = None if extra or "speculative_config" in given else known
        self._unsupported: Sequence[Unsupported] = ()
        self._facts = {
            "engine": "vllm",
            "model": models.fingerprint(self._folder),
            "version": self._python.version,
            "device": "cpu" if self._python.on_cpu else "gpu",
            "warpers": known.warpers,
            "seeded": "yes" if known.seed else "no",
            **self._arguments.shaping,
        }
        name = re.sub(r"[^\w.-]+", "-", model).strip("-")
        self._log = cache.file("vllm", f"{name}-{os.getpid()}-{id(self)}.log")
        self.failures: list[ServerFailure] = []
        self._n_restarts_unanswered = 0
        self._suspects = Suspects()
        self._counted = ServerMetrics()
        self._server: VLLMServer | None = None
        self._watch: Watch | None = None
        self._client: OpenAIEngine | None = None
        self._start()

    @property
    def facts(self) -> Mapping[str, str]:
        """The model's fingerprint, vLLM's version and build, and the server's arguments that shape text."""
        return dict(self._facts)

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """Nothing as a rule: vLLM applies every setting that it has."""
        return self._unsupported

    @property
    def metrics(self) -> ServerMetrics:
        """What the server has counted, in all its runs; of a run that died, up to about a second before that."""
        return self._watch.metrics.plus(self._counted) if self._watch is not None else self._counted

    @property
    def base_url(self) -> str:
        """Of the server that runs now; empty when none does."""
        return self._server.base_url if self._server is not None else ""

    @property
    def server_pid(self) -> int:
        """Of the server that runs now; 0 when none does."""
        return self._server.pid if self._server is not None else 0

    @property
    def batch_size(self) -> int | None:
        """1 where one sample at a time is asked for; else None, for answers come as the server has them."""
        return 1 if self._concurrency == 1 else None

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield one response per request as each finishes; a request is pulled when there is room for it.

        When the server dies it is started again, and what it had not answered is asked again: one decoding setting
        at a time, unless the server was killed from outside. A setting that kills it three times fails.

        Raises:
            EngineError: Five servers in a row died without an answer.
        """
        source = iter(requests)
        self._suspects.dismiss()
        unbooked: dict[Request, Response] = {}  # with what was paid for them before their server died
        killed: deque[Request] = deque()  # unanswered by a server that was killed from outside
        while True:
            alone = self._suspects.next_group()
            feed = iter(alone) if alone else _drained(killed, source)
            refused: deque[Response] = deque()
            lost: list[Request] = []
            try:
                with contextlib.closing(self._answers(self._asked(feed, refused))) as responses:
                    for response in responses:
                        if response.error and self._is_dying():
                            lost.append(response.request)  # not the request's fault
                            unbooked[response.request] = self._with(response, unbooked)
                            continue
                        if not response.error:
                            self._n_restarts_unanswered = 0
                        yield self._with(response, unbooked)
                        while refused:
                            yield refused.popleft()
            except EndpointGone as gone:
                lost += gone.unanswered
                is_dead = True
            else:
                is_dead = bool(lost)
            yield from refused
            if is_dead:
                failure = self._ended()
                if failure.kind != "killed":
                    self._suspects.died(lost, str(failure))
                elif alone:
                    self._suspects.again(lost)
                else:
                    killed.extendleft(reversed(lost))
                self._restart()
            elif not alone:
                return

    def close(self) -> None:
        """Stop the server; it may be called twice."""
        self._stop()
        if not self.failures:
            delete_log(self._log)

    def _asked(self, feed: Iterator[Request | None], refused: deque[Response]) -> Iterator[Request | None]:
        """Yield the requests that may be asked, and answer the others."""
        for request in feed:
            if request is None:
                yield None
            elif reason := self._suspects.verdict(request):
                error = f"{REFUSED}{reason}"
                refused.append(Response(request=request, generations=(), prompt_tokens=0, seconds=0.0, error=error))
            else:
                yield request

    @staticmethod
    def _with(response: Response, unbooked: dict[Request, Response]) -> Response:
        """Return a response with what was paid for its request under an earlier server."""
        earlier = unbooked.pop(response.request, None)
        if earlier is None:
            return response
        return replace(
            response,
            extra_prompt_tokens=response.extra_prompt_tokens + earlier.extra_prompt_tokens,
            extra_completion_tokens=response.extra_completion_tokens + earlier.extra_completion_tokens,
        )

    def _answers(self, requests: Iterator[Request | None]) -> Generator[Response, None, None]:
        if self._client is None:
            raise EngineError("this engine is closed")
        yield from self._client.generate(requests)

    def _start(self) -> None:
        server = VLLMServer(
            python=self._python.path,
            model=self._folder,
            name=self._name,
            arguments=self._arguments.words(),
            environment=self._arguments.environment,
            log=self._log,
            start_timeout_seconds=self._start_timeout_seconds,
        )
        watch = Watch(server, hang_seconds=self._hang_seconds)
        self._server, self._watch = server, watch
        try:
            self._client = OpenAIEngine(
                self._name,
                base_url=server.base_url,
                concurrency=self._concurrency,
                extra=self._extra,
                capabilities=self._capabilities,
                seeds_safe=self._arguments.seeds_are_safe,
                journal=self._journal,
                timeouts=_TIMEOUTS,
                alive=lambda: server.alive() and not watch.seen,
            )
        except BaseException:
            self._stop()
            raise
        if self._capabilities is None:
            self._capabilities, self._unsupported = self._client.capabilities, self._client.unsupported

    def _ended(self) -> ServerFailure:
        """Return why the server answers no more, after it has ended."""
        assert self._server is not None and self._watch is not None
        failure = self._server.why_gone(seen=self._watch.seen, hangs=self._watch.hangs)
        self._stop()
        self.failures.append(failure)
        return failure

    def _is_dying(self) -> bool:
        assert self._server is not None and self._watch is not None
        return bool(self._watch.seen) or not self._server.is_well()

    def _restart(self) -> None:
        while self._n_restarts_unanswered < _MAX_RESTARTS_UNANSWERED:
            self._n_restarts_unanswered += 1
            try:
                return self._start()
            except ServerFailed as error:
                self.failures.append(error.failure)
        raise EngineError(
            f"the vLLM server was started again {_MAX_RESTARTS_UNANSWERED} times and answered nothing; "
            f"the last end: {self.failures[-1]} (log: {self._log})"
        )

    def _stop(self) -> None:
        if self._client is not None:
            self._client.close()
        if self._watch is not None:
            self._watch.stop()
            self._counted = self._watch.metrics.plus(self._counted)
        if self._server is not None:
            self._server.stop()
        self._client = self._watch = self._server = None


def _drained(first: deque[Request], source: Iterator[Request | None]) -> Iterator[Request | None]:
    while first:
        yield first.popleft()
    for request in source:  # noqa: UP028  ("yield from" would close the source along with this)
        yield request
