"""Figures of a load, by hand and by numpy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.load.measures import measures
from infertune.load.slo import parse
from infertune.load.timing import CUT, Timing

FAILED = Timing(due=1, sent=1, chunks=(), done=9, prompt_tokens=0, completion_tokens=0, error="HTTP 500")
IN_FLIGHT = Timing(due=2, sent=2, chunks=(), done=9, prompt_tokens=0, completion_tokens=0, error=CUT)


def answered(due: float, *chunks: float, late: float = 0.0, tokens: int | None = None) -> Timing:
    return Timing(
        due=due,
        sent=due + late,
        chunks=chunks,
        done=chunks[-1] + 0.5,
        prompt_tokens=10,
        completion_tokens=len(chunks) if tokens is None else tokens,
    )


def test_by_hand() -> None:
    timings = [answered(0, 1, 2, 3), answered(1, 3, 4, late=0.25, tokens=5), FAILED, IN_FLIGHT]
    found = measures(timings, 10, slo=parse("p50_ttft<1s"))
    assert (found.n, found.n_failed, found.n_cut) == (3, 1, 1)
    assert (found.ttft.mean, found.ttft.p50, found.ttft.n) == (1.5, 1.5, 2)
    assert (found.itl.mean, found.itl.n) == (1, 3)
    assert (found.tpot.mean, found.tpot.p50) == (0.625, 0.625)  # 2 / 2 and 1 / 4
    assert found.user_rate == 1.6
    assert (found.e2e.mean, found.e2e.n) == (3.5, 2)
    assert (found.request_rate, found.input_rate, found.output_rate) == (0.2, 2, 0.8)
    assert (found.within.successes, found.within.n, found.goodput) == (1, 3, 0.1)  # due to a first token after 1 s
    assert found.lateness == pytest.approx(0.2125)


def test_without_a_promise_all_that_was_answered_is_within() -> None:
    found = measures([answered(0, 1), FAILED], 2)
    assert found.verdict is None
    assert (found.goodput, found.within.n) == (0.5, 2)
    assert math.isnan(found.itl.p99)
    assert math.isnan(found.user_rate)


def test_when_all_failed_nothing_is_timed() -> None:
    found = measures([FAILED], 2, slo=parse("p99_ttft<1s"))
    assert math.isnan(found.ttft.mean)
    assert (found.request_rate, found.goodput, found.n_failed) == (0, 0, 1)


@given(
    st.lists(
        st.tuples(st.floats(0, 9), st.lists(st.floats(0.001, 3), min_size=1, max_size=5)), min_size=1, max_size=20
    )
)
def test_percentiles_are_numpys(rows: list[tuple[float, list[float]]]) -> None:
    timings = [answered(due, *(due + np.cumsum(gaps)).tolist()) for due, gaps in rows]
    found = measures(timings, 10)
    values = [timing.ttft for timing in timings]
    assert found.ttft.p90 == pytest.approx(np.percentile(values, 90))
    gaps = [gap for timing in timings for gap in timing.itl]
    if gaps:
        assert found.itl.p99 == pytest.approx(np.percentile(gaps, 99))
        assert found.itl.n == len(gaps)
