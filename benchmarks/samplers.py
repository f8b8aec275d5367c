"""Compares the samplers on a synthetic landscape: true utility found after 24 and 48 trials, and time per proposal.

Run ``python benchmarks/samplers.py``; about five minutes on one core. docs/samplers.md holds the figures.
"""

import statistics
import time

from infertune.samplers.grid import GridSampler
from infertune.samplers.qmc import QMCSampler
from infertune.samplers.random import RandomSampler
from infertune.samplers.tpe import TPESampler
from infertune.testing.landscape import decoding_space, found_utility, told

N_SEEDS = 48
SAMPLERS = {
    "random": RandomSampler(),
    "grid": GridSampler(),
    "qmc": QMCSampler(),
    **{f"tpe, {n} to start": TPESampler(n_startup_trials=n) for n in (4, 8, 12, 16)},
}


def main() -> None:
    columns = [(best_heat, n_trials) for best_heat in (0.0, 0.6) for n_trials in (24, 48)]
    print("| sampler | " + " | ".join(f"heat {heat}, {n} trials" for heat, n in columns) + " | ms at 50 | ms at 200 |")
    print("|---" * (len(columns) + 3) + "|")
    for name, sampler in SAMPLERS.items():
        cells = [name]
        for best_heat, n_trials in columns:
            found = [found_utility(sampler, seed, n_trials=n_trials, best_heat=best_heat) for seed in range(N_SEEDS)]
            error = statistics.stdev(found) / N_SEEDS**0.5
            cells.append(f"{statistics.mean(found):.3f} ± {error:.3f}")
        cells += [f"{milliseconds(sampler, n):.1f}" for n in (50, 200)]
        print("| " + " | ".join(cells) + " |", flush=True)


def milliseconds(sampler: object, n_trials: int) -> float:
    """Return the median processor time of a proposal after ``n_trials`` random trials."""
    space, history, taken = decoding_space(), [], []
    for number in range(n_trials):
        history = told(history, RandomSampler().propose(space, history, 0), (number * 7 % 11) / 11)
    for seed in range(15):
        start = time.process_time()
        sampler.propose(space, history, seed)
        taken.append(time.process_time() - start)
    return 1000 * statistics.median(taken)


if __name__ == "__main__":
    main()
