"""A small picture in characters: one figure against another, such as utility against tokens per request."""

from collections.abc import Mapping, Sequence

Point = tuple[float, float]
MARKS = {"explored": "·", "front": "o", "default": "D", "recommended": "R"}  # later ones are drawn over earlier ones


def text_plot(
    series: Mapping[str, Sequence[Point]],
    *,
    width: int = 60,
    height: int = 10,
    x: str = "tokens per request",
    y: str = "utility",
) -> str:
    """Return the points as text with axes, or nothing where there are none.

    Args:
        series: For each of MARKS the points (tokens per request, utility).
        width: Of the drawing area, in characters; height likewise, in lines.
        x: What the first of a point is; ``y``: the second.
    """
    points = [point for name in MARKS for point in series.get(name, ())]
    if not points:
        return ""
    left, right = _range([across for across, _ in points])
    bottom, top = _range([up for _, up in points])
    canvas = [[" "] * width for _ in range(height)]
    for name, mark in MARKS.items():
        for across, up in series.get(name, ()):
            column = round((across - left) / (right - left) * (width - 1))
            line = round((top - up) / (top - bottom) * (height - 1))
            canvas[line][column] = mark
    labels = {0: f"{top:.2f}", height - 1: f"{bottom:.2f}"}
    lines = [f"{labels.get(number, ''):>7} |{''.join(row).rstrip()}" for number, row in enumerate(canvas)]
    ends = f"{left:.0f}", f"{right:.0f}"
    middle = x.center(width - len(ends[0]) - len(ends[1]))
    return "\n".join([y, *lines, f"{'':>7} +{'-' * width}", f"{'':>9}{ends[0]}{middle}{ends[1]}"])


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
