"""The search for the highest load: near the truth, with few bursts, and honest about what it could not see."""

import math

import numpy as np
import pytest
from curves import Curve, burst
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from infertune.load.arrival_load import Load
from infertune.load.saturation import hopeless
from infertune.load.slo import parse
from infertune.serving.measure.capacity import Effort, capacity, n_kept, n_reaching
from infertune.serving.measure.figures import Count, Figures, figures
from infertune.testing.simulated_launcher import SimulatedLauncher

EFFORT = Effort(most_bursts=8, tolerance=0.15)
SLO = parse("p99_ttft<400ms, p99_itl<60ms")


@settings(max_examples=25, deadline=None)
@given(
    true=st.floats(0.3, 60.0), guess=st.floats(0.2, 5.0), sharpness=st.floats(20.0, 200.0), seed=st.integers(0, 999)
)
def test_it_comes_near_the_truth_wherever_it_begins(true: float, guess: float, sharpness: float, seed: int) -> None:
    """A wrong answer of a burst near the limit moves it a little; a bracket that does not hold the truth would not."""
    curve = Curve(true, sharpness=sharpness, seed=seed)
    found = capacity(
        curve.press,
        start=true * guess,
        lowest=0.01,
        highest=1000.0,
        effort=Effort(most_bursts=12, tolerance=0.15),
        seed=seed,
    )
    assert abs(math.log(found.value / true)) < 0.3
    assert found.low <= found.value <= found.high
    assert len(found.bursts) <= 12


def test_errors_fall_with_the_bursts() -> None:
    """The table of error against bursts that docs/tune-serving.md speaks of, on fifteen curves."""

    def error(most: int) -> float:
        errors = []
        for seed in range(15):
            curve = Curve(8.0, sharpness=60.0, seed=seed)
            found = capacity(
                curve.press, start=3.0, lowest=0.01, highest=1000.0, effort=Effort(most_bursts=most, tolerance=0.02)
            )
            errors.append(abs(math.log((found.value or 0.01) / 8.0)))
        return float(np.mean(errors))

    few, more, many = error(3), error(6), error(10)
    assert few > more > many
    assert many < 0.05


def test_a_step_is_found_with_as_many_bursts_as_a_bisection_takes() -> None:
    """Without noise every burst must take its share off the bracket."""
    curve = Curve(10.0, sharpness=1e4)
    found = capacity(curve.press, start=10.0, lowest=0.01, highest=1000.0, effort=EFFORT)
    assert found.end == "found"
    assert len(found.bursts) <= 6
    assert found.low <= 10.0 * 1.08
    assert found.high >= 10.0 / 1.08


def test_the_lowest_load_may_be_too_much() -> None:
    found = capacity(Curve(0.001).press, start=2.0, lowest=0.5, highest=9.0, effort=EFFORT)
    assert (found.value, found.end) == (0.0, "never held")
    assert min(each.level for each in found.bursts) == 0.5


def test_the_highest_load_may_be_too_little() -> None:
    found = capacity(Curve(1e6).press, start=2.0, lowest=0.5, highest=9.0, effort=EFFORT)
    assert (found.value, found.high, found.end) == (9.0, math.inf, "always held")


def test_what_cannot_win_is_not_measured_to_the_end() -> None:
    curve = Curve(4.0, sharpness=1e3)
    whole = capacity(curve.press, start=20.0, lowest=0.1, highest=1000.0, effort=EFFORT)
    curve = Curve(4.0, sharpness=1e3)
    short = capacity(curve.press, start=20.0, lowest=0.1, highest=1000.0, effort=EFFORT, beat=30.0)
    assert short.end == "cannot win"
    assert len(short.bursts) == 1 < len(whole.bursts)
    assert 0 < short.value < 20.0  # no more than the load that it broke at, and not nothing


def test_what_can_win_is_measured_on() -> None:
    found = capacity(Curve(20.0, sharpness=1e3).press, start=8.0, lowest=0.1, highest=1e3, effort=EFFORT, beat=15.0)
    assert found.end == "found"
    assert found.value == pytest.approx(20.0, rel=0.1)


