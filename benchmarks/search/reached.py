"""How many tokens each method needs to be as good as the best peer is with the full budget."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_RESAMPLES = 1000
_Curve = Mapping[int, Mapping[tuple[str, int], float]]  # by budget, of each run the regret


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be reached: the median regret of the best peer at the largest budget."""

    peer: str
    regret: float
    budget: int


@dataclass(frozen=True, kw_only=True)
class Reached:
    """When a method reached the target.

    Attributes:
        tokens: At which its median regret first is as low, between two budgets on a logarithmic scale; infinite where
            it never is. Where it is so at the smallest budget, that one: the truth may be less.
        low: 5% quantile of ``tokens`` over bootstrap samples of the runs, in each of which the best peer's regret is
            taken anew; ``high`` is the 95% one.
        at_smallest: Whether ``tokens`` is the smallest budget that was run.
        n_runs: Problems and seeds, the same for all methods.
    """

    method: str
    tokens: float
    low: float
    high: float
    at_smallest: bool
    n_runs: int


def reached(rows: Iterable[Mapping[str, Any]], peers: Collection[str]) -> tuple[Target, list[Reached]]:
    """Return the target and each method's way there, over the runs that all methods have at all their budgets.

    Args:
        rows: Of the results file, with one number of workers.
        peers: The names among which the best is sought; it must have the largest budget.

    Raises:
        ValueError: No run is shared by all, or no peer has the largest budget.
    """
    curves: dict[str, dict[int, dict[tuple[str, int], float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        curves[row["method"]][row["budget"]][row["problem"], row["seed"]] = row["regret"]
    full = max((budget for curve in curves.values() for budget in curve), default=0)
    rivals = [name for name in curves if name in peers and full in curves[name]]
    if not rivals:
        raise ValueError(f"a peer must have run with {full:,} tokens, but found none")
    runs = sorted(set.intersection(*(set(found) for curve in curves.values() for found in curve.values())))
    if not runs:
        raise ValueError("at least one problem and seed must have been run by all methods, but found none")
    best = min(rivals, key=lambda name: _median(curves[name][full], runs))
    target = Target(peer=best, regret=_median(curves[best][full], runs), budget=full)
    rng = np.random.default_rng(0)
    drawn = [[runs[at] for at in rng.integers(len(runs), size=len(runs))] for _ in range(_RESAMPLES)]
    found = []
    for name, curve in curves.items():
        again = [_tokens(curve, each, _median(curves[best][full], each)) for each in drawn]
        tokens = _tokens(curve, runs, target.regret)
        found.append(
            Reached(
                method=name,
                tokens=tokens,
                low=float(np.quantile(again, 0.05, method="lower")),
                high=float(np.quantile(again, 0.95, method="higher")),
                at_smallest=tokens == min(curve),
                n_runs=len(runs),
            )
        )
    return target, sorted(found, key=lambda each: each.tokens)


def table(target: Target, found: Sequence[Reached]) -> str:
    """Return it as a table."""
    lines = [
        f"The best peer with {target.budget:,} tokens is {target.peer}, with a median regret of "
        f"{100 * target.regret:.1f} points. As good as that with so many tokens:",
        "",
        "| method | runs | tokens [90% interval] | share of the budget |",
        "|---|---:|---:|---:|",
    ]
    for each in found:
        most = "at most " if each.at_smallest else ""
        share = f"{most}{each.tokens / target.budget:.2f}" if math.isfinite(each.tokens) else ""
        interval = f"{most}{_words(each.tokens)} [{_words(each.low)} to {_words(each.high)}]"
        lines.append(f"| {each.method} | {each.n_runs} | {interval} | {share} |")
    return "\n".join(lines)


def one_by_one(rows: Iterable[Mapping[str, Any]], method: str, target: Target) -> str:
    """Return a table of how often a method is as good as the best peer is with the full budget, run by run.

    Args:
        rows: As `reached` takes them.
        method: Whose.
        target: The best peer and its budget; of each run its own regret counts here, not the median.
    """
    peer: dict[tuple[str, int], float] = {}
    ours: dict[int, dict[tuple[str, int], float]] = defaultdict(dict)
    for row in rows:
        run = (row["problem"], row["seed"])
        if row["method"] == target.peer and row["budget"] == target.budget:
            peer[run] = row["regret"]
        elif row["method"] == method:
            ours[row["budget"]][run] = row["regret"]
    lines = [
        f"{method} and what {target.peer} has with {target.budget:,} tokens, run by run:",
        "",
        "| tokens | runs | as good | the others behind by, median | furthest behind |",
        "|---:|---:|---:|---:|---|",
    ]
    for budget, found in sorted(ours.items()):
        behind = {run: 100 * (found[run] - peer[run]) for run in found.keys() & peer.keys()}
        late = {run: points for run, points in behind.items() if points > 0}
        middle = f"{np.median(list(late.values())):.1f}" if late else ""
        worst = max(late, key=lambda run: late[run], default=None)
        shown = f"{late[worst]:.1f} ({worst[0]}, seed {worst[1]})" if worst else ""
        lines.append(f"| {budget:,} | {len(behind)} | {len(behind) - len(late)} | {middle} | {shown} |")
    return "\n".join(lines)


def _words(tokens: float) -> str:
    return f"{tokens / 1000:,.0f}k" if math.isfinite(tokens) else "not reached"


def _median(found: Mapping[tuple[str, int], float], runs: Sequence[tuple[str, int]]) -> float:
    return float(np.median([found[run] for run in runs]))


def _tokens(curve: _Curve, runs: Sequence[tuple[str, int]], target: float) -> float:
    before: tuple[int, float] | None = None
    for budget in sorted(curve):
        here = _median(curve[budget], runs)
        if here <= target:
            if before is None:
                return float(budget)
            share = (before[1] - target) / (before[1] - here)
            return float(math.exp(math.log(before[0]) + share * (math.log(budget) - math.log(before[0]))))
        before = budget, here
    return math.inf
