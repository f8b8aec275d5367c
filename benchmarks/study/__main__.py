"""Whole studies on planted models: python -m benchmarks.study [--quick] [--cells TEXT ...] [--searches ...]."""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.study.cells import SEARCHES, every, quick
from benchmarks.study.report import report
from benchmarks.study.runs import row

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description="whole studies, judged by truth")
    parser.add_argument("--quick", action="store_true", help="a few cells and seeds: two minutes on two cores")
    parser.add_argument("--cells", nargs="+", metavar="TEXT", help="those whose names have all of these words")
    parser.add_argument("--searches", nargs="+", default=list(SEARCHES), metavar="NAME")
    parser.add_argument("--seeds", type=int, help="of each cell, instead of the cell's own number")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl", help="is gone on with")
    parser.add_argument("--table", type=Path, help="where the report goes; RESULTS.md for the whole grid")
    arguments = parser.parse_args()
    wanted = list(quick() if arguments.quick else every())
    words = set(arguments.cells or ())
    cells = {each.name: each for each in wanted if words <= set(each.name.split())}
    if not cells:
        parser.error(f"--cells must leave a cell, but none of these has them all: {', '.join(c.name for c in wanted)}")
    known = (
        [json.loads(line) for line in arguments.results.read_text().splitlines()] if arguments.results.exists() else []
    )
    seeds = {name: arguments.seeds or each.seeds for name, each in cells.items()}
    rows = [
        each
        for each in known
        if each["cell"] in cells and each["search"] in arguments.searches and each["seed"] < seeds[each["cell"]]
    ]
    done = {(each["cell"], each["search"], each["seed"]) for each in rows}
    most = max(seeds.values())
    todo = [
        (cell, search, seed)
        for seed in range(most)  # so that what a stopped run has is of all cells
        for name, cell in cells.items()
        for search in arguments.searches
        if seed < seeds[name] and (name, search, seed) not in done
    ]
    with ProcessPoolExecutor(arguments.jobs) as pool, arguments.results.open("a") as file:
        waiting = [pool.submit(row, *each) for each in todo]
        for number, job in enumerate(as_completed(waiting), 1):
            rows.append(job.result())
            file.write(json.dumps(rows[-1]) + "\n")
            file.flush()
            if number % 50 == 0:
                print(f"{number:,} of {len(todo):,} studies", flush=True)
    rows.sort(key=lambda each: (list(cells).index(each["cell"]), each["search"], each["seed"]))
    said = report(rows, cells, arguments.searches)
    print(said)
    whole = not (arguments.quick or words or arguments.seeds or arguments.searches != list(SEARCHES))
    if arguments.table or whole:
        (arguments.table or HERE / "RESULTS.md").write_text(said)


if __name__ == "__main__":
    main()
