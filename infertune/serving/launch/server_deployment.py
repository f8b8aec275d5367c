"""One running server under load: pressed in bursts, its caches reset between them, its death told with the cause."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from infertune.engines.launch.launcher import Server
from infertune.engines.process.server_process import ServerFailed, ServerProcess, delete_log
from infertune.engines.vllm import metrics as server_metrics
from infertune.engines.vllm.metrics import ServerMetrics
from infertune.errors import EngineError
from infertune.load.arrival_load import Load
from infertune.load.generator import generate
from infertune.load.lengths import Lengths
from infertune.load.synthetic import Synthetic
from infertune.load.timing import Timing
from infertune.load.workload import LoadRequest, Workload
from infertune.serving.launch.deployment import Burst
from infertune.types import Message

_WARM_UP = Load(concurrency=4)
_N_WARM_UP = 8
_WARM_UP_LENGTH = Lengths(low=16, high=16)
_WARM_UP_SEED = 2**31


class ServerDeployment:
    """A `Deployment` of one server process; it is warmed up when this returns.

    Args:
        server: Ready.
        workload: What presses it.
        hang_seconds: Most time under load without a request ended or a token counted.

    Raises:
        ServerFailed: The server ended or hung during the warm-up.
        EngineError: It answers every request of the warm-up with an error.
    """

    def __init__(self, server: Server, *, workload: Workload, hang_seconds: float) -> None:
        self._server = server.process
        self._model = server.model
        self._workload = workload
        self._reset = server.reset
        self._hang_seconds = hang_seconds
        self._has_failed = False
        began = time.monotonic()
        try:
            timings = self._press(_WARM_UP, self._warming(), seed=0, hopeless=None).timings
            if all(timing.error for timing in timings):
                self._has_failed = True
                raise EngineError(f"the server answers every request with an error: {timings[0].error}")
            self._reset(self._server)
        except BaseException:
            self.close()
            raise
        self.start_seconds = self._server.start_seconds + time.monotonic() - began

    @property
    def base_url(self) -> str:
        """Where clients find it, ``/v1`` included."""
        return self._server.base_url

    @property
    def pid(self) -> int:
        """Of the server's first process."""
        return self._server.pid

    def press(
        self, load: Load, *, n_requests: int, seed: int, hopeless: Callable[[Sequence[Timing]], bool] | None = None
    ) -> Burst:
        """Put a load on it: see `infertune.serving.launch.deployment.Deployment.press`."""
        return self._press(load, self._workload.requests(n_requests, seed=seed), seed=seed, hopeless=hopeless)

    def _warming(self) -> Sequence[LoadRequest]:
        """Return requests that are none of the workload's, which no cache must know beforehand."""
        requests = Synthetic(input=_WARM_UP_LENGTH, output=_WARM_UP_LENGTH).requests(_N_WARM_UP, seed=_WARM_UP_SEED)
        if not self._workload.requests(1, seed=0)[0].is_chat:
            return requests
        return [replace(request, prompt=(Message("user", str(request.prompt)),)) for request in requests]

    def _press(
        self,
        load: Load,
        requests: Sequence[LoadRequest],
        *,
        seed: int,
        hopeless: Callable[[Sequence[Timing]], bool] | None,
    ) -> Burst:
        before = self._counted()
        self._reset(self._server)
        vigil = _Vigil(self._server, self._counted, self._hang_seconds)
        pressed = generate(
            self._server.base_url,
            self._model,
            requests,
            load,
            seed=seed,
            hopeless=lambda ended: vigil.is_over(ended) or (hopeless is not None and hopeless(ended)),
        )
        if vigil.seen or not self._is_well():
            self._has_failed = True
            failure = self._server.why_gone(seen=vigil.seen, hangs=vigil.hangs)
            raise ServerFailed(f"the server failed under {_words(load)}: {failure} (log: {self._server.log})", failure)
        return Burst(
            load=load,
            timings=pressed.timings,
            seconds=pressed.seconds,
            cut=pressed.cut,
            void=pressed.void,
            counters=_difference(before, self._counted()),
        )

    def close(self) -> None:
        """Stop the server with all that it started; it may be called twice. The log of one that failed stays."""
        self._server.stop()
        if not self._has_failed:
            delete_log(self._server.log)

    def _counted(self) -> ServerMetrics | None:
        """Return what the server counts; None where it counts nothing that is known here, or does not answer."""
        try:
            status, body = self._server.get("/metrics")
        except OSError:
            return None
        text = body.decode(errors="replace")
        return server_metrics.parse(text) if status == 200 and "\nvllm:" in f"\n{text}" else None

    def _is_well(self) -> bool:
        """Whether it runs and does not say of itself that it is dead; not every server has ``/health``."""
        try:
            return self._server.alive() and self._server.get("/health")[0] < 500
        except OSError:
            return False


class _Vigil:
    """Sees during one burst that the server has ended, or does not get on.

    Attributes:
        seen: What is wrong; empty while nothing is.
        hangs: Whether that is a hang, so that the server will not end by itself.
    """

    def __init__(
        self, server: ServerProcess, counted: Callable[[], ServerMetrics | None], hang_seconds: float
    ) -> None:
        self.seen = ""
        self.hangs = False
        self._server = server
        self._counted = counted
        self._hang_seconds = hang_seconds
        self._moved_at = time.monotonic()
        self._n_ended = 0
        self._tokens = -1

    def is_over(self, ended: Sequence[Timing]) -> bool:
        """Whether there is no sense in going on; asked now and then with what has ended so far."""
        if not self._server.alive():
            self.seen = "it has ended"
        elif len(ended) != self._n_ended:
            self._n_ended, self._moved_at = len(ended), time.monotonic()
        elif time.monotonic() - self._moved_at > self._hang_seconds:
            tokens = self._tokens_done()
            if tokens == self._tokens or tokens < 0:
                self.seen, self.hangs = f"no request ended and no token counted for {self._hang_seconds:g} s", True
            self._tokens, self._moved_at = tokens, time.monotonic()
        return bool(self.seen)

    def _tokens_done(self) -> int:
        """Return how many tokens the server has counted; -1 where it does not say."""
        counted = self._counted()
        return -1 if counted is None else counted.prompt_tokens + counted.generation_tokens


def _difference(before: ServerMetrics | None, after: ServerMetrics | None) -> Mapping[str, float]:
    if before is None or after is None:
        return {}
    counts = server_metrics.as_json(after.since(before))
    return {name: float(value) for name, value in counts.items() if value is not None}


def _words(load: Load) -> str:
    return f"{load.rate:g} requests/s" if load.rate is not None else f"{load.concurrency} requests in flight"
