"""How often the 95% intervals of `infertune.statistics.intervals` hold the truth, beside Student's t and Wilson's.

    python benchmarks/intervals.py

Scores are right or wrong with probability p (mean), or pairs of such scores that agree more or less often
(difference). Each cell: the share of 20,000 simulated evaluations whose interval holds the true value, and the mean
width; the standard error of a share of 0.95 is 0.0015.
"""

import numpy as np
from scipy import stats as scipy_stats

from infertune.statistics.intervals import mean_interval, paired_difference

N_SIMULATIONS = 20_000
SIZES = (8, 20, 50, 150)


def mean_rows(rng: np.random.Generator) -> None:
    print("| p | n | infertune | Student's t | Wilson |\n|---:|---:|---|---|---|")
    for p in (0.02, 0.1, 0.5):
        for n in SIZES:
            successes = rng.binomial(n, p, N_SIMULATIONS)
            counts = np.bincount(successes, minlength=n + 1)
            tables = {"ours": [], "t": [], "wilson": []}
            for k in range(n + 1):
                values = np.repeat([1.0, 0.0], [k, n - k])
                ours = mean_interval(values)
                half = scipy_stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
                wilson = scipy_stats.binomtest(k, n).proportion_ci(method="wilson")
                tables["ours"].append((ours.low, ours.high))
                tables["t"].append((k / n - half, k / n + half))
                tables["wilson"].append((wilson.low, wilson.high))
            print(f"| {p} | {n} | " + " | ".join(cell(np.array(table), p, counts) for table in tables.values()) + " |")


def cell(table: np.ndarray, truth: float, counts: np.ndarray) -> str:
    low, high = table.T
    weights = counts / counts.sum()
    covered = weights[(low <= truth) & (truth <= high)].sum()
    return f"{covered:.3f}, width {(weights * (high - low)).sum():.3f}"


def difference_rows(rng: np.random.Generator) -> None:
    print("\n| better only | worse only | n | infertune | Student's t |\n|---:|---:|---:|---|---|")
    for better, worse in ((0.02, 0.02), (0.1, 0.02), (0.2, 0.2)):
        for n in SIZES:
            draws = rng.multinomial(n, [better, worse, 1 - better - worse], N_SIMULATIONS)
            kinds, counts = np.unique(draws, axis=0, return_counts=True)
            ours, student = [], []
            for wins, losses, ties in kinds:
                a, b = (
                    np.repeat([1.0, 0.0, 0.0], [wins, losses, ties]),
                    np.repeat([0.0, 1.0, 0.0], [wins, losses, ties]),
                )
                interval = paired_difference(a, b)
                half = scipy_stats.t.ppf(0.975, n - 1) * (a - b).std(ddof=1) / np.sqrt(n)
                ours.append((interval.low, interval.high))
                student.append(((a - b).mean() - half, (a - b).mean() + half))
            cells = " | ".join(cell(np.array(table), better - worse, counts) for table in (ours, student))
            print(f"| {better} | {worse} | {n} | {cells} |")


if __name__ == "__main__":
    generator = np.random.default_rng(0)
    mean_rows(generator)
    difference_rows(generator)