def test_a_budget_that_ends_leaves_what_is_known() -> None:
    curve = Curve(8.0)
    left = iter([True, True, False])
    found = capacity(
        lambda level, turn: curve.press(level, turn) if next(left) else None,
        start=2.0,
        lowest=0.1,
        highest=1e3,
        effort=EFFORT,
    )
    assert (found.end, len(found.bursts)) == ("no budget", 2)
    assert found.value == 3.0  # 2 and 3 were held, nothing was broken


def test_of_several_promises_the_first_to_break_decides() -> None:
    slow, fast = Curve(5.0, sharpness=1e3), Curve(50.0, sharpness=1e3)

    def press(level: float, turn: int) -> Figures:
        one, two = slow.press(level, turn), fast.press(level, turn)
        return burst(level, (*two.counts, *one.counts))

    found = capacity(press, start=20.0, lowest=0.1, highest=1e3, effort=EFFORT)
    assert found.value == pytest.approx(5.0, rel=0.15)


def test_draws_are_monotone_and_follow_the_counts() -> None:
    """Against a brute force of draws without pooling, where no draw violates the order."""
    rng = np.random.default_rng(0)
    bursts = [burst(level, (Count(within=w, n=400.0, needed=0.9),)) for level, w in ((1.0, 399.0), (2.0, 5.0))]
    assert set(n_kept(bursts, [1.0, 2.0], rng)) == {1}
    near = [burst(1.0, (Count(within=36.0, n=40.0, needed=0.9),))]
    share = float((n_kept(near, [1.0], rng) == 1).mean())
    exact = float((np.random.default_rng(1).beta(36.9, 4.1, 100_000) >= 0.9).mean())
    assert share == pytest.approx(exact, abs=0.1)


@settings(deadline=None)
@given(st.integers(1, 9), st.floats(0.05, 0.95), st.integers(0, 9999))
def test_reaching_is_what_the_isotonic_regression_says(n: int, needed: float, seed: int) -> None:
    """Against scipy's pool-adjacent-violators, curve by curve."""
    rng = np.random.default_rng(seed)
    curves, weights = rng.random((20, n)), rng.uniform(0.1, 50.0, n)
    pooled = [optimize.isotonic_regression(curve, weights=weights, increasing=False).x for curve in curves]
    assert list(n_reaching(curves, weights, needed)) == [int((curve >= needed).sum()) for curve in pooled]


def test_a_violated_order_is_pooled() -> None:
    """A lucky burst above an unlucky one is evidence for it, and does not make a second crossing."""
    rng = np.random.default_rng(0)
    odd = [
        burst(1.0, (Count(within=36.0, n=40.0, needed=0.99),)),
        burst(2.0, (Count(within=40.0, n=40.0, needed=0.99),)),
    ]
    kept = n_kept(odd, [1.0, 2.0], rng)
    alone = n_kept(odd[:1], [1.0], rng)
    assert set(kept) <= {0, 1, 2}
    assert (kept >= 1).mean() >= (alone >= 1).mean()


def test_near_the_truth_of_a_simulated_server() -> None:
    """Bursts of 30 s; shorter ones see no queue grow and say more than the truth."""
    errors = []
    for seed in range(3):
        launcher = SimulatedLauncher(seed=seed)
        configuration = launcher.space.default_configuration()
        server = launcher.start(configuration)

        def press(level: float, turn: int, server=server) -> Figures:  # type: ignore[no-untyped-def]
            n = max(20, int(level * 30))
            pressed = server.press(Load(rate=level), n_requests=n, seed=1 + turn, hopeless=hopeless(SLO, n))
            return figures(pressed, SLO, n)

        found = capacity(press, start=6.0, lowest=0.05, highest=1000.0, effort=EFFORT)
        errors.append(math.log(found.value / launcher.truth(configuration, SLO, n_requests=400)))
    assert max(map(abs, errors)) < 0.25
