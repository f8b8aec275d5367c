"""When the requests of an open loop are due."""

from collections.abc import Sequence

import numpy as np

from infertune.errors import InvalidInputError
from infertune.load.arrival_load import Load
from infertune.types.arrays import FloatArray

_CONSTANT = 1e-12  # a burstiness below it makes equal gaps, and overflows in the gamma distribution


def due_times(load: Load, n: int, *, seed: int, trace: Sequence[float] | None = None) -> FloatArray:
    """Return when each request is due, in seconds from the first one, rising; shape ``[n]``.

    The gaps between arrivals are gamma distributed with mean ``1 / rate`` and squared coefficient of variation
    ``burstiness`` (exponential at 1: a Poisson process), then scaled together so that their mean is exactly
    ``1 / rate``: a short burst has the rate that was asked for. A seed gives the same gaps at every rate, scaled.

    Args:
        load: An open loop.
        n: How many, at least 1.
        seed: Of the gaps.
        trace: When the requests came in a trace, rising, shape ``[n]``: these times are taken instead of gamma gaps,
            and scaled to the rate in the same way.

    Raises:
        InvalidInputError: The load is a closed loop, or the trace's times do not rise.
    """
    if load.rate is None:
        raise InvalidInputError("only an open loop has times at which its requests are due")
    if np.isinf(load.rate):
        return np.zeros(n)
    if trace is not None:
        gaps = np.diff(np.asarray(trace, dtype=np.float64))
        if (gaps < 0).any():
            raise InvalidInputError("the arrival times of a trace must rise")
    elif load.burstiness < _CONSTANT:
        gaps = np.ones(n - 1)
    else:
        gaps = np.random.default_rng(seed).gamma(1 / load.burstiness, load.burstiness, size=n - 1)
    total = float(gaps.sum())
    if total > 0:
        gaps = gaps * ((n - 1) / load.rate / total)
    return np.concatenate([[0.0], np.cumsum(gaps)])


def own_rate(arrivals: Sequence[float]) -> float:
    """Return the mean rate of a trace, in requests per second; infinity where all came at once."""
    span = arrivals[-1] - arrivals[0] if arrivals else 0.0
    return (len(arrivals) - 1) / span if span > 0 else float("inf")
