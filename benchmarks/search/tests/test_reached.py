"""Tokens needed to be as good as the best peer, on figures made up for it."""

import math

import pytest

from benchmarks.search.ask_time import ask_time
from benchmarks.search.methods import METHODS
from benchmarks.search.problem import SyntheticProblem
from benchmarks.search.reached import one_by_one, reached, table

BUDGETS = (100, 1000, 10_000)


def rows(curves: dict[str, tuple[float, ...]], n_runs: int = 3) -> list[dict]:
    """Return rows in which run i lies i thousandths above the middle one."""
    return [
        {
            "method": name,
            "problem": "p",
            "seed": seed,
            "budget": budget,
            "regret": regret + (seed - n_runs // 2) / 1000,
        }
        for name, curve in curves.items()
        for budget, regret in zip(BUDGETS, curve, strict=False)
        for seed in range(n_runs)
    ]


def test_the_best_peer_at_the_full_budget_is_the_mark() -> None:
    curves = {"good peer": (0.3, 0.2, 0.1), "fast peer": (0.15, 0.14, 0.13), "ours": (0.2, 0.1, 0.05)}
    target, found = reached(rows(curves), {"good peer", "fast peer"})
    assert (target.peer, target.budget) == ("good peer", 10_000) and target.regret == pytest.approx(0.1)
    by_name = {each.method: each for each in found}
    assert by_name["ours"].tokens == pytest.approx(1000)
    assert by_name["good peer"].tokens == pytest.approx(10_000)
    assert math.isinf(by_name["fast peer"].tokens), "being good early is not being as good"
    assert [each.method for each in found] == ["ours", "good peer", "fast peer"]
    assert all(each.n_runs == 3 for each in found)


def test_between_two_budgets_it_is_a_share_of_the_ratio() -> None:
    _, found = reached(rows({"peer": (0.3, 0.2, 0.1), "ours": (0.15, 0.05, 0.05)}), {"peer"})
    assert found[0].tokens == pytest.approx(math.sqrt(100 * 1000)) and not found[0].at_smallest


def test_what_is_good_from_the_start_says_at_most() -> None:
    target, found = reached(rows({"peer": (0.3, 0.2, 0.1), "ours": (0.05, 0.05, 0.05)}), {"peer"})
    assert found[0].tokens == 100 and found[0].at_smallest
    assert "| ours | 3 | at most 0k" in table(target, found) and "0.01" in table(target, found)


def test_runs_that_somebody_lacks_count_for_nobody() -> None:
    full = rows({"peer": (0.3, 0.2, 0.1), "ours": (0.3, 0.1, 0.05)})
    lacking = [row for row in full if not (row["method"] == "ours" and row["seed"] == 0 and row["budget"] == 100)]
    _, found = reached(lacking, {"peer"})
    assert {each.n_runs for each in found} == {2}
    with pytest.raises(ValueError, match="run by all"):
        reached([row for row in full if (row["method"] == "peer") == (row["seed"] == 0)], {"peer"})


def test_run_by_run_each_run_has_its_own_mark() -> None:
    found = rows({"peer": (0.3, 0.2, 0.1), "ours": (0.2, 0.11, 0.1)})
    found = [each | {"regret": 0.05} if (each["method"], each["seed"]) == ("peer", 2) else each for each in found]
    target, _ = reached(found, {"peer"})
    lines = one_by_one(found, "ours", target).splitlines()
    assert lines[4:] == [
        "| 100 | 3 | 0 | 10.0 | 15.1 (p, seed 2) |",
        "| 1,000 | 3 | 0 | 1.0 | 6.1 (p, seed 2) |",
        "| 10,000 | 3 | 2 | 5.1 | 5.1 (p, seed 2) |",
    ]


def test_without_a_peer_at_the_full_budget_there_is_no_mark() -> None:
    with pytest.raises(ValueError, match=r"10,000 tokens"):
        reached(rows({"peer": (0.3, 0.2), "ours": (0.3, 0.2, 0.1)}), {"peer"})


def test_the_interval_holds_the_figure_and_says_when_it_is_open() -> None:
    noisy = rows({"peer": (0.3, 0.2, 0.1)}, 9) + [
        {"method": "ours", "problem": "p", "seed": seed, "budget": budget, "regret": 0.02 if seed < 5 else 0.9}
        for budget in BUDGETS
        for seed in range(9)
    ]
    target, found = reached(noisy, {"peer"})
    (ours,) = (each for each in found if each.method == "ours")
    assert ours.low == ours.tokens == 100 and math.isinf(ours.high)
    assert "not reached]" in table(target, found)


@pytest.mark.parametrize("name", ["random, no reuse", "qmc"])
def test_asks_are_timed_at_numbers_of_trials(name: str) -> None:
    found = ask_time(METHODS[name], SyntheticProblem(0, 150.0, 0), [5, 30], 60.0)
    assert list(found.ms) == [5, 30] and found.n_trials == 30 and min(found.ms.values()) > 0


def test_a_method_out_of_time_is_stopped() -> None:
    found = ask_time(METHODS["random, no reuse"], SyntheticProblem(0, 150.0, 0), [5, 10_000_000], 1.0)
    assert 5 in found.ms and 10_000_000 not in found.ms and 5 <= found.n_trials < 10_000_000
