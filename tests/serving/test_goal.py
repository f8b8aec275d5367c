"""What is sought, and what a server is worth by it: values, scores and units fit together."""

import math

import pytest
from curves import Curve, burst
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.load.arrival_load import Load
from infertune.load.slo import Slo, parse
from infertune.serving.measure.capacity import Effort
from infertune.serving.measure.figures import Count, Figures, as_json, figures, from_json, held
from infertune.serving.measure.goal import Goal, Kind
from infertune.serving.measure.score import NOT_KEPT_THERE, measure, n_requests, snapped
from infertune.testing.simulated_launcher import SimulatedLauncher

SLO = parse("p99_ttft<400ms")
NONE = Slo(())
EFFORT = Effort(most_bursts=7, tolerance=0.15)


def pressed(curve: Curve):  # type: ignore[no-untyped-def]
    def press(load: Load, n: int, turn: int) -> Figures:
        assert load.rate is not None
        return curve.press(load.rate, turn)

    return press


@settings(deadline=None)
@given(st.sampled_from(["goodput", "throughput", "cost", "latency"]), st.floats(1e-3, 1e3), st.floats(1.01, 10.0))
def test_a_score_is_a_value_and_more_is_better(kind: Kind, value: float, ratio: float) -> None:
    goal = Goal(
        kind=kind,
        slo=SLO,
        load=Load(rate=1.0) if kind == "latency" else None,
        hour_price=2.0 if kind == "cost" else None,
    )
    assert goal.value(goal.score(value)) == pytest.approx(value)
    better, worse = (value, value * ratio) if goal.less_is_better else (value * ratio, value)
    assert goal.score(better) - goal.score(worse) == pytest.approx(math.log(ratio))


def test_the_same_server_by_three_goals() -> None:
    """20 tokens an answer: so throughput is 20 times the rate, and the cost is the price of the time it takes."""
    found = {
        kind: measure(
            Goal(kind=kind, slo=SLO, hour_price=3.6),  # type: ignore[arg-type]
            pressed(Curve(10.0, sharpness=1e3)),
            seconds=10.0,
            effort=EFFORT,
            start=8.0,
        )
        for kind in ("goodput", "throughput", "cost")
    }
    rate = math.exp(found["goodput"].score or 0.0)
    assert rate == pytest.approx(10.0, rel=0.1)
    assert math.exp(found["throughput"].score or 0.0) == pytest.approx(20 * rate)
    assert math.exp(-(found["cost"].score or 0.0)) == pytest.approx(3.6 / 3600 / (20 * rate) * 1e6)
    assert all(each.low <= (each.score or 0.0) <= each.high for each in found.values())


def test_twice_the_devices_cost_twice_as_much() -> None:
    one, two = (
        measure(
            Goal(kind="cost", slo=SLO, hour_price=3.6),
            pressed(Curve(10.0, sharpness=1e3)),
            seconds=10.0,
            effort=EFFORT,
            start=8.0,
            n_devices=n,
        )
        for n in (1, 2)
    )
    assert (one.score or 0.0) - (two.score or 0.0) == pytest.approx(math.log(2))


def test_without_an_slo_everything_is_sent_at_once() -> None:
    loads = []

    def press(load: Load, n: int, turn: int) -> Figures:
        loads.append(load)
        return burst(5.0 + turn, ())

    found = measure(Goal(kind="throughput", slo=NONE), press, seconds=10.0, effort=EFFORT, start=2.0)
    assert loads == [Load(rate=math.inf)] * 2
    assert math.exp(found.score or 0.0) == pytest.approx(math.sqrt(100 * 120))
    assert found.low < (found.score or 0.0) < found.high


def test_a_latency_is_of_the_load_that_was_given() -> None:
    goal = Goal(kind="latency", slo=NONE, load=Load(concurrency=3), latency="p50_e2e")
    found = measure(goal, lambda load, n, turn: burst(1.0, ()), seconds=10.0, effort=EFFORT, start=2.0)
    assert goal.value(found.score or 0.0) == pytest.approx(1.0)


def test_an_slo_that_is_broken_there_is_no_value() -> None:
    broken = burst(1.0, (Count(within=10.0, n=40.0, needed=0.99),))
    goal = Goal(kind="latency", slo=SLO, load=Load(rate=1.0))
    found = measure(goal, lambda *_: broken, seconds=10.0, effort=EFFORT, start=2.0)
    assert (found.score, found.end) == (None, NOT_KEPT_THERE)
    assert len(found.bursts) == 1


def test_a_poor_value_needs_no_second_burst() -> None:
    goal = Goal(kind="throughput", slo=NONE)
    found = measure(goal, lambda *_: burst(1.0, ()), seconds=10.0, effort=EFFORT, start=2.0, beat=goal.score(100.0))
    assert (found.end, len(found.bursts)) == ("cannot win", 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "goodput", "slo": NONE}, "slo"),
        ({"kind": "latency", "slo": SLO}, "rate"),
        ({"kind": "goodput", "slo": SLO, "load": Load(rate=1.0)}, "searched"),
        ({"kind": "cost", "slo": SLO}, "gpu_hour_price"),
        ({"kind": "latency", "slo": SLO, "load": Load(rate=1.0), "latency": "p98_ttft"}, "p.._ttft"),
    ],
)
def test_what_is_missing_is_told(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        Goal(**wrong)  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.floats(0.01, 1e4))
def test_rates_are_those_of_a_common_grid(rate: float) -> None:
    assert abs(math.log(snapped(rate) / rate)) < 0.011
    assert snapped(snapped(rate)) == snapped(rate)
    assert n_requests(rate, 10.0) >= max(20, 10 * rate)


@pytest.mark.parametrize("load", [Load(rate=3.0), Load(concurrency=4), Load(rate=math.inf)])
def test_figures_can_be_written_down(load: Load) -> None:
    import json

    slo = parse("p99_ttft<400ms, p90_itl<60ms, mean_e2e<3s")
    server = SimulatedLauncher().start(SimulatedLauncher().space.default_configuration())
    found = figures(server.press(load, n_requests=30, seed=0), slo, 30)
    assert from_json(json.loads(json.dumps(as_json(found)))) == found
    assert found.load == load
    assert [count.needed for count in found.counts] == [0.99, 0.9, 0.5]


def test_counts_agree_with_the_promise_itself() -> None:
    """For the same timings, a share at or above what is needed is a promise that is kept."""
    slo = parse("p90_ttft<150ms, p90_itl<20ms, mean_e2e<1s")
    server = SimulatedLauncher().start(SimulatedLauncher().space.default_configuration())
    for rate in (0.2, 2.0, 6.0, 12.0):
        timings = server.press(Load(rate=rate), n_requests=60, seed=0)
        found = figures(timings, slo, 60)
        kept = [promise.is_kept(timings.timings) for promise in slo.promises]
        assert [count.within >= count.needed * count.n for count in found.counts] == kept
        assert held(found) == all(kept)


def test_what_was_cut_has_broken_its_promise() -> None:
    server = SimulatedLauncher().start(SimulatedLauncher().space.default_configuration())
    found = figures(server.press(Load(rate=50.0), n_requests=400, seed=0, hopeless=lambda _: True), SLO, 400)
    assert found.cut
    assert not held(found)
    assert all(count.within < count.needed * count.n for count in found.counts)
