"""Compares search methods: regret on unseen examples against tokens spent, on synthetic landscapes and recorded banks.

    python -m benchmarks.search random tpe value --landscapes 0 1 2 3 --budgets 100k 400k

Every line of the results file is one run; a command that was stopped goes on where it stood, and the table and the
picture are made from all lines of the methods asked for.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search import reached, tables
from benchmarks.search.methods import METHODS, PEERS
from benchmarks.search.problem import Problem, RecordedProblem, SyntheticProblem
from benchmarks.search.race import Setting, run
from infertune.budget import parse_tokens

HERE = Path(__file__).parent


def problems(arguments: argparse.Namespace) -> Iterator[Problem]:
    for seed in range(arguments.seeds):
        for landscape in arguments.landscapes:
            for cap in arguments.caps:
                yield SyntheticProblem(landscape, cap or None, seed)
        for path in arguments.recorded:
            for cap in arguments.caps:
                yield RecordedProblem(tables.read(path), cap or None, seed)


def rows(name: str, problem: Problem, budgets: Sequence[int], workers: int) -> list[dict[str, Any]]:
    """Run once, with the largest of the budgets, and return what stood at each of them."""
    setting = Setting(problem=problem, budget_tokens=budgets[-1], n_workers=workers)
    done = run(METHODS[name], setting, checkpoints=[budget / budgets[-1] for budget in budgets])
    return [
        {
            "method": name,
            "problem": problem.name,
            "seed": problem.seed,
            "budget": budget,
            "workers": workers,
            "regret": note.regret,
            "tokens": note.tokens,
            "configurations": note.n_configurations,
            "ask_ms": 1000 * float(np.mean(note.ask_seconds)),
            "most_ask_ms": 1000 * max(note.ask_seconds),
        }
        | ({} if note.n_trials is None else {"n_trials": note.n_trials})
        for budget, note in zip(budgets, done.notes, strict=True)
    ]


def runs(name: str, budgets: Sequence[int]) -> list[list[int]]:
    """Return the budgets that share a run: all, where the method does not look at its own, else each alone."""
    return [list(budgets)] if getattr(METHODS[name], "any_budget", False) else [[each] for each in budgets]


def table(rows: list[dict[str, Any]]) -> str:
    """Return medians and quartiles of the regret in points, by method and budget."""
    budgets = sorted({each["budget"] for each in rows})
    lines = [
        "| method | workers | runs | " + " | ".join(f"{budget:,} tokens" for budget in budgets) + " | ms per ask |"
    ]
    lines.append("|---|---:|---:" + "|---" * len(budgets) + "|---:|")
    grouped: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for each in rows:
        grouped[each["method"], each["workers"]].append(each)
    for (name, workers), found in grouped.items():
        cells = []
        for budget in budgets:
            regrets = [100 * each["regret"] for each in found if each["budget"] == budget]
            if not regrets:
                cells.append("")
                continue
            low, middle, high = np.percentile(regrets, [25, 50, 75])
            cells.append(f"{middle:.1f} [{low:.1f} to {high:.1f}], mean {np.mean(regrets):.1f}")
        n_runs = sum(each["budget"] == budgets[-1] for each in found)
        asks = np.mean([each["ask_ms"] for each in found])
        lines.append(f"| {name} | {workers} | {n_runs} | " + " | ".join(cells) + f" | {asks:.0f} |")
    return "\n".join(lines)


def picture(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw the median regret with its quartiles against the budget."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    budgets = sorted({each["budget"] for each in rows})
    for name in dict.fromkeys(each["method"] for each in rows):
        regrets = [
            [100 * each["regret"] for each in rows if each["method"] == name and each["budget"] == budget]
            for budget in budgets
        ]
        low, middle, high = np.array([np.percentile(each or [np.nan], [25, 50, 75]) for each in regrets]).T
        (line,) = axes.plot(budgets, middle, marker="o", label=name)
        axes.fill_between(budgets, low, high, color=line.get_color(), alpha=0.12)
    axes.set(xscale="log", xlabel="tokens spent on the search", ylabel="regret on unseen examples, points")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("methods", nargs="+", choices=list(METHODS), metavar="METHOD")
    parser.add_argument("--landscapes", type=int, nargs="*", default=list(range(8)))
    parser.add_argument("--recorded", type=Path, nargs="*", default=[], help="tables written by `record`")
    parser.add_argument("--caps", type=float, nargs="+", default=[150.0, 600.0], help="tokens per request; 0 is none")
    parser.add_argument("--budgets", nargs="+", default=["100k", "400k", "1600k"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    budgets = sorted(parse_tokens(each) for each in arguments.budgets)
    done = (
        [json.loads(line) for line in arguments.results.read_text().splitlines()] if arguments.results.exists() else []
    )
    known = {(d["method"], d["problem"], d["seed"], d["budget"], d["workers"]) for d in done}
    with arguments.results.open("a") as file:
        for problem in problems(arguments):
            for name in arguments.methods:
                missing = [
                    each
                    for each in budgets
                    if (name, problem.name, problem.seed, each, arguments.workers) not in known
                ]
                for together in runs(name, missing) if missing else []:
                    new = rows(name, problem, together, arguments.workers)
                    file.writelines(json.dumps(each) + "\n" for each in new)
                    file.flush()
                    done += new
    wanted = [each for each in done if each["method"] in arguments.methods and each["workers"] == arguments.workers]
    wanted = [each for each in wanted if each["budget"] in budgets]
    print(table(wanted))
    if any(row["method"] in PEERS and row["budget"] == budgets[-1] for row in wanted):
        print("\n" + reached.table(*reached.reached(wanted, PEERS)))
    if arguments.picture:
        picture(wanted, arguments.picture)


if __name__ == "__main__":
    main()
