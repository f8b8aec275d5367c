"""The budget: two rounds are always kept for what is best, and a larger budget never has fewer of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.serving.search.split import SEARCH_SHARE, Split


def split(budget: float, *, start: float = 5.0, burst: float = 5.0) -> Split:
    return Split(budget=budget, burst_seconds=burst, usual_burst=burst, start_seconds=start)


def rounds(budget: float, searched: float, *, start: float = 5.0, n_members: int = 2) -> list[float]:
    """Return the seconds of the rounds of the finals, each as long as it may be."""
    made: list[float] = []
    spent = searched
    while room := split(budget, start=start).round_room(
        spent, searched, len(made), n_members, n_lacking=max(2 - len(made), 0)
    ):
        made.append(room)
        spent += room
    return made


@given(st.floats(0.0, 120.0), st.floats(1.0, 30.0))
def test_the_smallest_budget_has_room_for_all_that_must_be(start: float, burst: float) -> None:
    least = Split(budget=1.0, burst_seconds=burst, usual_burst=burst, start_seconds=start).least_budget(
        0.0, has_default=False
    )
    made = split(least + 1e-6, start=start, burst=burst)
    assert 0.3 * made.budget >= made.server
    other = made.trial_room(0.3 * made.budget, 0.3 * made.budget, 2, is_free=True)
    assert other >= made.server
    spent = 0.3 * made.budget + other
    first = made.round_room(spent, spent, 0, 2, n_lacking=2)
    assert first >= 2 * made.final_server - 1e-6
    overshoot = 0.5 * burst
    assert made.round_room(spent + first + overshoot, spent, 1, 2, n_lacking=1) >= 2 * made.server


@pytest.mark.parametrize("start", [0.5, 5.0, 30.0])
def test_a_larger_budget_never_has_fewer_rounds(start: float) -> None:
    """Whatever the search left over of its share: up to what a server needs at least."""
    most_before = 0
    for budget in range(int(40 * (start + 10)), 4000, 37):
        left_over = [0.0, 0.5, 0.99]
        numbers = [len(rounds(budget, SEARCH_SHARE * budget - part * (start + 10), start=start)) for part in left_over]
        assert min(numbers) >= most_before
        most_before = max(numbers)


@pytest.mark.parametrize("budget", [200.0, 333.0, 1000.0, 5000.0])
def test_rounds_take_all_that_is_left(budget: float) -> None:
    made = rounds(budget, SEARCH_SHARE * budget)
    assert len(made) >= 2
    assert sum(made) == pytest.approx((1 - SEARCH_SHARE) * budget)
    assert min(made) >= 2 * split(budget).final_server - 1e-6


def test_an_early_end_of_the_search_makes_more_rounds() -> None:
    assert len(rounds(2000.0, 100.0)) > len(rounds(2000.0, SEARCH_SHARE * 2000.0))


@pytest.mark.parametrize("searching", [True, False])
@given(st.integers(1, 30), st.integers(2, 12))
def test_the_budget_that_would_decide_has_room_for_the_rounds(searching: bool, n_more: int, n_rounds: int) -> None:
    spent = 2 * n_rounds * 45.0
    searched = SEARCH_SHARE / (1 - SEARCH_SHARE) * spent
    before = split(spent + searched)
    budget = before.to_decide(
        n_more, spent=spent + searched, searched=searched, n_rounds=n_rounds, n_members=2, searching=searching
    )
    assert budget > before.budget
    now, n = split(budget + 1e-6), 0
    used = max(searched, SEARCH_SHARE * budget) if searching else searched
    total = used + spent
    while room := now.round_room(total, used, n_rounds + n, 2, n_lacking=0):
        total, n = total + room, n + 1
    assert n >= n_more


def test_trials_leave_the_two_rounds_their_room() -> None:
    made = split(300.0)
    assert made.trial_room(100.0, 100.0, 2, is_free=False) == pytest.approx(80.0)
    assert made.trial_room(100.0, 100.0, 2, is_free=True) == pytest.approx(200.0 - 4 * made.final_server)
    assert made.trial_room(250.0, 100.0, 2, is_free=True) < 0
