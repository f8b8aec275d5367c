"""The whole comparison: landscapes and recordings, one worker and sixteen, and asks; one table and one picture.

    python -m benchmarks.search.suite [--quick] [--families softmax graded]

Each seed has the next landscape, cap and recording, and an order of the examples of its own. Results are kept, so that
a suite that was stopped goes on; those of peers that take minutes a run are shipped. Other peers whose environment is
not installed are left out, and the table says so.
"""

import argparse
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache, lru_cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search import tables
from benchmarks.search.ask_time import TRIALS, AskTime, ask_time
from benchmarks.search.families import SYNTHETIC
from benchmarks.search.methods import METHODS, PEERS
from benchmarks.search.peers.environments import installed
from benchmarks.search.problem import Problem, RecordedProblem, SyntheticProblem
from benchmarks.search.report import compared, report
from benchmarks.search.results import picture, rows, runs
from infertune.budget import parse_tokens

HERE = Path(__file__).parent
RECORDED = ("capitals", "kinds", "opposites", "sentiment")
N_LANDSCAPES = 16  # of the first family
N_DRAWN = 12  # of every other
CAPS = (150.0, 600.0)  # of the first family
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
ASKS = "asks"  # among the results, how long they take ...
ASKED = SyntheticProblem(1, 150.0, 0)  # ... here, where `value` goes on for a thousand
ASK_SECONDS = 300.0  # for each method
VARIANTS = ("optuna tpe, 18 examples", "optuna tpe, 144 examples", "syne asha, promoting")  # only when they are named
QUICK = ("value", "tpe", "random", "random, no reuse", "optuna tpe", "syne asha")
QUICK_FAMILIES = ("synthetic", "recorded")


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


