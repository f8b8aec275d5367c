"""Arrivals of an open loop: their rate is what was asked for, their variation too, and a seed gives them again."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import InvalidInputError
from infertune.load.arrival_load import Load
from infertune.load.arrivals import due_times, own_rate

rates = st.floats(0.01, 1000)
seeds = st.integers(0, 2**32)


@given(rates, st.floats(0, 9), st.integers(2, 50), seeds)
def test_the_rate_is_exact_and_times_rise_from_the_first(rate: float, burstiness: float, n: int, seed: int) -> None:
    due = due_times(Load(rate=rate, burstiness=burstiness), n, seed=seed)
    assert due.shape == (n,)
    assert due[0] == 0
    assert (np.diff(due) >= 0).all()
    assert (n - 1) / due[-1] == pytest.approx(rate)


@given(rates, rates, st.floats(0.1, 4), seeds)
def test_a_seed_gives_the_same_gaps_at_every_rate(rate: float, other: float, burstiness: float, seed: int) -> None:
    one, two = (due_times(Load(rate=each, burstiness=burstiness), 20, seed=seed) for each in (rate, other))
    assert one * rate == pytest.approx(two * other)


def test_seeds_differ() -> None:
    assert (due_times(Load(rate=1), 20, seed=1) != due_times(Load(rate=1), 20, seed=2)).any()


@pytest.mark.parametrize("burstiness", [0.25, 1.0, 4.0])
def test_gaps_vary_as_asked(burstiness: float) -> None:
    """Over 20 000 gaps the squared coefficient of variation is known within some 5%; the seed is fixed."""
    gaps = np.diff(due_times(Load(rate=3, burstiness=burstiness), 20_001, seed=5))
    assert gaps.var() / gaps.mean() ** 2 == pytest.approx(burstiness, rel=0.1)


def test_poisson_gaps_are_exponential() -> None:
    """Of an exponential distribution, exp(-1) lies above the mean; 20 000 gaps show that within 0.012 (3.5 sigma)."""
    gaps = np.diff(due_times(Load(rate=3), 20_001, seed=5))
    assert (gaps > 1 / 3).mean() == pytest.approx(math.exp(-1), abs=0.012)


def test_constant_and_all_at_once() -> None:
    assert due_times(Load(rate=4, burstiness=0), 5, seed=0) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert due_times(Load(rate=math.inf), 3, seed=0).tolist() == [0, 0, 0]
    assert due_times(Load(rate=4), 1, seed=0).tolist() == [0]


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=30), rates)
def test_a_trace_keeps_its_shape_and_takes_the_rate(times: list[float], rate: float) -> None:
    trace = sorted(times)
    due = due_times(Load(rate=rate), len(trace), seed=0, trace=trace)
    span = trace[-1] - trace[0]
    if span > 1e-6:
        assert (len(trace) - 1) / due[-1] == pytest.approx(rate)
        assert due / due[-1] == pytest.approx((np.array(trace) - trace[0]) / span, abs=1e-6)
        assert own_rate(trace) == pytest.approx((len(trace) - 1) / span)


def test_a_trace_at_its_own_rate_is_itself() -> None:
    trace = [3.0, 3.5, 7.0]
    assert due_times(Load(rate=own_rate(trace)), 3, seed=0, trace=trace) == pytest.approx([0, 0.5, 4])


def test_what_cannot_be() -> None:
    with pytest.raises(InvalidInputError, match="rise"):
        due_times(Load(rate=1), 2, seed=0, trace=[2, 1])
    with pytest.raises(InvalidInputError, match="open loop"):
        due_times(Load(concurrency=1), 2, seed=0)
