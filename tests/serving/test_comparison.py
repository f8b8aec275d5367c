"""A comparison may be looked at after every turn: its bounds hold at all of them, and say how far the end is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.serving.search.comparison import MARGIN, ServingComparison, compared, half_width

ERROR = 0.1
PRIOR_SPREAD = math.hypot(ERROR, 0.1)  # the luck of servers comes on top


def wrong(spread: float, *, n_runs: int = 500, n_turns: int = 40) -> float:
    """Return how often something is clearly better at any number of turns where nothing differs."""
    rng = np.random.default_rng(0)
    values = spread * rng.normal(size=(n_runs, n_turns))
    return sum(compared(row, [ERROR] * n_turns).is_better for row in values) / n_runs


@pytest.mark.parametrize("times", [0.5, 1.0, 1.5, 2.0])
def test_nothing_is_clear_by_luck_at_any_number_of_turns(times: float) -> None:
    """Nor where measurements are less alike than they say of themselves, up to half as much."""
    assert wrong(times * PRIOR_SPREAD) < 0.05 + 0.01


def test_a_large_difference_is_clear_after_two_turns_and_never_after_one() -> None:
    assert compared([1.1, 1.0], [ERROR, ERROR]).is_better
    assert not compared([3.0], [ERROR]).is_better
    assert compared([-1.1, -1.0], [ERROR, ERROR]).is_no_better
    assert not compared([], []).is_better
    assert not compared([], []).is_no_better


def test_what_is_equal_is_shown_to_be_within_the_margin_in_the_end() -> None:
    few, many = compared([0.01, -0.01] * 2, [0.01] * 4), compared([0.01, -0.01] * 40, [0.01] * 80)
    assert not few.is_no_better
    assert many.is_no_better
    assert not many.is_better


def test_a_difference_beyond_the_margin_is_never_within_it() -> None:
    found = compared([2 * MARGIN] * 60, [0.01] * 60)
    assert found.is_better
    assert not found.is_no_better


@settings(deadline=None)
@given(st.integers(2, 20), st.floats(-0.5, 0.5), st.floats(0.02, 0.4))
def test_the_foreseen_number_of_turns_is_the_least_that_would_decide(n: int, difference: float, spread: float) -> None:
    now = ServingComparison(n=n, difference=difference, spread=spread, low=-math.inf, high=math.inf)
    more = now.turns_to_decide

    def decides(turns: int) -> bool:
        half = half_width(turns, spread)
        return now.expected - half > 0 or now.expected + half < math.log1p(MARGIN)

    assert more >= 1
    assert decides(n + more) or more + n == 10_000
    assert more == 1 or not decides(n + more - 1)


def test_what_was_shown_stays_shown() -> None:
    """After three turns it is clear; a fourth that says little makes it no less so."""
    clear, later = [1.0, 1.1, 1.05], [1.0, 1.1, 1.05, 0.0]
    assert compared(clear, [ERROR] * 3).is_better
    assert compared(later, [ERROR] * 4).low == compared(clear, [ERROR] * 3).low
    assert compared(later, [ERROR] * 4).difference < 1.0


def test_turns_that_contradict_each_other_show_only_what_they_do_together() -> None:
    found = compared([1.0] * 20 + [-3.0] * 20, [0.01] * 40)
    assert found.low < found.difference < found.high
    assert not found.is_better


def test_unknown_is_no_figure() -> None:
    found = compared([], [])
    assert (found.n, found.low, found.high) == (0, -math.inf, math.inf)
    assert compared([0.5], [0.1]).low == pytest.approx(1.0 - compared([0.5], [0.1]).high)
