"""The budget of a joint search: what guards do not use goes where it is of use, and nothing stays unspent."""

from collections.abc import Callable
from pathlib import Path

import pytest
from planted_engines import Plan, run

from infertune.bank import SampleBank
from infertune.joint.recommendation import JointRecommendation

pytestmark = pytest.mark.long

BUDGET = 5_000  # which all 300 examples under two engines would exceed
ONE_KIND = ["engine.batch=8", "engine.cache=false", "engine.dtype=whole,tiny"]
KINDS = ["engine.batch=8", "engine.cache=false"]
LEAST = 0.98


def search(
    folder: Path, plan: Plan, settings: list[str], budget: int = BUDGET, margin: float = 0.2
) -> JointRecommendation:
    return run(folder, plan, settings=settings, n_confirm=300, budget=budget, margin=margin)


def all_tokens(folder: Path) -> int:
    """Return what was paid of the budget, by whatever name."""
    bank = SampleBank(folder / "study.db")
    with bank._engine.connect() as connection:
        names = {name for (name,) in connection.exec_driver_sql("SELECT DISTINCT study FROM bank_requests")}
    found = sum(bank.spent(name).tokens for name in names if not name.endswith("/speed"))
    bank.close()
    return found


@pytest.mark.parametrize(
    ("settings", "plan", "n_guards"),
    [
        (KINDS, lambda: Plan(seconds={("engine.dtype", "half"): 2.0, ("engine.dtype", "tiny"): 2.0}), 0),
        (ONE_KIND, lambda: Plan(seconds={("engine.dtype", "tiny"): 0.5}), 1),
        (KINDS, lambda: Plan(seconds={("engine.dtype", "tiny"): 0.3, ("engine.dtype", "half"): 0.5}), 1),
        (ONE_KIND, lambda: Plan(seconds={("engine.dtype", "tiny"): 0.5}, losses={"tiny": 0.9}), 1),
    ],
    ids=["none asked", "one kind", "the first of two passes", "the only one loses"],
)
def test_nothing_stays_unspent(tmp_path: Path, settings: list[str], plan: Callable[[], Plan], n_guards: int) -> None:
    found = search(tmp_path, plan(), settings)
    assert len(found.guards) == n_guards
    assert LEAST <= found.paid.share <= 1.03
    assert found.paid.study_tokens + found.paid.guard_tokens == all_tokens(tmp_path)
    assert found.paid.share == pytest.approx(all_tokens(tmp_path) / BUDGET)


def test_what_no_guard_needs_is_the_studys(tmp_path: Path) -> None:
    found = search(tmp_path, Plan(seconds={("engine.dtype", "half"): 2.0, ("engine.dtype", "tiny"): 2.0}), KINDS)
    assert found.study.spent.tokens >= LEAST * BUDGET
    assert found.paid.guard_tokens == 0


def test_a_guard_that_could_not_be_asked_leaves_its_share_to_the_study(tmp_path: Path) -> None:
    found = search(tmp_path, Plan(seconds={("engine.dtype", "tiny"): 0.5}, dies=("tiny",)), ONE_KIND)
    assert found.guards == () and found.engine_verdict.why == "not judged"
    assert found.study.spent.tokens >= LEAST * BUDGET


def test_a_larger_budget_uses_what_the_smaller_one_bought(tmp_path: Path) -> None:
    plan = Plan(seconds={("engine.dtype", "tiny"): 0.5})
    small = search(tmp_path, plan, ONE_KIND, budget=3_000)
    large = search(tmp_path, Plan(seconds=plan.seconds), ONE_KIND, budget=9_000)
    assert large.paid.share <= 1.03
    assert large.guards[0].test.difference.n > small.guards[0].test.difference.n


def test_a_smaller_budget_shows_what_was_bought_and_buys_nothing(tmp_path: Path) -> None:
    large = search(tmp_path, Plan(seconds={("engine.dtype", "tiny"): 0.5}), ONE_KIND)
    again = Plan(seconds={("engine.dtype", "tiny"): 0.5})
    small = search(tmp_path, again, ONE_KIND, budget=BUDGET // 2)
    assert again.answered == [] and (small.engine, small.decoding) == (large.engine, large.decoding)
    assert small.guards[0].test.answer == "not worse"


def test_a_margin_that_lets_pass_what_had_not_passed_buys_nothing_twice(tmp_path: Path) -> None:
    """What the guard had left was the study's by then."""
    plan = Plan(seconds={("engine.dtype", "tiny"): 0.5, ("engine.dtype", "half"): 0.6}, dies=("half",))
    strict = search(tmp_path, plan, KINDS, margin=0.01)
    assert [each.test.answer for each in strict.guards] == ["undecided"]
    loose = search(tmp_path, Plan(seconds=plan.seconds, dies=("half",)), KINDS, margin=0.3)
    assert loose.engine["engine.dtype"] == "tiny" and loose.guards[0].test.answer == "not worse"
    assert loose.paid.share <= 1.03
