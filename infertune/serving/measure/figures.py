"""What is kept of a burst: counts and figures that can be written down, and from which everything is decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from scipy import special

from infertune.load.arrival_load import Load
from infertune.load.measures import measures
from infertune.load.slo import Slo, SloTarget
from infertune.load.timing import CUT, Timing
from infertune.serving.launch.deployment import Burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How one promise fared under a burst, as a share that must not be below another.

    Attributes:
        within: Of ``n``, what was within the limit. For a mean, ``n`` times the confidence that it is below its limit.
        n: Requests, or gaps as many as they are worth; 0 where the burst says nothing.
        needed: The share that the SLO needs: 0.99 for p99, 0.5 for a mean.
    """

    within: float
    n: float
    needed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One burst in figures.

    Attributes:
        rate: Of the open loop, infinity for all at once; None in a closed one.
        concurrency: Of the closed loop.
        n: Requests that ended, of ``n_planned``.
        cut: Whether it was ended early.
        seconds: From the first request's being due to the last one's end.
        counts: Of each promise, in their order.
        within: Requests within all promises.
        prompt_tokens: Mean of those answered; ``completion_tokens`` likewise.
        request_rate: Answered per second; ``output_rate``: tokens generated per second.
        user_rate: Tokens per second that the median user sees arrive; not a number where answers have one token.
        latencies: By name, such as ``p99_ttft``, in seconds; those without a value are missing.
        lateness: Of the generator, 99th percentile, in seconds.
        in_flight: Requests in flight on average (Little's law: their times added up, over the time).
        counters: The server's own.
        void: Why the figures must not be believed; empty when they may.
    """

    rate: float | None
    concurrency: int | None
    n: int
    n_planned: int
    n_failed: int
    cut: bool
    seconds: float
    counts: tuple[Count, ...]
    within: float
    prompt_tokens: float
    completion_tokens: float
    request_rate: float
    output_rate: float
    user_rate: float | None
    latencies: Mapping[str, float]
    lateness: float
    in_flight: float
    counters: Mapping[str, float]
    void: str = ""

    @property
    def load(self) -> Load:
        """What was asked for."""
        return Load(rate=self.rate, concurrency=self.concurrency)

    @property
    def level(self) -> float:
        """The rate or the concurrency."""
        return float(self.rate if self.rate is not None else self.concurrency or 0)


def figures(burst: Burst, slo: Slo, n_planned: int) -> Figures:
    """Return the figures of a burst that was to have so many requests."""
    found = measures(burst.timings, max(burst.seconds, 1e-9), slo=slo if slo.promises else None, cut=burst.cut)
    answered = [timing for timing in burst.timings if not timing.error]
    return Figures(
        rate=burst.load.rate,
        concurrency=burst.load.concurrency,
        n=found.n,
        n_planned=n_planned,
        n_failed=found.n_failed,
        cut=burst.cut,
        seconds=burst.seconds,
        counts=tuple(_count(promise, burst.timings, n_planned, burst.cut) for promise in slo.promises),
        within=found.within.successes,
        prompt_tokens=_mean([timing.prompt_tokens for timing in answered]),
        completion_tokens=_mean([timing.completion_tokens for timing in answered]),
        request_rate=found.request_rate,
        output_rate=found.output_rate,
        user_rate=found.user_rate if np.isfinite(found.user_rate) else None,
        latencies=found.latencies,
        lateness=found.lateness,
        in_flight=sum(timing.e2e for timing in burst.timings) / max(burst.seconds, 1e-9),
        counters=dict(burst.counters),
        void=burst.void,
    )


def held(found: Figures) -> bool:
    """Whether the shares themselves, without regard to luck, keep every promise."""
    return not found.cut and all(count.within >= count.needed * count.n - 1e-9 for count in found.counts)


def as_json(found: Figures) -> dict[str, object]:
    """Return lists, mappings and scalars; the rate of all at once is -1, for JSON has no infinity."""
    plain: dict[str, object] = msgspec.to_builtins(found)
    return plain | {"rate": -1.0} if found.rate == float("inf") else plain


def from_json(value: Mapping[str, object]) -> Figures:
    """Return what `as_json` was given."""
    rate = float("inf") if value["rate"] == -1.0 else value["rate"]
    return msgspec.convert({**value, "rate": rate}, Figures)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _count(promise: SloTarget, timings: Sequence[Timing], n_planned: int, cut: bool) -> Count:
    known = [timing for timing in timings if timing.error != CUT]
    if promise.percentile is None:
        return _count_of_mean(promise, known, cut)
    needed = promise.percentile / 100
    share = promise.share(known)
    if cut:  # it was ended because the SLO could not be kept: what was not seen to end well did not
        return Count(within=min(share.successes, needed * n_planned / 2), n=float(n_planned), needed=needed)
    return Count(within=float(share.successes), n=float(share.n), needed=needed)


def _count_of_mean(promise: SloTarget, timings: Sequence[Timing], cut: bool) -> Count:
    """Return a mean as a share of one half: how sure it is, by the normal distribution, that it is below its limit."""
    n = float(len(timings))
    if cut or any(timing.error for timing in timings):
        return Count(within=0.0, n=n, needed=0.5)
    values = np.array([promise.value(timing) for timing in timings])
    if len(values) < 2:
        return Count(within=0.0, n=0.0, needed=0.5)
    error = max(float(values.std(ddof=1)) / np.sqrt(len(values)), 1e-9)
    sure = float(special.ndtr((promise.limit - values.mean()) / error))
    return Count(within=n * sure, n=n, needed=0.5)
