"""Trials of reliability: does to infertune what docs/reliability.md says, and prints the rows of its table.

python -m benchmarks.reliability faults kills look serving joint
python -m benchmarks.reliability kills --engines hf --kills 100 --seed 7
python -m benchmarks.reliability faults --quick --json
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.reliability import faults, joint, kills, look, serving
from benchmarks.reliability.row import Row

Trial = Callable[[Path, argparse.Namespace], Iterator[Row]]


def _faults(folder: Path, asked: argparse.Namespace) -> Iterator[Row]:
    if asked.quick:
        return faults.rows(folder, n_seeds=0, n_examples=8, pause=0.2, shares=[0.2])
    return faults.rows(folder, n_seeds=asked.seeds, n_examples=40)


def _kills(folder: Path, asked: argparse.Namespace) -> Iterator[Row]:
    return kills.rows(folder, tuple(asked.engines), n_kills=asked.kills or (2 if asked.quick else 40), seed=asked.seed)


def _look(folder: Path, asked: argparse.Namespace) -> Iterator[Row]:
    return look.rows(folder, n_kills=asked.kills or (1 if asked.quick else 20), seed=asked.seed)


def _serving(folder: Path, asked: argparse.Namespace) -> Iterator[Row]:
    budget = 45 if asked.quick else 60
    n_kills = asked.kills or (2 if asked.quick else 20)
    return serving.rows(folder, n_kills=n_kills, seed=asked.seed, budget_seconds=budget)


def _joint(folder: Path, asked: argparse.Namespace) -> Iterator[Row]:
    return joint.rows(folder, n_kills=asked.kills or (2 if asked.quick else 20), seed=asked.seed)


TRIALS: dict[str, Trial] = {"faults": _faults, "kills": _kills, "look": _look, "serving": _serving, "joint": _joint}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability")
    parser.add_argument("trials", nargs="+", choices=TRIALS, metavar="TRIAL", help=", ".join(TRIALS))
    parser.add_argument("--quick", action="store_true", help="little of each, for a test")
    parser.add_argument("--kills", type=int, default=0, help="SIGKILLs of each kind")
    parser.add_argument("--engines", nargs="+", choices=kills.NAMES, default=kills.USUAL, help="of kills")
    parser.add_argument("--seeds", type=int, default=3, help="pairs of studies, of faults")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of death")
    parser.add_argument("--json", action="store_true", help="print the figures")
    asked = parser.parse_args()
    for name in asked.trials:
        with tempfile.TemporaryDirectory() as folder:
            for row in TRIALS[name](Path(folder), asked):
                again = f"python -m benchmarks.reliability {name}"
                print(json.dumps(row.figures) if asked.json else row.markdown(again), flush=True)


if __name__ == "__main__":
    main()
