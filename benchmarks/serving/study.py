"""Whole searches of tune-serving on planted servers: is the verdict true, and was the budget used?

    python -m benchmarks.serving.study --seeds 10
    python -m benchmarks.serving.study --gaps none --budgets 600 --seeds 200     how often a verdict is false

Budgets are in simulated seconds; a start takes 5 and a burst 5, so the smallest budget that is accepted is 90.
"""

import argparse
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.serving.planted import SCENARIOS, Planted
from infertune.errors import BudgetError
from infertune.load.slo import parse
from infertune.serving.measure.account import LoadAccount
from infertune.serving.measure.event_log import EventLog
from infertune.serving.measure.goal import Goal
from infertune.serving.search.comparison import MARGIN
from infertune.serving.search.result import ServingSearchResult
from infertune.serving.search.search import ServingSearch

SLO = parse("p99_ttft<300ms")
BURST_SECONDS = 5.0
BUDGETS = (75.0, 90.0, 120.0, 150.0, 200.0, 300.0, 600.0, 1200.0, 2400.0)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One search, beside the truth.

    Attributes:
        said: ``clear``, ``keep``, ``undecided``, ``nothing``, or ``refused``.
        is_false: Whether what was said is not so.
        recommended: True capacity of what was recommended, ``default`` and ``best`` (of all there are) likewise.
        unspent: Share of the budget.
        turns: Of the finalist that has the fewest.
    """

    said: str
    is_false: bool
    recommended: float
    default: float
    best: float
    unspent: float
    turns: int


def search(launcher: Planted, folder: Path, budget: float, seed: int) -> ServingSearchResult:
    """Return what a search came to; the same folder goes on."""
    log = EventLog(folder / "log.db", "study")
    try:
        account = LoadAccount(launcher, log, SLO, launcher.clock)
        goal = Goal(kind="goodput", slo=SLO)
        return ServingSearch(
            account, log, launcher.space, goal, budget=budget, burst_seconds=BURST_SECONDS, seed=seed
        ).run()
    finally:
        log.close()


def judged(gap: str, budget: float, seed: int, *, luck: float = 0.02, start_seconds: float = 5.0) -> Judged:
    """Run one search and compare what it says with the truth."""
    launcher = Planted(SCENARIOS[gap], seed=seed, luck=luck, start_seconds=start_seconds)
    truth = {each: launcher.truth(each, SLO) for each in launcher.space.configurations()}
    default = truth[launcher.space.default_configuration()]
    best = max(truth.values())
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = search(launcher, Path(folder), budget, seed)
        except BudgetError:
            return Judged(
                said="refused", is_false=False, recommended=default, default=default, best=best, unspent=0.0, turns=0
            )
    said = found.verdict.kind
    winner = found.verdict.recommended
    chosen = truth[winner.configuration] if winner is not None else 0.0
    seen = max(
        (trial for trial in found.trials if trial.score is not None and trial.number),
        key=lambda trial: trial.score or 0.0,
        default=None,
    )
    is_false = said == "clear" and chosen <= default
    if said == "keep" and seen is not None:
        is_false = truth[seen.configuration] > (1 + MARGIN) * default
    return Judged(
        said=said,
        is_false=is_false,
        recommended=chosen,
        default=default,
        best=best,
        unspent=1 - launcher.clock() / budget,
        turns=found.verdict.comparison.n,
    )


def table(gaps: list[str], budgets: list[float], seeds: int, luck: float, start_seconds: float) -> None:
    """Print a row for each gap and budget."""
    print(
        "| gap | budget, s | recommended | default | clear / keep / undecided / nothing / refused | false | unspent "
        "| turns |"
    )
    print("|---|---:|---:|---:|---|---:|---:|---:|")
    for gap in gaps:
        for budget in budgets:
            asked = [judged(gap, budget, seed, luck=luck, start_seconds=start_seconds) for seed in range(seeds)]
            runs = [run for run in asked if run.said != "refused"]
            n = Counter(run.said for run in asked)
            if not runs:
                print(f"| {gap} | {budget:g} | refused | | | | | |")
                continue
            chosen = np.array([run.recommended / run.best for run in runs])
            undecided = [run.unspent for run in runs if run.said in ("undecided", "nothing")]
            unspent = f"{np.mean(undecided):.1%} (most {max(undecided):.1%})" if undecided else "-"
            said = " / ".join(str(n[kind]) for kind in ("clear", "keep", "undecided", "nothing", "refused"))
            turns = [run.turns for run in runs]
            default = runs[0].default / runs[0].best
            print(
                f"| {gap} | {budget:g} | {chosen.mean():.0%} ({chosen.min():.0%}) | {default:.0%} "
                f"| {said} | {sum(run.is_false for run in runs)} | {unspent} "
                f"| {np.mean(turns):.1f} ({min(turns)} to {max(turns)}) |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--gaps", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--budgets", type=float, nargs="+", default=list(BUDGETS))
    parser.add_argument("--luck", type=float, default=0.02, help="From start to start; default 0.02.")
    parser.add_argument("--start-seconds", type=float, default=5.0, help="Of a server; default 5.")
    asked = parser.parse_args()
    table(asked.gaps, asked.budgets, asked.seeds, asked.luck, asked.start_seconds)
