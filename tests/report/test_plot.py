"""The text plot fits its width, keeps to the values that can be, and puts every point where its value is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.report.plot import text_plot

UTILITIES = st.floats(min_value=0, max_value=1)
COSTS = st.floats(min_value=1, max_value=99_000)
POINTS = st.lists(st.tuples(COSTS, UTILITIES), min_size=1, max_size=20)


def labels(picture: str) -> list[float]:
    """Return the numbers beside the vertical axis, from the top down."""
    rows = [line.partition("|")[0] for line in picture.splitlines() if "|" in line]
    return [float(row.replace(",", "")) for row in rows if row.strip()]


@given(points=POINTS, width=st.integers(30, 120), height=st.integers(8, 20))
def test_it_fits_and_its_axes_keep_to_what_can_be(points: list[tuple[float, float]], width: int, height: int) -> None:
    lines = text_plot({"front": points}, width=width, height=height).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == height + 3
    ticks = labels("\n".join(lines))
    assert len(ticks) >= 2
    assert ticks == sorted(ticks, reverse=True)
    assert 0 <= ticks[-1] <= ticks[0] <= 1
    assert float(lines[-1].split()[0].replace(",", "")) >= 0


@pytest.mark.parametrize("utility", [0.0, 0.5, 0.5416, 1.0, 1 + 1e-12])
@pytest.mark.parametrize("cost", [1.0, 82.4, 4000.0])
def test_a_single_point_lies_within_round_ticks(cost: float, utility: float) -> None:
    picture = text_plot({"front": [(cost, utility)]}, height=8)
    ticks = labels(picture)
    assert 0 <= ticks[-1] <= utility <= ticks[0] + 1e-9 <= 1 + 2e-9
    assert all(round(tick * 20, 9) == round(tick * 20) for tick in ticks)
    assert picture.count("o") == 1 + "tokens per request".count("o")


def test_points_are_where_their_values_are() -> None:
    picture = text_plot({"explored": [(0, 0.0), (100, 1.0)], "front": [(50, 0.5)]}, width=30, height=5)
    rows = [line.partition("|")[2] for line in picture.splitlines() if "|" in line]
    assert rows[0].rstrip() == " " * 20 + "·"
    assert rows[2].rstrip() == " " * 10 + "o"
    assert rows[4].rstrip() == "·"
    assert labels(picture) == [1.0, 0.5, 0.0]


def test_a_later_mark_covers_an_earlier_one() -> None:
    picture = text_plot({"recommended": [(5, 0.5)], "explored": [(5, 0.5)]}, x="x", y="y")
    assert "R" in picture and "·" not in picture


def test_other_quantities_have_round_ticks_too() -> None:
    picture = text_plot({"front": [(812.0, 31.0), (12_345.0, 7.5)]}, x="tokens per second", y="per user")
    assert labels(picture)[0] == 40 and labels(picture)[-1] == 0
    assert picture.splitlines()[-1].split()[-1] == "15,000"


def test_nothing_is_drawn_of_nothing() -> None:
    assert text_plot({}) == text_plot({"front": []}) == ""
