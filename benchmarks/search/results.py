"""Runs as lines of a results file, and the table and the picture of such lines."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.methods import METHODS
from benchmarks.search.problem import Problem
from benchmarks.search.race import Setting, run


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


def picture(panels: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draw the median regret with its quartiles against the budget, in a panel for each title, four in a row.

    Methods with fewer seeds than others in a panel are dashed there.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    n_columns = min(len(panels), 4)
    n_rows = -(-len(panels) // n_columns)
    size = (max(7.0, 5.0 * n_columns), 4.5 * n_rows)
    figure, grid = pyplot.subplots(n_rows, n_columns, figsize=size, layout="constrained", squeeze=False)
    for unused in grid.flat[len(panels) :]:
        unused.set_axis_off()
    every = [each for rows in panels.values() for each in rows]
    names = dict.fromkeys(each["method"] for each in every)
    colors = {name: pyplot.get_cmap("tab20")(number % 20) for number, name in enumerate(names)}
    for axes, (title, rows) in zip(grid.flat, panels.items(), strict=False):  # the last row may be shorter
        budgets = sorted({each["budget"] for each in rows})
        here = dict.fromkeys(each["method"] for each in rows)
        n_seeds = {name: len({each["seed"] for each in rows if each["method"] == name}) for name in here}
        most = max(n_seeds.values())
        for name in here:
            regrets = [
                [100 * each["regret"] for each in rows if each["method"] == name and each["budget"] == budget]
                for budget in budgets
            ]
            low, middle, high = np.array([np.percentile(each or [np.nan], [25, 50, 75]) for each in regrets]).T
            width = 3.0 if name == "value" else 1.2
            few = n_seeds[name] < most
            label = f"{name} ({n_seeds[name]} seeds)" if few else name
            style = {"color": colors[name], "linewidth": width, "linestyle": "--" if few else "-"}
            axes.plot(budgets, middle, marker="o", markersize=3, label=label, **style)
            if name == "value" or len(names) < 6:
                axes.fill_between(budgets, low, high, color=colors[name], alpha=0.12)
        axes.set(title=title, xscale="log", xlabel="tokens spent on the search")
        axes.set_xticks(budgets, [f"{budget / 1000:,.0f}k" for budget in budgets])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
    for axes in grid[:, 0]:
        axes.set_ylabel("regret on unseen examples, points")
    shown = {line.get_label(): line for axes in grid.flat for line in axes.get_lines()}
    figure.legend(shown.values(), shown.keys(), loc="outside right upper", fontsize=8)
    figure.savefig(path, dpi=150)
