"""What the rows say, as Markdown: a line for each cell, and the invariants."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.study.cells import Cell
from benchmarks.study.invariants import Check, Row, against_random, by, checks, mean_error

VERDICTS = ("clear", "keep", "undecided", "worse")
SAME = 0.02  # in utility
SHOWN = 12  # failures of one invariant that are named


def report(rows: Sequence[Row], cells: Mapping[str, Cell], searches: Sequence[str]) -> str:
    """Return the whole report."""
    answered = [each for each in rows if "error" not in each]
    found = checks(answered, cells)
    parts = [
        "# Whole studies, judged by what is true",
        _together(answered),
        "## Invariants",
        _invariants(found),
        "## Cells",
        _legend(searches),
        _cells(rows, cells, searches),
        "## The default search beside random, worst cells first",
        _worst(answered),
        "## Where invariants fail",
        _failures(found),
        _errors(rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _legend(searches: Sequence[str]) -> str:
    return (
        f"Figures of {' / '.join(searches)}. Regret: true utility of the best within the cap less that of the answer, "
        "in points, the median. Verdicts: percent of studies that said clear, keep, undecided, worse. False: claims "
        "(clear, keep, worse) that are not true. Harm: percent of answers that are worse than the default by over 2 "
        "points. Held: percent of 95% intervals of utility and of difference that hold the truth. Unspent: percent of "
        "the budget, the mean. Finals, confirmed: examples, the mean. Seconds: of one core."
    )


def _cells(rows: Sequence[Row], cells: Mapping[str, Cell], searches: Sequence[str]) -> str:
    columns = (
        "default",
        "best",
        "regret",
        "utility",
        "verdicts",
        "false",
        "harm",
        "held",
        "unspent",
        "finals",
        "confirmed",
    )
    lines = [f"| cell | seeds | {' | '.join(columns)} | seconds |", "|---|---:|" + "---|" * (len(columns) + 1)]
    grouped = by(rows, "cell", "search")
    for name in cells:
        groups = [[each for each in grouped.get((name, s), []) if "error" not in each] for s in searches]
        if not any(groups):
            continue
        n_seeds = len({each["seed"] for each in rows if each["cell"] == name})
        known = [each for group in groups for each in group]
        fields = [
            f"{np.mean([each['default_utility'] for each in known]):.2f}",
            f"{np.mean([each['best_utility'] for each in known]):.2f}",
            _each(groups, lambda g: f"{100 * np.median([r['best_utility'] - r['utility'] for r in g]):.0f}"),
            _each(groups, lambda g: f"{np.mean([r['utility'] for r in g]):.2f}"),
            _each(groups, _verdicts),
            _each(groups, lambda g: f"{sum(r['true'] is False for r in g)}"),
            _each(groups, _harm),
            _each(groups, lambda g: f"{_percent(g, 'utility_held')}, {_percent(g, 'difference_held')}"),
            _each(groups, lambda g: f"{_percent(g, 'unspent')}"),
            _each(groups, lambda g: f"{np.mean([r['n_finals'] for r in g]):.0f}"),
            _each(groups, lambda g: f"{np.mean([r['n_confirm'] for r in g]):.0f}"),
            _each(groups, lambda g: f"{np.mean([r['seconds'] for r in g]):.1f}"),
        ]
        lines.append(f"| {name} | {n_seeds} | {' | '.join(fields)} |")
    return "\n".join(lines)


def _together(rows: Sequence[Row]) -> str:
    columns = ("studies", "mean utility", "mean regret", "clear, keep, undecided, worse", "false", "harm", "unspent")
    lines = [f"| search | {' | '.join(columns)} | seconds |", "|---|" + "---:|" * (len(columns) + 1)]
    for search, found in by(rows, "search").items():
        fields = [
            f"{len(found):,}",
            f"{np.mean([r['utility'] for r in found]):.3f}",
            f"{100 * np.mean([r['best_utility'] - r['utility'] for r in found]):.1f}",
            _verdicts(found),
            f"{sum(r['true'] is False for r in found)}",
            _harm(found),
            _percent(found, "unspent"),
            f"{np.mean([r['seconds'] for r in found]):.1f}",
        ]
        lines.append(f"| {search} | {' | '.join(fields)} |")
    return "\n".join(lines)


def _worst(rows: Sequence[Row]) -> str:
    found = sorted((mean_error(values), cell, len(values)) for cell, values in against_random(rows).items())
    lines = ["| cell | points | standard error | seeds |", "|---|---:|---:|---:|"]
    lines += [f"| {cell} | {100 * mean:+.1f} | {100 * error:.1f} | {n} |" for (mean, error), cell, n in found[:SHOWN]]
    return "\n".join(lines)


def _harm(rows: Sequence[Row]) -> str:
    return str(round(100 * float(np.mean([r["utility"] < r["default_utility"] - SAME for r in rows]))))


def _each(groups: Sequence[list[Row]], say: Callable[[list[Row]], str]) -> str:
    return " / ".join(say(group) if group else "-" for group in groups)


def _percent(rows: Sequence[Row], name: str) -> str:
    known = [each[name] for each in rows if each[name] is not None]
    return str(round(100 * float(np.mean(known)))) if known else "-"


def _verdicts(rows: Sequence[Row]) -> str:
    return " ".join(str(round(100 * sum(r["verdict"] == each for r in rows) / len(rows))) for each in VERDICTS)


def _invariants(found: Sequence[Check]) -> str:
    lines = ["| invariant | holds in | of | over all |", "|---|---:|---:|---|"]
    for name in dict.fromkeys(each.invariant for each in found):
        own = [each for each in found if each.invariant == name]
        pooled = [f"{each.where}: {each.said}" for each in own if each.where.startswith("all")]
        lines.append(f"| {name} | {sum(each.holds for each in own)} | {len(own)} | {'; '.join(pooled)} |")
    return "\n".join(lines)


def _failures(found: Sequence[Check]) -> str:
    lines = []
    for name in dict.fromkeys(each.invariant for each in found):
        failed = [each for each in found if each.invariant == name and not each.holds]
        lines += [f"- {name}:"] * bool(failed)
        lines += [f"  - {each.where}: {each.said}" for each in failed[:SHOWN]]
        lines += [f"  - and {len(failed) - SHOWN} more"] * (len(failed) > SHOWN)
    return "\n".join(lines) or "Nowhere."


def _errors(rows: Sequence[Row]) -> str:
    errors = [each for each in rows if "error" in each]
    if not errors:
        return ""
    lines = ["## Studies without an answer", "", "| cell | search | studies | the first says |", "|---|---|---:|---|"]
    grouped: dict[Any, list[Row]] = by(errors, "cell", "search")
    lines += [f"| {cell} | {search} | {len(g)} | {g[0]['error']} |" for (cell, search), g in grouped.items()]
    return "\n".join(lines)
