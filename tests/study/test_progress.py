"""What a search has explored: the best and the front, within the cap."""

import numpy as np
import pytest

from infertune.study.progress import Incumbents
from infertune.types import Configuration
from infertune.types.evidence import Candidate

A, B = Configuration({"request": "a"}), Configuration({"request": "b"})


def candidate(part: Configuration, n: int, utility: float, cost: float) -> Candidate:
    return Candidate(
        configuration=part.with_values({"n": n}),
        example_ids=("x", "y"),
        scores=np.full(2, utility),
        tokens=np.full(2, cost),
    )


FOUND = [
    (A, [candidate(A, 1, 0.2, 10.0), candidate(A, 3, 0.6, 30.0)]),
    (B, [candidate(B, 1, 0.5, 40.0), candidate(B, 3, 0.9, 90.0)]),
]


def explored_within(cap: float | None) -> Incumbents:
    calls: list[int] = []
    explored = Incumbents(cap, lambda: calls.append(explored.n_trials))
    for number, (configuration, choices) in enumerate(FOUND, 1):
        explored.add(configuration, choices, number)
    assert not calls
    explored.show()
    assert calls == [2]
    return explored


@pytest.mark.parametrize(
    ("cap", "best", "front"),
    [(None, (B, 3), ((10, 0.2), (30, 0.6), (90, 0.9))), (50.0, (A, 3), ((10, 0.2), (30, 0.6))), (5.0, None, ())],
)
def test_best_and_front_keep_the_cap(
    cap: float | None, best: tuple[Configuration, int] | None, front: tuple[tuple[float, float], ...]
) -> None:
    explored = explored_within(cap)
    assert explored.best is None if best is None else explored.best is not None
    if best is not None and explored.best is not None:
        assert explored.best.configuration == best[0].with_values({"n": best[1]})
    assert explored.front == front


def test_the_search_may_name_its_best() -> None:
    explored = explored_within(None)
    explored.show(A.with_values({"n": 1}))
    assert explored.best is FOUND[0][1][0]


def test_what_is_known_anew_replaces_what_was_and_a_failure_nothing() -> None:
    explored = explored_within(None)
    explored.add(B, [candidate(B, 1, 0.1, 40.0)], 3)
    explored.add(A, [], 4)
    assert [each.utility for each in explored.candidates] == [0.2, 0.6, 0.1]
    assert explored.n_trials == 4
