"""Whole searches on planted servers: what is said is true, and the budget is used. The benchmark has more of them."""

from pathlib import Path

import pytest

from benchmarks.serving.planted import Planted
from benchmarks.serving.study import BURST_SECONDS, SLO, judged, search


@pytest.mark.parametrize(
    ("gap", "budget", "said"),
    [("large", 180.0, {"clear"}), ("none", 200.0, {"undecided", "keep"})],
)
def test_what_is_said_is_true(gap: str, budget: float, said: set[str]) -> None:
    for seed in range(2):
        found = judged(gap, budget, seed)
        assert found.said in said
        assert not found.is_false
        assert found.turns >= 2
        assert found.recommended >= found.default
        if found.said == "undecided":
            assert found.unspent <= max(0.02, BURST_SECONDS / budget)


def test_a_larger_budget_has_no_fewer_turns_while_nothing_is_decided() -> None:
    turns = [judged("none", budget, 0).turns for budget in (180.0, 300.0, 600.0)]
    assert turns == sorted(turns)
    assert turns[0] >= 2


def test_the_budget_that_is_named_decides_what_was_undecided(tmp_path: Path) -> None:
    """With a fifth more speed to be had, two short turns decide nothing."""
    launcher = Planted({"a": (1.0, 1.2), "b": (1.0, 0.9)}, seed=2)
    first = search(launcher, tmp_path, 200.0, 0)
    assert first.verdict.kind == "undecided"
    assert first.to_decide is not None
    again = search(launcher, tmp_path, first.to_decide, 0)
    assert again.verdict.kind == "clear"
    assert launcher.truth(again.verdict.best, SLO) > launcher.truth(again.default, SLO)  # type: ignore[arg-type]


def test_a_default_that_is_best_is_kept(tmp_path: Path) -> None:
    launcher = Planted({"a": (1.0, 0.5, 0.4)})
    found = search(launcher, tmp_path, 400.0, 0)
    assert found.verdict.kind == "keep"
    assert found.verdict.comparison.high < 0.05
    assert launcher.clock() < 400.0 + BURST_SECONDS
