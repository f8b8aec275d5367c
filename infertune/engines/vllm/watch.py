"""Looks after a running vLLM server: does it answer, does it get on with its work, what has it counted?"""

import threading
import time

from infertune.engines.vllm import metrics as server_metrics
from infertune.engines.vllm.metrics import ServerMetrics
from infertune.engines.vllm.server import VLLMServer

_EVERY_SECONDS = 1.0
_ANSWER_SECONDS = 10.0


class Watch:
    """A thread that reads ``/health`` and ``/metrics`` of a server every second until it is stopped.

    Args:
        server: Running.
        hang_seconds: Most time with work to do and not one token done, or without an answer; above the time of the
            longest single step.

    Attributes:
        seen: What is wrong with the server; empty while nothing is.
        hangs: Whether that is a hang, so that it will not end by itself.
        metrics: The last reading.
    """

    def __init__(self, server: VLLMServer, *, hang_seconds: float) -> None:
        self.seen = ""
        self.hangs = False
        self.metrics = ServerMetrics()
        self._server = server
        self._hang_seconds = hang_seconds
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="infertune-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take a last reading and end; it may be called twice."""
        if not self._is_over.is_set():
            self._is_over.set()
            self._thread.join()
            if not self.seen:
                self._look()

    def _run(self) -> None:
        moved_at = time.monotonic()
        before: tuple[int, int] | None = None
        while not self._is_over.wait(_EVERY_SECONDS):
            answered = self._look()
            now = time.monotonic()
            done = (self.metrics.prompt_tokens, self.metrics.generation_tokens)
            idle = self.metrics.n_running + self.metrics.n_waiting == 0
            if answered and (idle or done != before):
                moved_at, before = now, done
            elif now - moved_at > self._hang_seconds:
                what = "no token" if answered else "no answer from /health"
                self.hangs = True
                self.seen = f"{what} for {self._hang_seconds:g} s"
            if self.seen:
                return

    def _look(self) -> bool:
        """Read both pages; return whether the server answered."""
        try:
            status, _ = self._server.get("/health", timeout_seconds=_ANSWER_SECONDS)
            if status == 503:  # it knows that its engine is dead, and is about to end
                self.seen = "/health answers 503"
            status, body = self._server.get("/metrics", timeout_seconds=_ANSWER_SECONDS)
            if status == 200:
                self.metrics = server_metrics.parse(body.decode(errors="replace"))
        except OSError:
            return False
        return True
