"""The whole comparison: synthetic landscapes and recordings, one worker and sixteen; one table and one picture.

    python -m benchmarks.search.suite [--quick]

Each seed has the next landscape, cap and recording, and an order of the examples of its own. Results are kept, so that
a suite that was stopped goes on; those of peers that take minutes a run are shipped. Other peers whose environment is
not installed are left out, and the table says so.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search import reached, tables
from benchmarks.search.methods import METHODS, PEERS
from benchmarks.search.peers.environments import installed
from benchmarks.search.problem import Problem, RecordedProblem, SyntheticProblem
from benchmarks.search.results import picture, rows, runs, table

HERE = Path(__file__).parent
RECORDED = ("capitals", "kinds", "opposites", "sentiment")
N_LANDSCAPES = 16
CAPS = (150.0, 600.0)
OURS = ("value", "tpe", "random", "ecooptigen")
PATIENT = (  # minutes a run: fewer seeds
    "optuna gp",
    "optuna tpe, wilcoxon",
    "ecotune, our reading",
    "syne cqr",
    "syne mobster",
    "smac, hyperband",
    "smac",
)
LEAST_RUNS = 3  # of a method that is to be compared
VARIANTS = ("optuna tpe, 18 examples", "optuna tpe, 144 examples", "syne asha, promoting")  # only when they are named
QUICK = ("value", "tpe", "random", "random, no reuse", "optuna tpe", "syne asha")


@dataclass(frozen=True, kw_only=True)
class Family:
    """Problems of one kind.

    Attributes:
        problem: That of a seed.
        budgets: Of the search, in tokens.
    """

    problem: Callable[[int], Problem]
    budgets: tuple[int, ...]


@cache  # the runs of one seed share it
def _synthetic(seed: int) -> Problem:
    return SyntheticProblem(seed % N_LANDSCAPES, CAPS[seed % len(CAPS)], seed)


@lru_cache(4)  # larger
def _recorded(seed: int) -> RecordedProblem:
    task = RECORDED[seed % len(RECORDED)]
    return RecordedProblem(tables.read(HERE / "recorded" / f"{task}.npz"), None, seed)


FAMILIES: Mapping[str, Family] = {
    "synthetic": Family(problem=_synthetic, budgets=(100_000, 160_000, 400_000, 1_600_000)),
    "recorded": Family(problem=_recorded, budgets=(10_000, 16_000, 40_000, 160_000)),
}


def _run(family: str, seed: int, name: str, budgets: Sequence[int], workers: int) -> list[dict[str, Any]]:
    began = time.monotonic()
    found = rows(name, FAMILIES[family].problem(seed), budgets, workers)
    seconds = time.monotonic() - began  # of all of them together
    return [each | {"family": family, "seconds": seconds} for each in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer seeds, methods and budgets: minutes")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--patient-seeds", type=int, default=0, help="of the peers that take minutes a run")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), metavar="METHOD")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, default=HERE / "results-suite.jsonl")
    parser.add_argument("--patient-results", type=Path, default=HERE / "patient.jsonl")
    parser.add_argument("--table", type=Path, default=HERE / "RESULTS.md")
    parser.add_argument("--picture", type=Path, default=HERE.parents[1] / "docs" / "pictures" / "search.png")
    arguments = parser.parse_args()
    peers = [name for name, peer in PEERS.items() if peer.environment is None or installed(peer.environment)]
    able = [name for name in (*OURS, *peers) if name not in VARIANTS and (name in QUICK or not arguments.quick)]
    methods = arguments.methods or able
    seeds = 4 if arguments.quick else arguments.seeds
    kept = [arguments.results, arguments.patient_results]
    done = [json.loads(line) for path in kept if path.exists() for line in path.read_text().splitlines()]
    known = {(d["family"], d["method"], d["problem"], d["seed"], d["budget"], d["workers"]) for d in done}
    with (
        ProcessPoolExecutor(arguments.processes) as pool,
        arguments.results.open("a") as results_file,
        arguments.patient_results.open("a") as patient_file,
    ):
        waiting = {}
        names = {(family, seed): each.problem(seed).name for family, each in FAMILIES.items() for seed in range(seeds)}
        order = sorted(product(range(seeds), methods), key=lambda each: (each[1] in PATIENT, each[0]))
        for seed, name in order:
            if name in PATIENT and seed >= arguments.patient_seeds:
                continue
            for family, about in FAMILIES.items():
                budgets = about.budgets[:-1] if arguments.quick else about.budgets
                problem = names[family, seed]
                for workers in arguments.workers:
                    missing = [
                        budget for budget in budgets if (family, name, problem, seed, budget, workers) not in known
                    ]
                    for together in runs(name, missing) if missing else []:
                        job = pool.submit(_run, family, seed, name, together, workers)
                        waiting[job] = f"{name}, {problem}, {workers} workers"
        for number, job in enumerate(as_completed(waiting), 1):
            new = job.result()
            file = patient_file if new[0]["method"] in PATIENT else results_file
            file.writelines(json.dumps(each) + "\n" for each in new)
            file.flush()
            done += new
            if number % 20 == 0 or number == len(waiting):
                print(f"{number:,} of {len(waiting):,} runs; the last was {waiting[job]}", flush=True)
    if not (arguments.methods or arguments.quick):
        methods += [name for name in PATIENT if name not in methods]  # what is shipped of them
    done = [each for each in done if each["method"] in methods and each["seed"] < seeds]
    done.sort(key=lambda each: methods.index(each["method"]))
    said = _report(done, [name for name in PEERS if name not in (*peers, *PATIENT, *VARIANTS)])
    print(said)
    if not arguments.quick:
        arguments.table.write_text(said + "\n")
    panels = {}
    for family, workers in product(FAMILIES, arguments.workers):
        found = [each for each in done if each["family"] == family and each["workers"] == workers]
        if found:
            title = f"{family}, {workers} worker{'s' * (workers > 1)}"
            panels[title] = [each for each in found if each["method"] in _n_runs(found)]
    picture(panels, arguments.picture if not arguments.quick else arguments.picture.with_stem("search-quick"))


def _n_runs(found: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return how many runs at the largest budget each method has that has enough of them to be compared."""
    full = max(each["budget"] for each in found)
    counted = Counter(each["method"] for each in found if each["budget"] == full)
    return {name: n for name, n in counted.items() if n >= min(LEAST_RUNS, max(counted.values()))}


