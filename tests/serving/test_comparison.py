"""A comparison may be looked at after every turn: its bounds hold at all of them, and say how far the end is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.serving.search.comparison import MARGIN, Comparison, compared

ERROR = 0.1
PRIOR_SPREAD = math.hypot(ERROR, 0.1)  # the luck of servers comes on top


def looks(spread: float, *, n_runs: int = 400, n_turns: int = 30) -> tuple[float, float]:
    """Return how often a bound was wrong at any turn where nothing differs: in the end, and after two turns."""
    rng = np.random.default_rng(0)
    wrong, at_once = 0, 0
    for _ in range(n_runs):
        values = (spread * rng.normal(size=n_turns)).tolist()
        outside = []
        for n in range(2, n_turns + 1):
            found = compared(values[:n], [ERROR] * n)
            outside.append(found.low > 0 or found.high < 0)
        wrong += any(outside)
        at_once += outside[0]
    return wrong / n_runs, at_once / n_runs


def test_bounds_hold_at_all_turns_at_once() -> None:
    assert looks(PRIOR_SPREAD)[0] < 0.03
    assert looks(0.5 * PRIOR_SPREAD)[0] < 0.02


def test_bounds_nearly_hold_where_measurements_are_less_alike_than_they_say() -> None:
    assert looks(1.5 * PRIOR_SPREAD)[0] < 0.07
    assert looks(2 * PRIOR_SPREAD)[1] < 0.03


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
    now = Comparison(n=n, difference=difference, spread=spread)
    if now.is_better or now.is_no_better:
        return
    more = now.turns_to_decide

    def decides(turns: int) -> bool:
        then = Comparison(n=turns, difference=now.expected, spread=spread)
        return then.is_better or then.is_no_better

    assert more >= 1
    assert decides(n + more) or more + n == 10_000
    assert more == 1 or not decides(n + more - 1)


def test_unknown_is_no_figure() -> None:
    found = compared([], [])
    assert (found.n, found.low, found.high) == (0, -math.inf, math.inf)
    assert compared([0.5], [0.1]).low == pytest.approx(1.0 - compared([0.5], [0.1]).high)
