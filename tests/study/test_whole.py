"""Whole studies on planted models: what a user gets is near what is true."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from statistics import mean
from typing import Any

import pytest

from benchmarks.study.cells import Cell
from benchmarks.study.runs import row

REGION = Cell(n_tune=30, n_confirm=30, gap="region")
FEW = Cell(n_tune=9, n_confirm=9, gap="large")
NO_GAP = Cell(n_tune=20, n_confirm=20, gap="none", budget=150.0)


@cache
def answer(cell: Cell, seed: int, search: str = "infertune") -> Mapping[str, Any]:
    found = row(cell, search, seed)
    assert "error" not in found, found
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_a_large_gap_is_found_and_said_to_be_clear(seed: int) -> None:
    found = answer(replace(REGION, budget_tokens=20_000), seed)
    assert found["verdict"] == "clear"
    assert found["default_utility"] < 0.38
    assert found["utility"] > 0.8


@pytest.mark.parametrize("n", [9, 20])
def test_few_examples_and_a_rich_budget_do_not_keep_a_poor_default(n: int) -> None:
    found = answer(replace(FEW, n_tune=n, n_confirm=n, budget=600.0), 0)
    assert found["verdict"] != "keep"
    assert found["utility"] > found["default_utility"] + 0.3


def test_more_budget_does_not_give_the_finals_fewer_examples() -> None:
    less, more = (answer(replace(FEW, budget=budget), 0) for budget in (150.0, 600.0))
    assert more["n_finals"] >= less["n_finals"]


def test_what_is_undecided_has_spent_its_budget() -> None:
    found = [answer(replace(NO_GAP, n_tune=200, n_confirm=200), seed) for seed in range(2)]
    assert all(each["unspent"] <= 0.02 for each in found if each["verdict"] == "undecided")


def test_a_small_gap_is_no_reason_for_an_answer_that_is_much_worse_than_the_default() -> None:
    small = Cell(n_tune=200, n_confirm=200, gap="small", budget=300.0)
    found = [answer(small, seed) for seed in range(2)]
    assert mean(each["utility"] - each["default_utility"] for each in found) > -0.05


def test_where_there_is_no_gap_none_is_claimed_but_by_chance() -> None:
    assert [answer(NO_GAP, seed)["verdict"] for seed in range(3)].count("clear") <= 1
