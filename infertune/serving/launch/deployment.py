"""What a search for engine settings under an SLO starts: something that takes load, and tells what happened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from infertune.load.arrival_load import Load
from infertune.load.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What one load did to one deployment; start-up, warm-up and cache resets are no part of it.

    Attributes:
        load: What was asked for.
        timings: One per request that was sent, in the order of their being due.
        seconds: From the first request's being due to the last one's end.
        cut: Whether it was ended early, because the SLO could not be kept any more.
        counters: How far the server's own counters went meanwhile, by the names of `ServerMetrics`; may be empty.
        void: Why the timings must not be believed, such as a generator that was the bottleneck; empty when they may.
    """

    load: Load
    timings: Sequence[Timing]
    seconds: float
    cut: bool
    counters: Mapping[str, float]
    void: str = ""


class Deployment(Protocol):
    """One running server or engine with its settings in force, warm and idle between bursts."""

    @property
    def start_seconds(self) -> float:
        """From its start until it was ready and warm."""

    def press(
        self, load: Load, *, n_requests: int, seed: int, hopeless: Callable[[Sequence[Timing]], bool] | None = None
    ) -> Burst:
        """Put a load on it and return when all its requests have ended, its caches as they were before.

        Args:
            load: How hard.
            n_requests: Of the workload, from its beginning; arrivals are those of ``seed``.
            seed: The same seed gives the same requests at the same moments, whatever the settings are.
            hopeless: Is shown the finished timings now and then; where it holds, no further request is sent and those
                in flight are cancelled.

        Raises:
            infertune.engines.process.server_process.ServerFailed: The server ended or hung under the load.
        """

    def close(self) -> None:
        """Stop it with everything it started; it may be called twice."""
