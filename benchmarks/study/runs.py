"""Runs one whole study, as `infertune optimize` does, and writes down what a user gets beside what is true."""

import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.study.cells import LEAST, Cell
from benchmarks.study.judged import judged
from benchmarks.study.planted import Gap, Planted
from benchmarks.study.truth import Truth
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.errors import BudgetError
from infertune.recommendation import Recommendation
from infertune.search_names import search_named
from infertune.study import Study
from infertune.trial_log import TrialLog

SAME = 0.02  # in utility: a default that is beaten by no more is rightly kept
LEAST_UNITS, LEAST_STEP, MOST_UNITS = 16.0, 1.25, 1e6  # where the smallest budget is looked for
_MEMORY = Path("/dev/shm")


@lru_cache(64)
def truth_about(seed: int, gap: Gap, graded: bool, n_prompts: int) -> Truth:
    """Return the truth about a draw, remembered between the studies of one process."""
    return Truth(Planted(seed, gap=gap, graded=graded, n_prompts=n_prompts))


def row(cell: Cell, search: str, seed: int) -> dict[str, Any]:
    """Run a study; an error of infertune's is a row too, and so is one that should not be."""
    truth = truth_about(seed, cell.gap, cell.graded, cell.prompts)
    default = truth.model.space.default_configuration()
    unit = truth.of(default).cost_tokens
    cap = None if cell.cap is None else cell.cap * unit
    about: dict[str, Any] = {"cell": cell.name, "search": search, "seed": seed}
    began = time.monotonic()
    try:
        found, budget_tokens = _found(cell, search, seed, truth, unit, cap)
    except Exception as error:
        about |= {"error": f"{type(error).__name__}: {error}", "seconds": time.monotonic() - began}
        return about
    about["seconds"] = time.monotonic() - began
    answer = judged(found)
    mine, its, (best, most) = truth.of(answer.configuration), truth.of(default), truth.best(cap)
    compared = max(truth.of(each).utility for each in answer.compared if _within(truth, each, cap))
    difference = mine.utility - its.utility
    true = {
        "clear": difference > 0,
        "worse": difference < 0,
        "keep": compared - its.utility <= SAME,
        "undecided": None,
    }[answer.verdict]
    return about | {
        "n_tune": cell.n_tune,
        "budget_tokens": budget_tokens,
        "unit_tokens": unit,
        "cap_tokens": cap,
        "utility": mine.utility,
        "cost_tokens": mine.cost_tokens,
        "default_utility": its.utility,
        "default_cost_tokens": its.cost_tokens,
        "best_utility": most.utility,
        "best_cost_tokens": most.cost_tokens,
        "compared_utility": compared,
        "verdict": answer.verdict,
        "true": true,
        "utility_held": answer.utility.low <= mine.utility <= answer.utility.high,
        "difference_held": answer.difference.low <= difference <= answer.difference.high,
        "seen_better": answer.seen_better,
        "n_finals": answer.n_finals,
        "n_confirm": answer.n_confirm,
        "all_confirmed": answer.n_confirm == cell.n_confirm,
        "spent_tokens": answer.spent_tokens,
        "unspent": 1 - answer.spent_tokens / budget_tokens,
        "n_trials": found.n_trials,
        "configuration": dict(answer.configuration),
        "best": dict(best),
    }


def _within(truth: Truth, configuration: Any, cap: float | None) -> bool:
    default = configuration == truth.model.space.default_configuration()
    return default or cap is None or truth.of(configuration).cost_tokens <= cap


def _found(
    cell: Cell, search: str, seed: int, truth: Truth, unit: float, cap: float | None
) -> tuple[Recommendation, int]:
    """Return what a study found, and its budget."""
    if cell.budget_tokens is not None:
        return _run(cell, search, seed, truth, cell.budget_tokens, cap), cell.budget_tokens
    if cell.budget != LEAST:
        budget = round(cell.budget * unit)
        return _run(cell, search, seed, truth, budget, cap), budget
    units = LEAST_UNITS
    while True:
        try:
            return _run(cell, search, seed, truth, round(units * unit), cap), round(units * unit)
        except BudgetError:
            units *= LEAST_STEP
            if units > MOST_UNITS:
                raise


def _run(cell: Cell, search: str, seed: int, truth: Truth, budget_tokens: int, cap: float | None) -> Recommendation:
    model = truth.model
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        bank = SampleBank(Path(folder) / "study.db")
        try:
            return Study(
                name="planted",
                task=model.task(n_tune=cell.n_tune, n_confirm=cell.n_confirm),
                space=model.space,
                engine=model.engine(cell.n_tune + cell.n_confirm),
                search=search_named(search),
                bank=bank,
                log=TrialLog(bank.url, "planted"),
                budget=Budget(tokens=budget_tokens),
                seed=seed,
                max_cost_tokens=cap,
            ).run()
        finally:
            bank.close()
