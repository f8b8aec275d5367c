"""What must hold of every cell, and of all together, as checks of rows."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import beta, t

from benchmarks.study.cells import Cell

Row = Mapping[str, Any]
LUCK = 0.975  # quantile of Student's t: luck alone fails one in forty
LARGE = 0.3  # a gap, in utility, within the cap
MOST_UNSPENT = 0.02
MOST_FALSE = 0.05
LEAST_HELD = 0.93
NOTHING = 1e-9  # a difference of rounding


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant at one place: a cell, or all of them."""

    invariant: str
    where: str
    holds: bool
    said: str


def checks(rows: Sequence[Row], cells: Mapping[str, Cell]) -> list[Check]:
    """Return all checks of some rows without errors."""
    found: list[Check] = []
    for check in (
        _not_worse,
        _finals_grow,
        _answers_grow,
        _seen_is_confirmed,
        _spent,
        _false_claims,
        _large_not_kept,
        _held,
    ):
        found += check(rows, cells)
    return found


def exact_interval(k: int, n: int) -> tuple[float, float]:
    """Return the 95% interval of a share by Clopper and Pearson."""
    low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
    return low, high


def by(rows: Iterable[Row], *names: str) -> dict[Any, list[Row]]:
    """Return the rows by one value, or by a tuple of several."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for each in rows:
        found[each[names[0]] if len(names) == 1 else tuple(each[name] for name in names)].append(each)
    return found


def against_random(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Return true utility of the default search less that of `random`, cell by cell for the seeds that have both."""
    both = {key: {each["search"]: each for each in found} for key, found in by(rows, "cell", "seed").items()}
    found: dict[str, list[float]] = defaultdict(list)
    for (cell, _), searches in both.items():
        if {"infertune", "random"} <= searches.keys():
            found[cell].append(searches["infertune"]["utility"] - searches["random"]["utility"])
    return found


