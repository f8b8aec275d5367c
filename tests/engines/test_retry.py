"""What a failure means and how long is waited: by the RFCs, and never for ever."""

import random
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.engines.openai.hedge import MIN_OBSERVED, Hedge
from infertune.engines.openai.retry import (
    LONGEST_WAIT_SECONDS,
    Patience,
    backoff_seconds,
    retry_after_seconds,
)
from infertune.wire.blame import blame_of_status


@pytest.mark.parametrize(
    ("status", "blame"),
    [
        (400, "request"),
        (422, "request"),
        (401, "user"),
        (403, "user"),
        (404, "user"),
        (301, "user"),
        (408, "attempt"),
        (409, "attempt"),
        (500, "attempt"),
        (599, "attempt"),
        (429, "load"),
        (503, "load"),
        (502, "endpoint"),
    ],
)
def test_whom_a_status_is_about(status: int, blame: str) -> None:
    assert blame_of_status(status) == blame


def test_retry_after_in_both_forms() -> None:
    now = 1_800_000_000.0
    assert retry_after_seconds("7") == 7.0
    assert retry_after_seconds(formatdate(now + 30, usegmt=True), now=lambda: now) == 30.0
    assert retry_after_seconds(formatdate(now - 30, usegmt=True), now=lambda: now) == 0.0
    assert retry_after_seconds(None) is None


@given(st.text(max_size=40))
def test_retry_after_may_be_anything(header: str) -> None:
    found = retry_after_seconds(header)
    assert found is None or found >= 0


@given(st.integers(1, 1000), st.none() | st.floats(0, 100), st.integers(0, 2**32))
def test_waits_are_bounded_and_never_less_than_asked(n_failed: int, asked: float | None, seed: int) -> None:
    wait = backoff_seconds(n_failed, asked=asked, rng=random.Random(seed))
    assert (asked or 0.0) <= wait <= max(LONGEST_WAIT_SECONDS, (asked or 0.0) + 1)


def test_waits_grow_and_differ() -> None:
    rng = random.Random(0)
    early = [backoff_seconds(1, asked=None, rng=rng) for _ in range(200)]
    later = [backoff_seconds(5, asked=None, rng=rng) for _ in range(200)]
    assert sum(later) > 8 * sum(early)
    assert len(set(early)) == 200


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_patience_counts_from_the_last_answer() -> None:
    clock = Clock()
    patience = Patience(60.0, clock=clock)
    patience.failed(told_to_wait=None)
    clock.now = 59.0
    patience.answered()
    patience.failed(told_to_wait=None)
    clock.now = 118.0
    assert not patience.is_over
    clock.now = 119.0
    assert patience.is_over
    assert patience.answered_since(59.0) and not patience.answered_since(60.0)


def test_a_wait_that_was_asked_for_is_not_held_against_the_endpoint() -> None:
    clock = Clock()
    patience = Patience(60.0, clock=clock)
    for _ in range(3):
        patience.failed(told_to_wait=50.0)
        clock.now += 50.0
        assert not patience.is_over
    clock.now += 60.0
    assert patience.is_over


def test_a_straggler_is_judged_by_its_limit_once_enough_is_known() -> None:
    hedge = Hedge(floor_seconds=2.0)
    for number in range(MIN_OBSERVED - 1):
        hedge.answered(1.0 + number / 1000, max_tokens=10)
    assert hedge.after_seconds(max_tokens=10) is None
    hedge.answered(1.0, max_tokens=10)
    assert hedge.after_seconds(max_tokens=10) == 2.0
    long = hedge.after_seconds(max_tokens=100)
    assert long is not None and 15.0 <= long <= 15.5


def test_few_are_hedged() -> None:
    hedge = Hedge(floor_seconds=0.0)
    for _ in range(1000):
        hedge.n_requests += 1
        if hedge.allowed:
            hedge.n_copies += 1
    assert 100 <= hedge.n_copies <= 102


def test_a_copy_is_sent_where_a_later_request_was_faster_or_few_are_under_way() -> None:
    hedge = Hedge(floor_seconds=0.0)
    hedge.n_requests = 10
    assert not any(hedge.may_overtake(number) for number in range(1, 11))  # all wait: the server is slow, or full
    hedge.n_done = 4
    assert [number for number in range(1, 11) if hedge.may_overtake(number)] == [1, 2, 3, 4]
    hedge.n_done = 8
    assert all(hedge.may_overtake(number) for number in range(1, 11))