def _report(done: Sequence[dict[str, Any]], missing: Sequence[str]) -> str:
    parts = ["# Results of the search benchmark", "Regret in points: median [quartiles], mean."]
    if missing:
        parts.append(f"Not installed, and so left out: {', '.join(missing)}.")
    for family in FAMILIES:
        for workers in sorted({each["workers"] for each in done}):
            found = [each for each in done if each["family"] == family and each["workers"] == workers]
            if not found:
                continue
            n_runs = _n_runs(found)
            enough = [each for each in found if each["method"] in n_runs]
            parts += [f"## {family}, {workers} worker{'s' * (workers > 1)}", table(enough)]
            if family == "recorded":
                floors = [100 * _recorded(seed).floor for seed in sorted({each["seed"] for each in found})]
                parts.append(
                    f"Who bought everything and took the best would have {np.median(floors):.1f} in the median."
                )
            # Peers are compared with those that have as many runs; and ours with all, on the runs that they have.
            for n in sorted(set(n_runs.values()), reverse=True):
                group = {name for name, its in n_runs.items() if its == n} | (n_runs.keys() & {"value"})
                rivals = group & set(PEERS)
                if not rivals:
                    continue
                target, ways = reached.reached([each for each in found if each["method"] in group], rivals)
                parts.append(reached.table(target, ways))
                if "value" in group:
                    parts.append(reached.one_by_one(found, "value", target))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
