"""Whether a load is more than a server can take: its queue grows for as long as the load lasts.

A server that gets a share ``s`` more than it can take falls behind by ``s`` seconds in every second, so the time to
the first token grows with slope ``s`` over the time at which a request was due. The slope that is estimated is Theil's
and Sen's, the median of the slopes of all pairs, which a few slow requests do not move. (That growth over a run shows
over-saturation is the idea of GuideLLM's constraint of that name.)

A queue near its limit wanders, so its slope over a short while is often far from 0 by chance, and no test made for
independent values holds. The rule is therefore calibrated on queues: see `tests/load/test_saturation.py`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from infertune.load.slo import Slo
from infertune.load.timing import CUT, Timing

FEWEST = 20  # requests that are looked at
_SLOPE = 0.1  # seconds of delay per second; the lower bound of the slope must be above it
_CONFIDENCE = 0.99
_GROWTH = 5.0  # times the delay of the first tenth must be exceeded by the last tenth's
_MOST_LOOKED_AT = 400  # of all pairs of more, the slopes would take too long


def slope(timings: Sequence[Timing]) -> tuple[float, float, float]:
    """Return how fast the time to first token grows, in seconds per second, with its interval at 99%.

    Args:
        timings: Two or more, in the order of their being due; those that failed are left out.
    """
    answered = _thinned([timing for timing in timings if not timing.error])
    due, ttft = np.array([each.due for each in answered]), np.array([each.ttft for each in answered])
    found = stats.theilslopes(ttft, due, alpha=_CONFIDENCE)
    return float(found.slope), float(found.low_slope), float(found.high_slope)


def is_oversaturated(timings: Sequence[Timing]) -> bool:
    """Whether these requests of an open loop show that the server falls ever further behind."""
    answered = [timing for timing in timings if not timing.error]
    if len(answered) < FEWEST or answered[-1].due <= answered[0].due:
        return False
    tenth = max(3, len(answered) // 10)
    first, last = (float(np.median([each.ttft for each in part])) for part in (answered[:tenth], answered[-tenth:]))
    if last < _GROWTH * first:
        return False
    return slope(answered)[1] > _SLOPE


def cannot_hold(slo: Slo, timings: Sequence[Timing], n_requests: int) -> bool:
    """Whether a percentile is missed already, however fast all that is still to come will be.

    Args:
        slo: Of its promises, percentiles of ``ttft``, ``tpot`` and ``e2e`` can be lost for certain.
        timings: Those that ended.
        n_requests: Of the whole load.
    """
    known = [timing for timing in timings if timing.error != CUT]
    for promise in slo.promises:
        if promise.percentile is None or promise.metric == "itl":
            continue
        n_missed = sum(not promise.is_within(timing) for timing in known)
        if n_missed > (1 - promise.percentile / 100) * n_requests + 1:  # one more, for percentiles lie between values
            return True
    return False


def hopeless(slo: Slo, n_requests: int) -> Callable[[Sequence[Timing]], bool]:
    """Return what ends a load early: it can keep its promise no more, or the server falls ever further behind."""
    return lambda timings: cannot_hold(slo, timings, n_requests) or is_oversaturated(timings)


def _thinned(timings: Sequence[Timing]) -> Sequence[Timing]:
    every = -(-len(timings) // _MOST_LOOKED_AT)
    return timings[::every] if every > 1 else timings
