"""Compares search methods: regret on unseen examples against tokens spent, on synthetic landscapes and recorded banks.

    python -m benchmarks.search random tpe value --landscapes 0 1 2 3 --budgets 100k 400k

Every line of the results file is one run; a command that was stopped goes on where it stood, and the table and the
picture are made from all lines of the methods asked for.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.search import reached, tables
from benchmarks.search.methods import METHODS, PEERS
from benchmarks.search.problem import Problem, RecordedProblem, SyntheticProblem
from benchmarks.search.results import picture, rows, runs, table
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
        picture({"": wanted}, arguments.picture)


if __name__ == "__main__":
    main()
