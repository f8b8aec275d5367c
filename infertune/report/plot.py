"""A small scatter plot in characters: one quantity against another, such as utility against tokens per request."""

import math
from collections.abc import Mapping, Sequence

Point = tuple[float, float]
MARKS = {"explored": "·", "front": "o", "default": "D", "recommended": "R"}  # later ones are drawn over earlier ones
WIDTH = 69
"""Columns of a plot that has room enough."""

_LABEL = 7  # columns of a label beside the vertical axis
_NARROWEST = 30
_MAX_STEPS = 4  # between the lowest and the highest point
_ALIKE = 1e-3  # difference, relative to values above 1, below which there is one value only
_ROUNDING = 1e-6


def text_plot(
    series: Mapping[str, Sequence[Point]],
    *,
    width: int = WIDTH,
    height: int = 10,
    x: str = "tokens per request",
    y: str = "utility",
) -> str:
    """Return the points as text with axes, or nothing where there are none.

    Both axes begin and end at a round value. Where all values are at least 0, or at most 1, so are the axes.

    Args:
        series: For each of MARKS the points.
        width: Columns of the whole plot, its labels included; taken as 30 where it is less.
        height: Lines of the drawing area; there are three more: the name of the vertical axis, the horizontal axis
            and its labels.
        x: Name of the first coordinate; left out where it does not fit.
        y: Name of the second.
    """
    points = [point for name in MARKS for point in series.get(name, ())]
    if not points:
        return ""
    across, up = _ticks([point[0] for point in points]), _ticks([point[1] for point in points])
    n_columns = max(width, _NARROWEST) - _LABEL - 2
    canvas = [[" "] * n_columns for _ in range(height)]
    for name, mark in MARKS.items():
        for point in series.get(name, ()):
            column = round(_share(point[0], across) * (n_columns - 1))
            canvas[_line(point[1], up, height)][column] = mark
    labels = {_line(tick, up, height): _text(tick, up) for tick in up}
    lines = [f"{labels.get(number, ''):>{_LABEL}} |{''.join(row).rstrip()}" for number, row in enumerate(canvas)]
    left, right = _text(across[0], across), _text(across[-1], across)
    room = n_columns - len(left) - len(right)
    middle = (x if len(x) + 2 <= room else "").center(room)
    return "\n".join([y, *lines, f"{'':{_LABEL}} +{'-' * n_columns}", f"{'':{_LABEL + 2}}{left}{middle}{right}"])


def _ticks(values: Sequence[float]) -> list[float]:
    """Return round values at equal steps, of which the first and the last enclose all values."""
    low, high = min(values), max(values)
    if high - low < _ALIKE * max(1.0, abs(high)):
        around = 0.1 * abs(high) if abs(high) >= _ALIKE else 1.0
        least, most = (0.0 if low >= 0 else -math.inf), (1.0 if high <= 1 + _ROUNDING else math.inf)
        low, high = max(least, low - around), min(most, high + around)
    step = _round_step((high - low) / _MAX_STEPS)
    first, last = math.floor(low / step + _ROUNDING), math.ceil(high / step - _ROUNDING)
    return [number * step for number in range(first, last + 1)]


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((m * power for m in (1, 2, 5) if m * power >= least * (1 - 1e-9)), 10 * power)


def _share(value: float, ticks: Sequence[float]) -> float:
    return min(1.0, max(0.0, (value - ticks[0]) / (ticks[-1] - ticks[0])))


def _line(value: float, ticks: Sequence[float], height: int) -> int:
    return round((1 - _share(value, ticks)) * (height - 1))


def _text(value: float, ticks: Sequence[float]) -> str:
    """Return a tick with as many decimals as its step needs."""
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return f"{value:,.{decimals}f}"
