"""A small picture in characters: utility against tokens per request."""

from collections.abc import Mapping, Sequence

Point = tuple[float, float]
MARKS = {"explored": "·", "front": "o", "default": "D", "recommended": "R"}  # later ones are drawn over earlier ones


def text_plot(series: Mapping[str, Sequence[Point]], *, width: int = 60, height: int = 10) -> str:
    """Return the points as text with axes, or nothing where there are none.

    Args:
        series: For each of MARKS the points (tokens per request, utility).
        width: Of the drawing area, in characters; height likewise, in lines.
    """
    points = [point for name in MARKS for point in series.get(name, ())]
    if not points:
        return ""
    left, right = _range([x for x, _ in points])
    bottom, top = _range([y for _, y in points])
    canvas = [[" "] * width for _ in range(height)]
    for name, mark in MARKS.items():
        for x, y in series.get(name, ()):
            column = round((x - left) / (right - left) * (width - 1))
            line = round((top - y) / (top - bottom) * (height - 1))
            canvas[line][column] = mark
    labels = {0: f"{top:.2f}", height - 1: f"{bottom:.2f}"}
    lines = [f"{labels.get(number, ''):>7} |{''.join(row).rstrip()}" for number, row in enumerate(canvas)]
    ends = f"{left:.0f}", f"{right:.0f}"
    middle = "tokens per request".center(width - len(ends[0]) - len(ends[1]))
    return "\n".join(["utility", *lines, f"{'':>7} +{'-' * width}", f"{'':>9}{ends[0]}{middle}{ends[1]}"])


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
