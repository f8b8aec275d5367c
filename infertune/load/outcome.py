"""What came of a load, and whether the generator itself was fast enough for the figures to be believed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.load.timing import Timing

MOST_LATENESS_SECONDS = 0.05
_MOST_LATE_SHARE = 0.05  # of the median request's whole time, which such a lateness hardly changes
_MOST_BUSY = 0.7  # share of a processor: a thread that runs before all others is not late, but takes what others need
_SHORTEST_SECONDS = 1.0  # of a load whose share is judged
_QUANTILE = 0.95  # of a few dozen requests, the 99th percentile is the one that a busy machine held up most


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOutcome:
    """What a load came to, and what the generator itself had to do with it.

    Attributes:
        timings: One per request that was sent, in the order of their being due. A request that was in flight when the
            load was cut has the error `infertune.load.timing.CUT`.
        cut: Whether the load was ended early, for it was hopeless.
        seconds: From the first request's being due to the last one's end.
        lateness: How late requests were sent, in seconds: the 95th percentile.
        lag: How late the generator woke up, in seconds: the 95th percentile over the run, every 20 ms.
        cpu_ms: Processor time of the generator per request, in milliseconds.
        n_uncounted: Requests whose tokens the server did not count; their pieces are counted instead.
        void: Why the figures must not be believed; empty when they may.
    """

    timings: Sequence[Timing]
    cut: bool
    seconds: float
    lateness: float
    lag: float
    cpu_ms: float
    n_uncounted: int
    void: str


def pressed(
    timings: Sequence[Timing],
    *,
    cut: bool,
    lags: Sequence[float],
    cpu_seconds: float,
    n_uncounted: int,
    most_lateness: float,
) -> LoadOutcome:
    """Return what a load came to.

    Args:
        timings: In the order of their being due.
        cut: Whether it was ended early.
        lags: How late the generator woke up, each time, in seconds.
        cpu_seconds: Its processor time.
        n_uncounted: Requests whose tokens the server did not count.
        most_lateness: See `infertune.load.generator.generate`.
    """
    late = lateness(timings)
    lag = _quantile(lags)
    whole = float(np.median([timing.e2e for timing in timings if not timing.error] or [0.0]))
    seconds = max((each.done for each in timings), default=0.0) - min((each.due for each in timings), default=0.0)
    return LoadOutcome(
        timings=timings,
        cut=cut,
        seconds=seconds,
        lateness=late,
        lag=lag,
        cpu_ms=1000 * cpu_seconds / max(1, len(timings)),
        n_uncounted=n_uncounted,
        void=_late("requests were sent", late, max(most_lateness, _MOST_LATE_SHARE * whole))
        or _late("the generator woke up", lag, most_lateness)
        or _busy(cpu_seconds, seconds),
    )


def lateness(timings: Sequence[Timing]) -> float:
    """Return how late requests were sent, in seconds: the 95th percentile; 0 where there was none."""
    return _quantile([timing.sent - timing.due for timing in timings])


def _quantile(values: Sequence[float]) -> float:
    return float(np.quantile(values, _QUANTILE)) if len(values) else 0.0


def _late(what: str, seconds: float, most: float) -> str:
    if seconds <= most:
        return ""
    return (
        f"{what} {1000 * seconds:.0f} ms late (95th percentile; at most {1000 * most:.0f} ms may be): the "
        "generator was the bottleneck, give it a processor of its own or a lower load"
    )


def _busy(cpu_seconds: float, seconds: float) -> str:
    if seconds < _SHORTEST_SECONDS or cpu_seconds <= _MOST_BUSY * seconds:
        return ""
    return (
        f"the generator took {cpu_seconds / seconds:.0%} of a processor (at most {_MOST_BUSY:.0%} may be): it was the "
        "bottleneck, give it a lower load"
    )
