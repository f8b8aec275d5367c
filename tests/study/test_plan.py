"""The plan of a budget: what it promises for every budget, not what figures it happens to hold."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infertune.errors import BudgetError
from infertune.study.plan import (
    CONFIRM_SHARE,
    FINALS_SHARE,
    FLOOR_EXAMPLES,
    LEAST_KEPT,
    MAX_EXAMPLES,
    MIN_EXAMPLES,
    MIN_TRIALS,
    N_FINALISTS,
    TARGET_TRIALS,
    Plan,
    plan,
)

LENGTHS = st.floats(1.0, 500.0)
CHOICES = st.sets(st.integers(1, 32), min_size=1, max_size=5).map(sorted)


def planned(budget_tokens: float, **changes: object) -> Plan:
    usual = {
        "prompt_tokens": 50.0,
        "sample_tokens": 10.0,
        "n_choices": [1, 3, 5, 9],
        "n_tune": 200,
        "n_confirm": 100,
    }
    return plan(budget_tokens=budget_tokens, **{**usual, **changes})  # type: ignore[arg-type]


@given(
    budget=st.floats(1e3, 1e8),
    prompt=LENGTHS,
    sample=LENGTHS,
    choices=CHOICES,
    n_tune=st.integers(1, 500),
    n_confirm=st.integers(1, 500),
)
def test_every_plan_fits_its_budget(
    budget: float, prompt: float, sample: float, choices: list[int], n_tune: int, n_confirm: int
) -> None:
    try:
        made = planned(
            budget,
            prompt_tokens=prompt,
            sample_tokens=sample,
            n_choices=choices,
            n_tune=n_tune,
            n_confirm=n_confirm,
        )
    except BudgetError:
        return
    example = prompt + made.n_samples * sample
    assert made.n_samples in choices
    assert 1 <= made.n_examples <= min(n_tune, MAX_EXAMPLES)
    assert min(FLOOR_EXAMPLES, n_tune) <= made.n_finals <= n_tune
    assert made.n_kept == 0 or LEAST_KEPT <= made.n_kept <= min(made.n_finals, n_tune // 3)
    assert 1 - CONFIRM_SHARE <= made.search_until <= 1.0
    # A round fits beside the finals and the confirmation, which can compare two configurations on some example.
    finals = min(FINALS_SHARE, N_FINALISTS * n_tune * example / budget)
    assert MIN_TRIALS * made.n_examples * example <= (made.search_until - finals) * budget * (1 + 1e-9)
    rounding = 1e-15 * budget  # of a share near 1
    assert (1 - made.search_until) * budget >= min(0.25 * budget, 2 * n_confirm * example) - rounding


@given(
    budgets=st.lists(st.floats(1e3, 1e8), min_size=2, max_size=2).map(sorted),
    prompt=LENGTHS,
    sample=LENGTHS,
    choices=CHOICES,
    n_tune=st.integers(1, 2000),
    n_confirm=st.integers(1, 2000),
    pilot=st.floats(0.0, 1e5),
)
def test_the_finals_compare_never_fewer_examples_for_more_budget(
    budgets: list[float],
    prompt: float,
    sample: float,
    choices: list[int],
    n_tune: int,
    n_confirm: int,
    pilot: float,
) -> None:
    lengths = {"prompt_tokens": prompt, "sample_tokens": sample, "n_choices": choices, "pilot_tokens": pilot}
    try:
        small, large = (planned(budget, n_tune=n_tune, n_confirm=n_confirm, **lengths) for budget in budgets)
    except BudgetError:
        return
    assert small.n_finals <= large.n_finals


@given(budget=st.floats(1e3, 1e7), more=st.floats(1.0, 100.0))
def test_more_budget_never_buys_less(budget: float, more: float) -> None:
    try:
        small = planned(budget)
    except BudgetError:
        assume(False)
    large = planned(budget * more)
    assert large.n_samples >= small.n_samples
    # More samples of each example may cost examples, but never below what a trial needs to mean something.
    assert large.n_examples >= min(small.n_examples, MIN_EXAMPLES)


def test_a_large_budget_gets_every_n_and_enough_trials() -> None:
    made = planned(1_000_000)
    assert (made.n_samples, made.n_examples) == (9, MAX_EXAMPLES)
    assert (made.search_until - FINALS_SHARE) * 1_000_000 / (made.n_examples * 140) >= TARGET_TRIALS


def test_a_tight_budget_gives_up_large_n_before_trials_and_trials_before_examples() -> None:
    plans = [planned(budget) for budget in (200_000, 60_000, 20_000, 5_000)]
    assert [made.n_samples for made in plans] == sorted((made.n_samples for made in plans), reverse=True)
    trials = [(made.search_until - FINALS_SHARE) * budget / (made.n_examples * (50 + 10 * made.n_samples))
              for made, budget in zip(plans, (200_000, 60_000, 20_000, 5_000), strict=True)]  # fmt: skip
    assert trials[0] >= TARGET_TRIALS > trials[-1] >= MIN_TRIALS
    assert plans[-1].n_examples >= FLOOR_EXAMPLES


def test_a_budget_too_small_is_refused_with_one_that_would_do() -> None:
    with pytest.raises(BudgetError, match="about") as refused:
        planned(1_000)
    needed = float(str(refused.value).split("about ")[1].split(" tokens")[0].replace(",", ""))
    assert 1_000 < needed < 10_000
    assert planned(needed * 1.01).n_examples == FLOOR_EXAMPLES


def test_a_task_of_few_examples_leaves_more_of_the_budget_to_the_search() -> None:
    small, large = planned(500_000, n_tune=20, n_confirm=10), planned(500_000, n_tune=2000, n_confirm=1000)
    assert small.n_examples == 20
    assert small.search_until > large.search_until
    assert small.search_until == pytest.approx(1 - 2 * 10 * 140 / 500_000)
    assert (small.n_finals, small.n_kept) == (20, 0)  # all there are, and none is kept where it would say nothing
