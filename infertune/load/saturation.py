"""Whether a load is more than a server can take: its queue grows for as long as the load lasts.

A server that is given a share ``s`` more than it can take falls behind by ``s`` seconds in every second, so the time
to the first token grows with that slope over the time at which a request was due; that this shows over-saturation is
the idea of GuideLLM's constraint of that name. But a queue near its limit wanders far by chance, and a line drawn
through its values looks steep without being so: the values are no independent errors, their *steps* nearly are. So the
steps between the medians of twenty stretches of the load are tested for a mean above 0, by Student's t.

On simulated queues of 1, 8 and 32 places, looked at twenty times in a load of 200 requests, it ends at most 3% of
loads at or below 0.95 of what the server can take, and nearly all at twice that (`tests/load/test_saturation.py`).
"""

import itertools
import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np
from scipy import special

from infertune.load.share import Share
from infertune.load.slo import Slo
from infertune.load.timing import CUT, Timing

STRETCHES = 20
_SLOPE = 0.1  # seconds of delay per second, at least
_CONFIDENCE = 0.999  # high, for a load is looked at many times


def is_oversaturated(timings: Sequence[Timing]) -> bool:
    """Whether these requests of an open loop show that the server falls ever further behind.

    Args:
        timings: In the order of their being due. Of fewer than `STRETCHES` that did not fail nothing is said.
    """
    answered = [timing for timing in timings if not timing.error]
    if len(answered) < STRETCHES:
        return False
    ttft = _medians([timing.ttft for timing in answered])
    due = _medians([timing.due for timing in answered])
    if due[-1] <= due[0] or ttft[-1] - ttft[0] < _SLOPE * (due[-1] - due[0]):
        return False
    steps = np.diff(ttft)
    needed = float(special.stdtrit(len(steps) - 1, _CONFIDENCE))
    return float(steps.mean()) > needed * float(steps.std(ddof=1)) / math.sqrt(len(steps))


def cannot_hold(slo: Slo, timings: Sequence[Timing], n_requests: int) -> bool:
    """Whether a promise is broken already, however fast all that is still to come will be.

    Args:
        slo: Of its promises, percentiles of ``ttft``, ``tpot`` and ``e2e`` can be lost for certain.
        timings: Those that ended.
        n_requests: Of the whole load.
    """
    known = [timing for timing in timings if timing.error != CUT]
    for promise in slo.promises:
        if promise.percentile is not None and promise.metric != "itl":
            n_missed = sum(not promise.is_within(timing) for timing in known)
            if Share(n_requests - n_missed, n_requests).high < promise.percentile / 100:
                return True
    return False


def hopeless(slo: Slo, n_requests: int) -> Callable[[Sequence[Timing]], bool]:
    """Return what ends a load early: it can keep its SLO no more, or the server falls ever further behind."""
    return lambda timings: cannot_hold(slo, timings, n_requests) or is_oversaturated(timings)


def _medians(values: Sequence[float]) -> np.ndarray:
    # This is asked all the while of a load, and numpy takes ten times as long for so few numbers.
    short, n_longer = divmod(len(values), STRETCHES)
    ends = [place * short + min(place, n_longer) for place in range(STRETCHES + 1)]
    return np.array([statistics.median(values[low:high]) for low, high in itertools.pairwise(ends)])
