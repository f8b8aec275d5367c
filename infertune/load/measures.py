"""What a load comes to: latencies, throughput, and how much of it was within the SLO."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.load.metric_names import METRICS, STATISTICS
from infertune.load.outcome import lateness
from infertune.load.share import Share
from infertune.load.slo import Slo, Verdict
from infertune.load.timing import CUT, Timing

PERCENTILES = tuple(float(each[1:]) for each in STATISTICS if each != "mean")


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric over a load, in seconds; not a number where there is no value. The statistics are `STATISTICS`.

    Attributes:
        n: Values: requests, or gaps between pieces.
    """

    n: int
    mean: float
    p50: float
    p90: float
    p95: float
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
        goodput: Requests within the SLO, per second.
        within: Their share, with its interval.
        verdict: Whether the SLO was held; None without one.
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

    @property
    def latencies(self) -> dict[str, float]:
        """All figures by their names, ``mean_ttft`` to ``p99_e2e``, in seconds; those without a value left out."""
        values = {
            f"{statistic}_{metric}": float(getattr(getattr(self, metric), statistic))
            for metric in METRICS
            for statistic in STATISTICS
        }
        return {name: value for name, value in values.items() if np.isfinite(value)}


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
        return Summary(0, *(float("nan") for _ in STATISTICS))
    percentiles = (float(each) for each in np.percentile(values, PERCENTILES))
    return Summary(len(values), float(np.mean(values)), *percentiles)


def _values(metric: str, answered: Sequence[Timing]) -> Sequence[float]:
    if metric == "itl":
        return [gap for timing in answered for gap in timing.itl]
    if metric == "tpot":
        return [timing.tpot for timing in answered if timing.completion_tokens > 1]
    return [getattr(timing, metric) for timing in answered]
