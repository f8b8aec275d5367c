"""Runs one whole study, as `infertune optimize` does, and writes down what a user gets beside what is true."""

import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.study.cells import LEAST, Cell
from benchmarks.study.endpoint import Endpoint
from benchmarks.study.judged import Judged, judged
from benchmarks.study.planted import Gap, Planted
from benchmarks.study.recorded import Recorded
from benchmarks.study.truth import PlantedEndpoint
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.errors import BudgetError
from infertune.selection.recommendation import Recommendation
from infertune.selection.select import Wanted
from infertune.statistics.intervals import Interval
from infertune.study import Study
from infertune.study.search_names import search_named
from infertune.study.trial_log import TrialLog
from infertune.types import Configuration

SAME = 0.02  # in utility: a default that is beaten by no more is rightly kept
LUCK = 2.0  # standard errors within which a truth that examples tell is not known
LEAST_UNITS, LEAST_STEP, MOST_UNITS = 16.0, 1.4, 1e6  # where the smallest budget is looked for
_MEMORY = Path("/dev/shm")


def endpoint(cell: Cell, seed: int) -> Endpoint:
    """Return the endpoint of a cell: the same model or recording for all cells that differ in sizes and budget."""
    if cell.task:
        return _recorded(cell.task, seed, cell.n_tune + cell.n_confirm)
    return _planted(seed, cell.gap, cell.graded, cell.prompts, cell.few)


@lru_cache(64)  # what is known of the truth is remembered between the studies of one process
def _planted(seed: int, gap: Gap, graded: bool, n_prompts: int, few: bool) -> PlantedEndpoint:
    return PlantedEndpoint(Planted(seed, gap=gap, graded=graded, n_prompts=n_prompts, few=few))


@lru_cache(16)
def _recorded(task: str, seed: int, n_seen: int) -> Recorded:
    return Recorded(task, seed=seed, n_seen=n_seen)


def row(cell: Cell, search: str, seed: int) -> dict[str, Any]:
    """Run a study; an error of infertune's is a row too, and so is one that should not be."""
    truth = endpoint(cell, seed)
    default = truth.space.default_configuration()
    unit = truth.of(default).cost_tokens
    cap = None if cell.cap is None else cell.cap * unit
    about: dict[str, Any] = {"cell": cell.name, "search": search, "seed": seed}
    began = time.process_time()
    try:
        found, budget_tokens = _found(cell, search, seed, truth, unit, cap)
    except Exception as error:
        about |= {"error": f"{type(error).__name__}: {error}", "seconds": time.process_time() - began}
        return about
    about["seconds"] = time.process_time() - began
    answer = judged(found)
    mine, its, (best, most) = truth.of(answer.configuration), truth.of(default), truth.best(cap)
    seen = truth.of(answer.seen)
    within = [each for each in answer.compared if cap is None or truth.of(each).cost_tokens <= cap]
    compared = max([*within, default], key=lambda each: truth.of(each).utility)
    difference, exact = seen.utility - its.utility, not cell.task
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
        "compared_utility": truth.of(compared).utility,
        "verdict": answer.verdict,
        "true": _true(answer, truth, default, compared),
        "utility_held": _held(answer.utility, mine.utility) if exact else None,
        "difference_held": _held(answer.difference, difference) if exact else None,
        "seen_better": answer.seen_better,
        "confirmed": answer.confirmed,
        "n_finals": answer.n_finals,
        "n_confirm": answer.n_confirm,
        "all_confirmed": answer.n_confirm == cell.n_confirm,
        "spent_tokens": answer.spent_tokens,
        "unspent": 1 - answer.spent_tokens / budget_tokens,
        "n_trials": found.n_trials,
        "configuration": dict(answer.configuration),
        "best": dict(best),
    }


def _held(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def _true(answer: Judged, truth: Endpoint, default: Configuration, compared: Configuration) -> bool | None:
    """Return whether what the answer claims is true; None for no claim, or where the truth is not known so well."""
    if answer.verdict == "undecided":
        return None
    of, margin = (compared, SAME) if answer.verdict == "keep" else (answer.seen, 0.0)
    lead = truth.of(of).utility - truth.of(default).utility - margin
    if abs(lead) < LUCK * truth.error(of, default):
        return None
    return lead > 0 if answer.verdict == "clear" else lead <= 0


def _found(
    cell: Cell, search: str, seed: int, truth: Endpoint, unit: float, cap: float | None
) -> tuple[Recommendation, int]:
    """Return what a study found, and its budget."""
    if cell.budget_tokens is not None:
        return _run(cell, search, seed, truth, cell.budget_tokens, cap), cell.budget_tokens
    units = LEAST_UNITS if cell.budget == LEAST else cell.budget  # a budget that is refused is raised
    while True:
        try:
            return _run(cell, search, seed, truth, round(units * unit), cap), round(units * unit)
        except BudgetError:
            units *= LEAST_STEP
            if units > MOST_UNITS:
                raise


def _run(cell: Cell, search: str, seed: int, truth: Endpoint, budget_tokens: int, cap: float | None) -> Recommendation:
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        bank = SampleBank(Path(folder) / "study.db")
        try:
            return Study(
                name="planted",
                task=truth.task(n_tune=cell.n_tune, n_confirm=cell.n_confirm),
                space=truth.space,
                engine=truth.engine(cell.n_tune + cell.n_confirm),
                search=search_named(search),
                bank=bank,
                log=TrialLog(bank.url, "planted"),
                budget=Budget(tokens=budget_tokens),
                seed=seed,
                wanted=Wanted(max_cost_tokens=cap),
            ).run()
        finally:
            bank.close()
