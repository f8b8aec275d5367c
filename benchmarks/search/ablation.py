"""What each part of the allocator `value` is worth: it, with one part changed, on the same landscapes.

    python -m benchmarks.search.ablation [--landscapes 0 1 2] [--budgets 100k 400k] [--processes 2]

Differences are paired by landscape and cap. Results are kept, so that a command that was stopped goes on.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.methods import ABLATIONS
from benchmarks.search.problem import SyntheticProblem
from benchmarks.search.results import rows
from benchmarks.search.suite import CAPS
from infertune.budget import parse_tokens

HERE = Path(__file__).parent
WHOLE = "value"
OWN_LUCK = "each configuration has luck of its own"
_RESAMPLES = 10_000


def _run(name: str, landscape: int, cap: float, budget: int, workers: int) -> dict[str, Any]:
    problem = SyntheticProblem(landscape, cap, seed=0, common_luck=name != OWN_LUCK)
    (found,) = rows(WHOLE if name == OWN_LUCK else name, problem, [budget], workers)
    return found | {"method": name}


def table(done: Sequence[dict[str, Any]]) -> str:
    """Return median regrets, and by how much the whole is better, mean with a 95% bootstrap interval, in points."""
    budgets = sorted({each["budget"] for each in done})
    found = {(each["method"], each["budget"], each["problem"]): each for each in done}
    names = list(dict.fromkeys(each["method"] for each in done))
    lines = ["| changed | runs |" + "".join(f" {budget:,} tokens: median, loss by it, used |" for budget in budgets)]
    lines.append("|---|---:|" + "---|" * len(budgets))
    rng = np.random.default_rng(0)
    for name in sorted(names, key=[WHOLE, OWN_LUCK, *ABLATIONS].index):
        cells, counts = [], set()
        for budget in budgets:
            shared = [p for m, b, p in found if m == name and b == budget and (WHOLE, budget, p) in found]
            counts.add(len(shared))
            if not shared:
                cells.append(" ")
                continue
            its = 100 * np.array([found[name, budget, problem]["regret"] for problem in shared])
            whole = 100 * np.array([found[WHOLE, budget, problem]["regret"] for problem in shared])
            means = (its - whole)[rng.integers(len(shared), size=(_RESAMPLES, len(shared)))].mean(axis=1)
            low, high = np.percentile(means, [2.5, 97.5])
            used = np.mean([found[name, budget, problem]["tokens"] / budget for problem in shared])
            loss = "" if name == WHOLE else f", {(its - whole).mean():+.1f} [{low:+.1f}, {high:+.1f}]"
            cells.append(f"{np.median(its):.1f}{loss}, {100 * used:.0f}%")
        lines.append(f"| {name if name != WHOLE else 'nothing'} | {max(counts)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--landscapes", type=int, nargs="+", default=list(range(16)))
    parser.add_argument("--budgets", nargs="+", default=["100k", "400k"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--changed", nargs="+", choices=[OWN_LUCK, *ABLATIONS], default=[OWN_LUCK, *ABLATIONS])
    parser.add_argument("--results", type=Path, default=HERE / "results-ablation.jsonl")
    arguments = parser.parse_args()
    done = (
        [json.loads(line) for line in arguments.results.read_text().splitlines()] if arguments.results.exists() else []
    )
    known = {(each["method"], each["landscape"], each["cap"], each["budget"], each["workers"]) for each in done}
    with ProcessPoolExecutor(arguments.processes) as pool, arguments.results.open("a") as file:
        waiting = {}
        for landscape in arguments.landscapes:
            for cap in CAPS:
                for name in [WHOLE, *arguments.changed]:
                    for budget in map(parse_tokens, arguments.budgets):
                        key = name, landscape, cap, budget, arguments.workers
                        if key not in known:
                            waiting[pool.submit(_run, *key)] = {"landscape": landscape, "cap": cap}
        for number, job in enumerate(as_completed(waiting), 1):
            done.append(waiting[job] | job.result())
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
            if number % 20 == 0:
                print(f"{number:,} of {len(waiting):,} runs", flush=True)
    print(table([each for each in done if each["workers"] == arguments.workers]))


if __name__ == "__main__":
    main()