@lru_cache(8)  # larger
def _drawn(family: str, seed: int) -> Problem:
    """Return that of a seed; the second dozen of seeds has the landscapes of the first under other caps."""
    caps = SYNTHETIC[family].caps
    return SyntheticProblem(seed % N_DRAWN, caps[(seed + seed // N_DRAWN) % len(caps)], seed, family=family)


_LONG = (300_000, 1_000_000, 3_000_000, 10_000_000)
FAMILIES: Mapping[str, Family] = {
    "synthetic": Family(problem=_synthetic, budgets=(100_000, 160_000, 400_000, 1_600_000)),
    "recorded": Family(problem=_recorded, budgets=(10_000, 16_000, 40_000, 160_000)),
    **{name: Family(problem=partial(_drawn, name), budgets=_LONG) for name in SYNTHETIC if name != "synthetic"},
}


def _run(family: str, seed: int, name: str, budgets: Sequence[int], workers: int) -> list[dict[str, Any]]:
    began = time.monotonic()
    found = rows(name, FAMILIES[family].problem(seed), budgets, workers)
    seconds = time.monotonic() - began  # of all of them together
    return [each | {"family": family, "seconds": seconds} for each in found]


def _asks(name: str) -> list[dict[str, Any]]:
    found = ask_time(METHODS[name], ASKED, TRIALS, ASK_SECONDS)
    of = {"family": ASKS, "method": name, "problem": ASKED.name, "seed": ASKED.seed, "budget": 0, "workers": 1}
    return [of | asdict(found)]


def _runs_wanted(
    known: Collection[Any],
    families: Sequence[str],
    methods: Sequence[str],
    seeds: range,
    patient_seeds: int,
    workers: Sequence[int],
    *,
    most_tokens: int,
    quick: bool,
) -> Iterator[tuple[str, int, str, list[int], int]]:
    """Yield what `_run` is to be called with, the quick ones first."""
    for seed, name in sorted(product(seeds, methods), key=lambda each: (each[1] in PATIENT, each[0])):
        if name in PATIENT and seed not in seeds[:patient_seeds]:
            continue
        for family, number in product(families, workers):
            about = FAMILIES[family]
            problem = about.problem(seed).name
            budgets = about.budgets[:-1] if quick else about.budgets
            budgets = tuple(each for each in budgets if each <= most_tokens)
            missing = [each for each in budgets if (family, name, problem, seed, each, number) not in known]
            for together in runs(name, missing) if missing else []:
                yield family, seed, name, together, number


def _asks_wanted(known: Collection[Any], methods: Sequence[str]) -> list[str]:
    return [name for name in methods if (ASKS, name, ASKED.name, ASKED.seed, 0, 1) not in known]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer seeds, methods, families and budgets: minutes")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0, help="to report on other seeds than were decided on")
    parser.add_argument("--patient-seeds", type=int, default=0, help="of the peers that take minutes a run")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), metavar="FAMILY")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), metavar="METHOD")
    parser.add_argument(
        "--most-tokens", type=parse_tokens, default=3_000_000, help="larger budgets take minutes a run"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, default=HERE / "results-suite.jsonl")
    parser.add_argument("--patient-results", type=Path, default=HERE / "patient.jsonl")
    parser.add_argument("--table", type=Path, default=HERE / "RESULTS.md")
    parser.add_argument("--picture", type=Path, default=HERE.parents[1] / "docs" / "pictures" / "search.png")
    arguments = parser.parse_args()
    peers = [name for name, peer in PEERS.items() if peer.environment is None or installed(peer.environment)]
    able = [name for name in (*OURS, *peers) if name not in VARIANTS and (name in QUICK or not arguments.quick)]
    methods = arguments.methods or able
    families = arguments.families or [each for each in FAMILIES if each in QUICK_FAMILIES or not arguments.quick]
    seeds = range(arguments.first_seed, arguments.first_seed + (4 if arguments.quick else arguments.seeds))
    kept = [arguments.results, arguments.patient_results]
    done = [json.loads(line) for path in kept if path.exists() for line in path.read_text().splitlines()]
    known = {(d["family"], d["method"], d["problem"], d["seed"], d["budget"], d["workers"]) for d in done}
    patient_seeds, workers, quick = arguments.patient_seeds, arguments.workers, arguments.quick
    with (
        ProcessPoolExecutor(arguments.processes) as pool,
        arguments.results.open("a") as results_file,
        arguments.patient_results.open("a") as patient_file,
    ):
        most = arguments.most_tokens
        wanted = _runs_wanted(known, families, methods, seeds, patient_seeds, workers, most_tokens=most, quick=quick)
        waiting = {
            pool.submit(_run, *each): f"{each[2]}, {each[0]}, seed {each[1]}, {each[4]} workers" for each in wanted
        }
        if not quick:
            asked = _asks_wanted(known, [name for name in methods if name not in PATIENT or patient_seeds])
            waiting |= {pool.submit(_asks, name): f"how long an ask of {name} takes" for name in asked}
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
    done = [each for each in done if each["method"] in methods and (each["seed"] in seeds or each["family"] == ASKS)]
    done = [each for each in done if each["budget"] <= arguments.most_tokens]
    done.sort(key=lambda each: methods.index(each["method"]))
    panels, notes = {}, {}
    for family, workers in product(families, arguments.workers):
        found = [each for each in done if each["family"] == family and each["workers"] == workers]
        if found:
            title = f"{family}, {workers} worker{'s' * (workers > 1)}"
            panels[title] = found
            if family == "recorded":
                floors = [100 * _recorded(seed).floor for seed in sorted({each["seed"] for each in found})]
                notes[title] = (
                    f"Who bought everything and took the best would have {np.median(floors):.1f} in the median."
                )
    asks = {each["method"]: AskTime.read(each) for each in done if each["family"] == ASKS}
    missing = [name for name in PEERS if name not in (*peers, *PATIENT, *VARIANTS)]
    said = report(panels, notes, asks, PEERS, missing)
    print(said)
    if not arguments.quick:
        arguments.table.write_text(said + "\n")
    drawn = {title: compared(found) for title, found in panels.items()}
    picture(drawn, arguments.picture if not arguments.quick else arguments.picture.with_stem("search-quick"))


if __name__ == "__main__":
    main()
