"""What a figure over requests is called: statistic and metric, such as ``p99_ttft`` or ``mean_e2e``."""

import re

from infertune.errors import InvalidInputError, nearest

METRICS = ("ttft", "itl", "tpot", "e2e")
STATISTICS = ("mean", "p50", "p90", "p95", "p99")
NAMES = tuple(f"{statistic}_{metric}" for metric in METRICS for statistic in STATISTICS)
"""Of the figures that every load is summed up in; an SLO may have any percentile."""

_WORDS = {"mean": None, "avg": None, "median": 50.0}


def read(name: str, *, where: str) -> tuple[float | None, str]:
    """Return the percentile (None for the mean) and the metric of a name such as ``p99.9_ttft``.

    Args:
        name: See there.
        where: What a message begins with, such as ``the SLO 'p99_tft<1s'``.

    Raises:
        InvalidInputError: It is no such name.
    """
    statistic, _, metric = name.partition("_")
    number = re.fullmatch(r"p(\d+(?:\.\d+)?)", statistic)
    if metric not in METRICS or not (number or statistic in _WORDS):
        raise InvalidInputError(f"{where} has no metric '{name}'{nearest(turned(name), NAMES)}")
    if number is None:
        return _WORDS[statistic], metric
    if not 0 < float(number[1]) < 100:
        raise InvalidInputError(f"{where} must have a percentile between 0 and 100, not {statistic}")
    return float(number[1]), metric


def written(percentile: float | None, metric: str) -> str:
    """Return the name of a percentile, or of the mean for None, of a metric."""
    return f"mean_{metric}" if percentile is None else f"p{percentile:g}_{metric}"


def turned(name: str) -> str:
    """Return ``p99_ttft`` for ``ttft_p99``, as names were written once; any other text as it is."""
    metric, sign, statistic = name.partition("_")
    return f"{statistic}_{metric}" if sign and metric in METRICS else name
