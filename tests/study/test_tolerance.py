"""A search that ends once it is sure enough: what it leaves unspent, and that interruptions change nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from planted import SEARCHES, Interrupted, interrupting, make_study, plain

from infertune.budget import Budget
from infertune.errors import InvalidInputError
from infertune.selection.recommendation import Recommendation
from infertune.study.search_names import check_tolerance

TOKENS = 30_000
TOLERANCE = 0.4  # reached before the search has used its share of them


def run(folder: Path, tolerance: float | None, *, tokens: int = TOKENS, **changes: Any) -> Recommendation:
    budget = Budget(tokens=tokens, tolerance=tolerance)
    return make_study(folder, budget=budget, search=SEARCHES["orders"], **changes).run()


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recommendation]:
    """Return the folder and the answer of a study that ended early."""
    folder = tmp_path_factory.mktemp("early")
    return folder, run(folder, TOLERANCE)


def test_it_ends_early_and_leaves_the_rest_unspent(early: tuple[Path, Recommendation]) -> None:
    _, found = early
    assert found.recommended["prompt.template"] == "good"
    assert found.verdict.clear, "finals and confirmation are as ever"
    assert found.spent.tokens < 0.8 * TOKENS
    ended, unspent = found.notes[1:3]  # after what n was left out
    assert ended.startswith("the search ended early: nothing is believed to be more than 0.4 better ")
    n_unspent = int(unspent.split()[1].replace(",", ""))
    assert unspent.endswith("tokens of the budget stay unspent") and 0 < n_unspent <= TOKENS - found.spent.tokens


def test_what_cannot_be_reached_changes_nothing(tmp_path: Path) -> None:
    for name in ("without", "with"):
        (tmp_path / name).mkdir()
    without, unreached = (
        run(tmp_path / name, tolerance, tokens=8_000) for name, tolerance in (("without", None), ("with", 1e-9))
    )
    assert plain(unreached) == plain(without)
    assert unreached.spent.tokens == without.spent.tokens > 0.8 * 8_000


def test_interrupted_anywhere_it_ends_with_the_same_answer_and_the_same_bill(
    tmp_path: Path, early: tuple[Path, Recommendation]
) -> None:
    _, whole = early
    n_stops = 0
    while True:
        try:
            parts = run(tmp_path, TOLERANCE, on_progress=interrupting(211 + 3 * n_stops))
        except Interrupted:
            n_stops += 1
            continue
        break
    assert n_stops > 1
    assert plain(parts) == plain(whole)
    assert parts.spent.tokens == whole.spent.tokens


def test_without_it_the_same_study_goes_on(tmp_path: Path, early: tuple[Path, Recommendation]) -> None:
    folder, found = early
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    late = run(tmp_path, None)
    assert late.n_trials > found.n_trials
    assert late.spent.tokens > 0.8 * TOKENS


def test_a_search_that_cannot_tell_refuses_it() -> None:
    with pytest.raises(InvalidInputError, match=r"tolerance needs a search .* knowledge-gradient .* search is tpe"):
        check_tolerance("tpe", Budget(tokens=1, tolerance=0.1))
    check_tolerance("infertune", Budget(tokens=1, tolerance=0.1))
    check_tolerance("tpe", Budget(tokens=1))


@pytest.mark.parametrize("tolerance", [0.0, -0.1, float("inf"), float("nan")])
def test_it_must_be_above_nothing(tolerance: float) -> None:
    with pytest.raises(InvalidInputError, match="tolerance must be above 0"):
        Budget(tokens=1, tolerance=tolerance)
