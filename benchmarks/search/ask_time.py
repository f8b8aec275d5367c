"""Milliseconds of processor time per ask, when so many trials are known.

    python -m benchmarks.search.ask_time value "optuna tpe" "optuna gp" --trials 50 200 1000 --limit 120

Of a peer, what its library takes inside its own process; of other methods, their `ask`. One thread each.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.search.methods import METHODS
from benchmarks.search.problem import Problem, SyntheticProblem
from benchmarks.search.race import Apart, Method, Setting

TRIALS = (50, 200, 1000)
WINDOW = 20
ENDLESS = 100_000_000  # tokens: nobody ends before the last trial


@dataclass(frozen=True, kw_only=True)
class AskTime:
    """Mean milliseconds of the asks before each number of trials, at most 20 of them.

    Attributes:
        ms: By number of trials; those not reached are absent.
        n_trials: How many it had when it was stopped.
        last_ms: The mean at its end.
    """

    ms: dict[int, float]
    n_trials: int
    last_ms: float

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "AskTime":
        """Return what a row of a results file says, whose numbers of trials are text."""
        ms = {int(n): float(ms) for n, ms in row["ms"].items()}
        return cls(ms=ms, n_trials=row["n_trials"], last_ms=row["last_ms"])


def ask_time(
    make: Callable[[Setting], Method], problem: Problem, trials: Sequence[int], limit_seconds: float
) -> AskTime:
    """Let a method search with one worker until it has so many trials, or the time is over."""
    method = make(Setting(problem=problem, budget_tokens=ENDLESS))
    until = time.monotonic() + limit_seconds
    own: list[float] = []
    taken: Sequence[float] = own
    try:
        while time.monotonic() < until and len(taken) < max(trials):
            started = time.process_time()
            wish = method.ask()
            own.append(time.process_time() - started)
            taken = method.ask_seconds if isinstance(method, Apart) else own
            if wish is None:
                break
            method.tell(problem.buy(wish))
    finally:
        if isinstance(method, Apart):
            method.close()
    ms = {n: 1000 * float(np.mean(taken[max(0, n - WINDOW) : n])) for n in trials if n <= len(taken)}
    return AskTime(ms=ms, n_trials=len(taken), last_ms=1000 * float(np.mean(taken[-WINDOW:])))


def table(asks: Mapping[str, AskTime]) -> str:
    """Return the times by method."""
    return "\n".join([_head(TRIALS), *(_line(name, found, TRIALS) for name, found in asks.items())])


def _head(trials: Sequence[int]) -> str:
    cells = " | ".join(f"at {n:,} trials" for n in trials)
    return f"| method | {cells} |  |\n|---|" + "---:|" * len(trials) + "---|"


def _line(name: str, found: AskTime, trials: Sequence[int]) -> str:
    cells = " | ".join(f"{found.ms[n]:.1f}" if n in found.ms else "" for n in trials)
    ended = f"ended at {found.n_trials:,}, {found.last_ms:.1f}" if len(found.ms) < len(trials) else ""
    return f"| {name} | {cells} | {ended} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("methods", nargs="+", choices=list(METHODS), metavar="METHOD")
    parser.add_argument("--trials", type=int, nargs="+", default=TRIALS)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for each method")
    parser.add_argument("--landscape", type=int, default=1)
    parser.add_argument("--cap", type=float, default=150.0, help="tokens per request")
    arguments = parser.parse_args()
    trials = sorted(arguments.trials)
    print(_head(trials), flush=True)
    for name in arguments.methods:
        problem = SyntheticProblem(arguments.landscape, arguments.cap, 0)
        print(_line(name, ask_time(METHODS[name], problem, trials, arguments.limit), trials), flush=True)


if __name__ == "__main__":
    main()