def mean_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error, infinite for one value."""
    n = len(values)
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(n)) if n > 1 else math.inf


def _not_worse(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[Check]:
    name = "the default search is not worse than random"
    found = against_random(rows)
    pooled: dict[str, list[float]] = defaultdict(list)
    for cell, differences in found.items():
        yield _mean_check(name, cell, differences)
        pooled[f"all of n{cells[cell].n_tune}"] += differences
        pooled["all"] += differences
    for where, differences in pooled.items():
        yield _mean_check(name, where, differences)


def _mean_check(name: str, where: str, differences: Sequence[float]) -> Check:
    mean, error = mean_error(differences)
    holds = len(differences) < 2 or mean >= -float(t.ppf(LUCK, len(differences) - 1)) * error - NOTHING
    return Check(name, where, holds, f"{100 * mean:+.1f} ± {100 * error:.1f} points of {len(differences)}")


def _neighbours(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[tuple[str, str, list[tuple[Row, Row]]]]:
    """Yield cells whose next smaller budget was run too, all else the same, with the pairs of rows of every seed."""
    ladders: dict[Cell, list[str]] = defaultdict(list)
    for name in dict.fromkeys(each["cell"] for each in rows):
        ladders[replace(cells[name], budget=0.0, budget_tokens=None, seeds=0)].append(name)
    figures = {key: {each["seed"]: each for each in found} for key, found in by(rows, "cell", "search").items()}
    searches = dict.fromkeys(search for _, search in figures)
    for ladder in ladders.values():
        ordered = sorted(ladder, key=lambda name: cells[name].budget_tokens or cells[name].budget)
        for (less, more), search in itertools.product(itertools.pairwise(ordered), searches):
            a, b = figures.get((less, search), {}), figures.get((more, search), {})
            if pairs := [(a[seed], b[seed]) for seed in sorted(a.keys() & b.keys())]:
                yield more, search, pairs


def _finals_grow(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[Check]:
    for cell, search, pairs in _neighbours(rows, cells):
        low, high = np.mean([(less["n_finals"], more["n_finals"]) for less, more in pairs], axis=0)
        yield Check(
            "examples of the finals never fall as the budget grows",
            f"{cell}, {search}",
            bool(high >= low),
            f"{low:.1f} to {high:.1f} examples of {len(pairs)}",
        )


def _answers_grow(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[Check]:
    pooled: dict[str, list[float]] = defaultdict(list)
    name = "answers are not worse as the budget grows"
    for cell, search, pairs in _neighbours(rows, cells):
        differences = [more["utility"] - less["utility"] for less, more in pairs]
        pooled[search] += differences
        yield _mean_check(name, f"{cell}, {search}", differences)
    for search, differences in pooled.items():
        yield _mean_check(name, f"all, {search}", differences)


def _seen_is_confirmed(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[Check]:
    return _none_of(
        rows,
        "what was seen to be better than the default is confirmed against it",
        among=lambda each: each["seen_better"],
        bad=lambda each: not each["confirmed"],
    )


def _spent(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[Check]:
    return _none_of(
        rows,
        "at most 2%, or two more examples, is unspent while undecided, unless all were confirmed on",
        among=lambda each: each["verdict"] == "undecided" and not each["all_confirmed"],
        bad=lambda each: each["unspent"] * each["budget_tokens"] > _most_unspent(each),
    )


def _most_unspent(row: Row) -> float:
    """Return 2% of the budget, or what two more examples of both configurations take: a small one has coarse steps."""
    return max(MOST_UNSPENT * row["budget_tokens"], 2 * (row["cost_tokens"] + row["default_cost_tokens"]))


def _large_not_kept(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[Check]:
    return _none_of(
        rows,
        "the default is never kept where the gap is large",
        among=lambda each: each["best_utility"] - each["default_utility"] >= LARGE,
        bad=lambda each: each["verdict"] == "keep",
    )


def _none_of(
    rows: Sequence[Row], name: str, *, among: Callable[[Row], bool], bad: Callable[[Row], bool]
) -> Iterable[Check]:
    for (cell, search), found in by(rows, "cell", "search").items():
        counted = [each for each in found if among(each)]
        if counted:
            n_bad = sum(map(bad, counted))
            yield Check(name, f"{cell}, {search}", not n_bad, f"not so in {n_bad} of {len(counted)}")


def _false_claims(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[Check]:
    name = "'clear' is false in at most 5% of studies without a gap"
    for search, found in by([each for each in rows if _without_gap(cells[each["cell"]])], "search").items():
        n_false, n = sum(each["verdict"] == "clear" for each in found), len(found)
        low, high = exact_interval(n_false, n)
        said = f"{n_false} of {n}, 95% interval {100 * low:.1f} to {100 * high:.1f}%"
        yield Check(name, f"all, {search}", low <= MOST_FALSE, said)


def _without_gap(cell: Cell) -> bool:
    return not cell.task and cell.gap == "none"


def _held(rows: Sequence[Row], cells: Mapping[str, Cell]) -> Iterable[Check]:
    for what in ("utility", "difference"):
        name = f"intervals of the {what} hold the truth in 93% or more"
        known = [each for each in rows if each[f"{what}_held"] is not None]
        answered = [each for each in known if what == "utility" or each["confirmed"]]
        groups = {f"{size} confirmed": found for size, found in by_size(answered).items()} | {"all": answered}
        for where, found in groups.items():
            if found:
                n_held, n = sum(each[f"{what}_held"] for each in found), len(found)
                low, high = exact_interval(n_held, n)
                said = f"{100 * n_held / n:.1f}% of {n}, 95% interval {100 * low:.1f} to {100 * high:.1f}%"
                yield Check(name, where, high >= LEAST_HELD, said)


def by_size(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows by classes of the number of examples of the confirmation, from few to many."""
    limits = (10, 20, 40, 100, 300)
    names = ["up to 10", "11 to 20", "21 to 40", "41 to 100", "101 to 300", "over 300"]
    found: dict[str, list[Row]] = {name: [] for name in names}
    for each in rows:
        found[names[sum(each["n_confirm"] > limit for limit in limits)]].append(each)
    return found
