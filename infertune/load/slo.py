"""Service level objectives (SLOs) such as ``p99_ttft<300ms``, and whether a load's requests were within them.

An SLO is one or more promises: a statistic (a percentile or the mean) of a metric of a request, and a limit. One
request is *within* it when its own value is at most the limit: its time to first token, its time per output token, its
end to end time; for ``itl`` that statistic of its own gaps between pieces. A failed request is within nothing.

Whether a promise was *held* is about the load as a whole, and has three answers: an interval says which. For a
percentile p it is the Wilson interval of the share of requests at most the limit (of ``itl`` the share of gaps, whose
number is reduced to what they are worth, since the gaps of one request are alike), which must lie above or below p.
For a mean it is Student's t interval, which must lie below or above the limit. Requests of one load queue behind each
other, so they are not independent and the intervals are narrower than they should be when a server is near its limit:
what is to be relied upon is measured more than once.

Source of the number that clustered gaps are worth: E. L. Korn and B. I. Graubard, Survey Methodology 24 (1998),
193-201.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from infertune.errors import InvalidInputError, nearest
from infertune.load import metric_names
from infertune.load.share import CONFIDENCE, Share
from infertune.load.timing import CUT, Timing

Verdict = Literal["held", "broken", "undecided"]
_TERM = re.compile(r"(?P<name>[\w.]+)\s*<=?\s*(?P<limit>\d*\.?\d+)\s*(?P<unit>[a-zµ]*)")
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "m": 60.0, "min": 60.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class SloTarget:
    """One promise.

    Attributes:
        percentile: In (0, 100); None for the mean.
        metric: One of `infertune.load.metric_names.METRICS`: time to first token, gap between pieces, time per output
            token, end to end.
        limit: In seconds, above 0.
    """

    percentile: float | None
    metric: str
    limit: float

    def __str__(self) -> str:
        limit = f"{self.limit:g}s" if self.limit >= 1 else f"{1000 * self.limit:g}ms"
        return f"{metric_names.written(self.percentile, self.metric)}<{limit}"

    def value(self, timing: Timing) -> float:
        """Return a request's own value, in seconds; infinity for one that failed."""
        if timing.error:
            return math.inf
        if self.metric != "itl":
            return float(getattr(timing, self.metric))
        gaps = timing.itl
        if not gaps:
            return 0.0
        return float(np.mean(gaps) if self.percentile is None else np.percentile(gaps, self.percentile))

    def is_within(self, timing: Timing) -> bool:
        """Whether one request is within it."""
        return self.value(timing) <= self.limit

    def measured(self, timings: Sequence[Timing]) -> float:
        """Return the statistic over the requests that did not fail, over all their gaps together for ``itl``.

        Not a number where there is none.
        """
        values = self._values(timings)
        if not len(values):
            return math.nan
        return float(values.mean() if self.percentile is None else np.percentile(values, self.percentile))

    def verdict(self, timings: Sequence[Timing]) -> Verdict:
        """Return whether these requests held it; those that were cut say nothing."""
        known = [timing for timing in timings if timing.error != CUT]
        if self.percentile is None:
            return self._mean_verdict(known)
        share, promised = self.share(known), self.percentile / 100
        return "held" if share.low >= promised else "broken" if share.high < promised else "undecided"

    def is_kept(self, timings: Sequence[Timing]) -> bool:
        """Whether these requests as they are kept it, however few they are."""
        known = [timing for timing in timings if timing.error != CUT]
        if self.percentile is not None:
            return bool(known) and self.share(known).mean >= self.percentile / 100
        return bool(known) and not any(timing.error for timing in known) and self.measured(known) <= self.limit

    def _values(self, timings: Sequence[Timing]) -> np.ndarray:
        answered = [timing for timing in timings if not timing.error]
        if self.metric == "itl":
            return np.array([gap for timing in answered for gap in timing.itl])
        return np.array([getattr(timing, self.metric) for timing in answered])

    def _mean_verdict(self, timings: Sequence[Timing]) -> Verdict:
        if any(timing.error for timing in timings):
            return "broken"  # the mean over requests that never ended has no limit
        values = np.array([self.value(timing) for timing in timings])
        if len(values) < 2:
            return "undecided"
        half = (
            float(special.stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * values.std(ddof=1) / math.sqrt(len(values))
        )
        mean = values.mean()
        return "held" if mean + half <= self.limit else "broken" if mean - half > self.limit else "undecided"

    def share(self, timings: Sequence[Timing]) -> Share:
        """Return the share at most the limit, of requests or of gaps; a failed request is one gap above it."""
        if self.metric != "itl":
            return Share(sum(self.is_within(timing) for timing in timings), len(timings))
        if not timings:
            return Share(0, 0)
        sizes = np.array([1 if timing.error else len(timing.itl) for timing in timings], dtype=np.float64)
        within = np.array(
            [0 if t.error else sum(gap <= self.limit for gap in t.itl) for t in timings], dtype=np.float64
        )
        n_gaps, n = float(sizes.sum()), len(timings)
        if not n_gaps:  # answers of one token each keep any promise about gaps
            return Share(n, n)
        share = float(within.sum()) / n_gaps
        # The variance of a ratio estimator over requests; from it, as many independent gaps as would have the same.
        variance = float(((within - share * sizes) ** 2).sum()) / n_gaps**2 * (n / (n - 1) if n > 1 else 1)
        worth = share * (1 - share) / variance if variance > 0 else 0.0
        worth = min(max(worth, n), n_gaps) if n_gaps >= n else n_gaps
        return Share(share * worth, worth)


@dataclass(frozen=True, slots=True)
class Slo:
    """Several promises at once; a request is within when it is within each of them."""

    promises: tuple[SloTarget, ...]

    def __str__(self) -> str:
        return ", ".join(str(promise) for promise in self.promises)

    def is_within(self, timing: Timing) -> bool:
        """Whether one request kept all; without promises, whether it did not fail."""
        return not timing.error and all(promise.is_within(timing) for promise in self.promises)

    def share(self, timings: Sequence[Timing]) -> Share:
        """Return the share of requests within, of those that ended: the goodput share."""
        known = [timing for timing in timings if timing.error != CUT]
        return Share(sum(self.is_within(timing) for timing in known), len(known))

    def verdict(self, timings: Sequence[Timing], *, cut: bool = False) -> Verdict:
        """Return whether these requests held all promises.

        Args:
            timings: Of one load.
            cut: Whether it was ended early because the promise could not be kept: then it was not.
        """
        if cut:
            return "broken"
        verdicts = {promise.verdict(timings) for promise in self.promises}
        return "broken" if "broken" in verdicts else "undecided" if "undecided" in verdicts else "held"

    def is_kept(self, timings: Sequence[Timing]) -> bool:
        """Whether these requests as they are kept all promises, however few they are."""
        return all(promise.is_kept(timings) for promise in self.promises)


def parse(text: str) -> Slo:
    """Return the SLO of a text such as ``p99_ttft<300ms, p99_itl<40ms, mean_e2e<2s``.

    Raises:
        InvalidInputError: A part is no promise, a name is none, or one is promised twice.
    """
    promises = [_promise(part.strip()) for part in re.split(r"[,;\n]", text) if part.strip()]
    if not promises:
        raise InvalidInputError("an SLO must be such as p99_ttft<300ms, but there is none")
    kinds = [(promise.percentile, promise.metric) for promise in promises]
    for index, kind in enumerate(kinds):
        if kind in kinds[:index]:
            raise InvalidInputError(f"the SLO has two limits for {metric_names.written(*kind)}: give one of them")
    return Slo(tuple(promises))


def _promise(text: str) -> SloTarget:
    match = _TERM.fullmatch(text.lower())
    if match is None:
        raise InvalidInputError(f"an SLO must be such as p99_ttft<300ms or mean_e2e<2s, not '{text}'")
    percentile, metric = metric_names.read(match["name"], where=f"the SLO '{text}'")
    unit, limit = match["unit"], float(match["limit"])
    if unit not in _UNITS:
        problem = f"has no unit '{unit}'" if unit else "must say in what its limit is"
        raise InvalidInputError(f"the SLO '{text}' {problem}{nearest(unit, ('s', 'ms', 'us', 'min'))}")
    if not limit > 0:
        raise InvalidInputError(f"the limit of the SLO '{text}' must be above 0")
    return SloTarget(percentile=percentile, metric=metric, limit=limit * _UNITS[unit])
