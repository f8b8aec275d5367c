"""The finals: in turns, in changing order, and a winner only where the ranges are apart."""

import math

import numpy as np
import pytest

from infertune.configuration import Configuration
from infertune.engines.vllm.failures import ServerFailure
from infertune.serving.measure.worth import Measured
from infertune.serving.search.finals import MOST_TURNS, Finalist, in_turns, order, student, verdict

A, B, C = (Configuration({"engine.a": number}) for number in range(3))
CRASH = ServerFailure(kind="crash", line="boom", exit_code=1)


def measured(score: float | None) -> Measured:
    value = score or 0.0
    return Measured(score=score, low=value - 0.1, high=value + 0.1, rate=1.0, bursts=(), end="found")


def finalist(configuration: Configuration, *scores: float | None) -> Finalist:
    return Finalist(configuration=configuration, turns=tuple(measured(score) for score in scores))


def test_everyone_is_first_once_before_anyone_is_twice() -> None:
    for n in (2, 3, 4):
        orders = [order(n, turn) for turn in range(2 * n)]
        assert all(sorted(each) == list(range(n)) for each in orders)
        if n > 2:
            assert len({tuple(each) for each in orders[:n]}) == n


def test_turns_are_taken_while_there_is_room() -> None:
    asked: list[tuple[Configuration, int]] = []

    def one(configuration: Configuration, turn: int) -> Measured:
        asked.append((configuration, turn))
        return measured(1.0)

    found = in_turns([A, B], one, has_room=lambda n: len(asked) < 6)
    assert [len(each.turns) for each in found] == [3, 3]
    assert {turn for _, turn in asked} == {0, 1, 2}
    asked.clear()
    assert [len(each.turns) for each in in_turns([A, B], one, has_room=lambda n: True)] == [MOST_TURNS] * 2


def test_a_turn_that_the_budget_cut_counts_for_nobody() -> None:
    left = iter([1.0, 2.0, 3.0, None])

    def one(configuration: Configuration, turn: int) -> Measured | None:
        score = next(left)
        return None if score is None else measured(score)

    assert [len(each.turns) for each in in_turns([A, B], one, has_room=lambda n: True)] == [1, 1]


def test_a_failure_is_out_with_its_cause_and_the_others_go_on() -> None:
    def one(configuration: Configuration, turn: int) -> Measured | ServerFailure:
        return CRASH if configuration == B and turn == 1 else measured(5.0 if configuration == B else 1.0)

    found = in_turns([A, B], one, has_room=lambda n: True)
    assert found[1].failure == CRASH
    assert found[1].mean == -math.inf
    result = verdict(found, A)
    assert result.winner is not None
    assert result.winner.configuration == A


def test_ranges_apart_are_a_clear_winner() -> None:
    result = verdict([finalist(A, 1.0, 1.02, 0.99), finalist(B, 1.5, 1.52, 1.48)], A)
    assert result.winner is not None
    assert result.winner.configuration == B
    assert result.is_clear
    assert result.difference == pytest.approx(0.497, abs=0.01)
    assert 0 < result.low < result.difference < result.high
    assert not result.rivals


@pytest.mark.parametrize(
    ("default", "other"), [((1.0, 1.2, 0.9), (1.1, 1.3, 1.0)), ((1.0, 1.5), (1.1, 1.6)), ((1.0,), (2.0,))]
)
def test_overlapping_ranges_or_too_few_turns_are_none(default: tuple[float, ...], other: tuple[float, ...]) -> None:
    result = verdict([finalist(A, *default), finalist(B, *other)], A)
    assert result.winner is not None
    assert result.winner.configuration == B
    assert not result.is_clear
    assert len(result.rivals) == 1


def test_the_default_may_win() -> None:
    result = verdict([finalist(A, 2.0, 2.1), finalist(B, 1.0, 1.1)], A)
    assert result.winner is not None
    assert result.winner.configuration == A
    assert not result.is_clear


def test_a_promise_broken_once_in_the_finals_is_out() -> None:
    result = verdict([finalist(A, 1.0, 1.0, 1.0), finalist(B, 3.0, None, 3.0)], A)
    assert result.winner is not None
    assert result.winner.configuration == A


def test_nobody_is_left() -> None:
    assert verdict([finalist(A, None), finalist(B, None)], A).winner is None
    assert verdict([], A).winner is None


def test_against_a_default_that_never_keeps_the_promise_anything_wins() -> None:
    result = verdict([finalist(A, None, None), finalist(B, 1.0, 1.1)], A)
    assert result.is_clear
    assert result.difference == math.inf


def test_a_clear_winner_is_rare_where_there_is_none() -> None:
    """Equal finalists with machine drift: two of three turns of luck are not enough, and the error stays below 5%."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        drift = rng.normal(size=4) * 0.1
        both = [finalist(each, *(drift + rng.normal(size=4) * 0.05)) for each in (A, B)]
        wrong += verdict(both, A).is_clear
    assert wrong / 400 < 0.05


def test_the_interval_is_students() -> None:
    low, high = student(np.array([1.0, 2.0, 3.0]))
    assert (low, high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)))
    assert student(np.array([1.0])) == (-math.inf, math.inf)
