"""Bounds by betting: what they promise, by brute force and by simulation at every time at once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.statistics.confidence_sequence import log_capital, lower_bounds, upper_bounds

SCORES = st.lists(st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1)), min_size=1, max_size=40)
RISKS = st.sampled_from([0.2, 0.05, 0.05 / 840])


def capital_by_hand(values: list[float], mean: float, risk: float, n_planned: int) -> list[float]:
    """Return the capital after each example: the definition, word by word."""
    seen, squares, capital, owned = [0.5], [0.25], 1.0, []
    for value in values:
        spread = sum(squares) / len(squares)
        bet = min(math.sqrt(2 * math.log(1 / risk) / (n_planned * spread)), 0.9 / (1 - mean))
        capital *= 1 + bet * (mean - value)
        owned.append(capital)
        seen.append(value)
        squares.append((value - sum(seen) / len(seen)) ** 2)
    return owned


@given(SCORES, RISKS, st.floats(0, 0.999), st.integers(1, 80))
def test_the_capital_is_what_the_bets_win(values: list[float], risk: float, mean: float, n_planned: int) -> None:
    expected = capital_by_hand(values, mean, risk, n_planned)
    assert log_capital(np.array([values]), mean, risk=risk, n_planned=n_planned)[0] == pytest.approx(
        np.log(expected), abs=1e-8
    )


@given(SCORES, RISKS)
def test_exactly_the_values_whose_doubter_got_rich_are_ruled_out(values: list[float], risk: float) -> None:
    n = len(values)
    bound = float(upper_bounds(np.array([values]), risk=risk, n_planned=n)[0])
    for mean in np.linspace(0, 0.999, 60):
        rich = max(capital_by_hand(values, float(mean), risk, n)) >= 1 / risk
        if abs(mean - bound) > 1e-6:
            assert rich == (mean > bound)


@given(SCORES, RISKS)
def test_a_bound_is_no_less_than_nothing_and_no_more_than_everything(values: list[float], risk: float) -> None:
    row = np.array([values])
    low, high = (float(f(row, risk=risk, n_planned=len(values))[0]) for f in (lower_bounds, upper_bounds))
    assert 0 <= low < 1  # low may lie above high, where the examples changed on the way: both have ruled all out
    assert 0 < high <= 1


@given(SCORES, RISKS)
def test_differences_are_scores_on_a_wider_scale(values: list[float], risk: float) -> None:
    row = np.array([values])
    plain = upper_bounds(row, risk=risk, n_planned=9)
    wide = upper_bounds(2 * row - 1, risk=risk, n_planned=9, lowest=-1.0)
    assert wide == pytest.approx(2 * plain - 1, abs=1e-6)


@given(SCORES, st.integers(0, 40))
def test_more_examples_and_more_risk_only_tighten(values: list[float], n_first: int) -> None:
    row = np.array([values])
    whole = upper_bounds(row, risk=0.05, n_planned=40)
    assert whole <= upper_bounds(row[:, :n_first], risk=0.05, n_planned=40)


def test_rows_do_not_know_of_each_other() -> None:
    rows = np.random.default_rng(0).random((7, 30))
    together = upper_bounds(rows, risk=0.01, n_planned=30)
    assert [float(upper_bounds(row[None], risk=0.01, n_planned=30)[0]) for row in rows] == together.tolist()


def test_no_examples_rule_nothing_out() -> None:
    assert upper_bounds(np.empty((2, 0)), risk=0.05, n_planned=5).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["rare", "even", "graded", "differences", "dependent"])
@pytest.mark.parametrize("risk", [0.05, 0.2])
def test_at_no_time_does_the_mean_leave_more_often_than_the_risk(name: str, risk: float) -> None:
    """3,000 streams of 400 examples; bets made for 60, so that most of the stream is beyond the plan."""
    rng = np.random.default_rng(5)
    shape = (3000, 400)
    mean = {"rare": 0.97, "even": 0.5, "graded": 2 / 3, "differences": 0.45, "dependent": 0.5}[name]
    if name == "graded":
        values = rng.beta(2, 1, shape)
    elif name == "differences":
        values = (1 + rng.choice([-1, 0, 1], p=[0.15, 0.8, 0.05], size=shape)) / 2
    elif name == "dependent":  # the spread follows the past, the mean does not
        signs = rng.choice([-1.0, 1.0], size=shape)
        values = 0.5 + 0.5 * signs * np.where(np.roll(signs, 1, axis=1) > 0, 1.0, 0.1)
    else:
        values = (rng.random(shape) < mean).astype(np.float64)
    left = (log_capital(values, mean, risk=risk, n_planned=60).max(axis=1) >= -math.log(risk)).sum()
    # Three standard errors: a valid bound fails here once in some 700 seeds, and the seed is fixed.
    assert left <= len(values) * risk + 3 * math.sqrt(len(values) * risk * (1 - risk))


def test_the_bound_is_about_as_tight_as_the_spread_allows() -> None:
    """Beside the normal approximation at the same risk: no more than 40% wider with 200 examples."""
    rng = np.random.default_rng(6)
    values = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=(200, 200))
    width = (upper_bounds(values, risk=0.001, n_planned=200, lowest=-1.0) - values.mean(axis=1)).mean()
    assert 0 < width < 1.4 * 3.09 * math.sqrt(0.2 / 200)


@pytest.mark.parametrize(
    ("values", "risk", "n_planned"),
    [
        ([[0.5, 1.1]], 0.05, 2),
        ([0.5, 0.5], 0.05, 2),
        ([[float("nan")]], 0.05, 1),
        ([[0.5]], 1.0, 1),
        ([[0.5]], 0.1, 0),
    ],
)
def test_what_has_no_meaning_is_refused(values: list[object], risk: float, n_planned: int) -> None:
    with pytest.raises(ValueError, match="must"):
        upper_bounds(np.array(values), risk=risk, n_planned=n_planned)
