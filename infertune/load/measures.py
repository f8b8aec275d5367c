"""What a load comes to: latencies, throughput, and how much of it was within the promise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.load.pressed import lateness
from infertune.load.share import Share
from infertune.load.slo import METRICS, Slo, Verdict
from infertune.load.timing import CUT, Timing

PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A metric over a load, in seconds; not a number where there is no value.

    Attributes:
        n: Values: requests, or gaps between pieces.
    """

    n: int
    mean: float
    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The figures of one load. Latencies are of the requests that did not fail; a failure is counted, never timed.

    Attributes:
        n: Requests that ended.
        n_failed: Of these.
        n_cut: Beside these, requests in flight when the load was cut.
        seconds: How long the load lasted.
        ttft: Time to first token, from the moment a request was due.
        itl: Gaps between the pieces of a stream, of all requests together.
        tpot: Time per output token after the first; of requests with two tokens or more.
        e2e: From due to done.
        request_rate: Answered requests per second.
        input_rate: Their prompt tokens per second.
        output_rate: Their generated tokens per second.
        user_rate: Tokens per second that the median user sees arrive: 1 / ``tpot.p50``.
        goodput: Requests within the promise, per second.
        within: Their share, with its interval.
        verdict: Whether the promise was held; None without one.
        lateness: How late requests were sent, in seconds: the 95th percentile.
    """

    n: int
    n_failed: int
    n_cut: int
    seconds: float
    ttft: Summary
    itl: Summary
    tpot: Summary
    e2e: Summary
    request_rate: float
    input_rate: float
    output_rate: float
    user_rate: float
    goodput: float
    within: Share
    verdict: Verdict | None
    lateness: float


def measures(timings: Sequence[Timing], seconds: float, *, slo: Slo | None = None, cut: bool = False) -> Measures:
    """Return the figures of a load.

    Args:
        timings: One per request that was sent.
        seconds: How long it lasted, above 0.
        slo: The promise; without one every answered request is within.
        cut: Whether it was ended early.
    """
    ended = [timing for timing in timings if timing.error != CUT]
    answered = [timing for timing in ended if not timing.error]
    summaries = {metric: summary(_values(metric, answered)) for metric in METRICS}
    within = (slo or Slo(())).share(ended)
    typical = summaries["tpot"].p50
    return Measures(
        n=len(ended),
        n_failed=len(ended) - len(answered),
        n_cut=len(timings) - len(ended),
        seconds=seconds,
        ttft=summaries["ttft"],
        itl=summaries["itl"],
        tpot=summaries["tpot"],
        e2e=summaries["e2e"],
        request_rate=len(answered) / seconds,
        input_rate=sum(timing.prompt_tokens for timing in answered) / seconds,
        output_rate=sum(timing.completion_tokens for timing in answered) / seconds,
        user_rate=1 / typical if typical > 0 else float("nan"),
        goodput=within.successes / seconds,
        within=within,
        verdict=slo.verdict(timings, cut=cut) if slo else None,
        lateness=lateness(timings),
    )


def summary(values: Sequence[float]) -> Summary:
    """Return mean and percentiles, interpolated between values as numpy does."""
    if not len(values):
        return Summary(n=0, mean=float("nan"), p50=float("nan"), p90=float("nan"), p99=float("nan"))
    p50, p90, p99 = (float(each) for each in np.percentile(values, PERCENTILES))
    return Summary(n=len(values), mean=float(np.mean(values)), p50=p50, p90=p90, p99=p99)


def _values(metric: str, answered: Sequence[Timing]) -> Sequence[float]:
    if metric == "itl":
        return [gap for timing in answered for gap in timing.itl]
    if metric == "tpot":
        return [timing.tpot for timing in answered if timing.completion_tokens > 1]
    return [getattr(timing, metric) for timing in answered]
