"""The verdict of a search for a server's settings, in words."""

import math

from infertune.serving.measure.goal import Goal
from infertune.serving.search.comparison import MARGIN, ServingComparison
from infertune.serving.search.result import ServingSearchResult, short

_SURE = "95% at any number of turns, paired"


def sentence(found: ServingSearchResult) -> str:
    """Return the verdict in one sentence or two."""
    said, goal = found.verdict, found.goal
    if said.kind == "nothing" or (said.recommended is None and said.best is None):
        kept = f"keeps {goal.slo}" if goal.slo.promises else "ran"
        return f"Nothing that was tried {kept}: there is nothing to recommend."
    name = "" if said.best is None else short(said.best, found.space)
    best, default = _shown(found, name), _shown(found, "default")
    if said.kind == "clear":
        if not said.comparison.n:
            return f"Clear winner: {name} with {best}; the default settings {_why_out(found)}."
        return f"Clear winner: {name} with {best}, {against(goal, said.comparison)} against the default's {default}."
    if said.kind == "keep":
        if said.best is None:
            kept = f"keeps {goal.slo}" if goal.slo.promises else "ran"
            return f"Keep the default settings, {default}: nothing else that was tried {kept}."
        return (
            f"Keep the default settings, {default}: {name}, the best of the others, is not more than {MARGIN:.0%} "
            f"better: {against(goal, said.comparison)}."
        )
    compared = f"; {against(goal, said.comparison)}" if said.comparison.n else ""
    return (
        f"Undecided: best seen {name} at {best}, the default at {default}{compared}. It is not shown that the first "
        f"is better, nor that it is at most {MARGIN:.0%} better."
    )


def against(goal: Goal, comparison: ServingComparison) -> str:
    """Return how two compare: ``3.0x [2.6x, 3.4x] (95% at any number of turns, paired, 4 turns)``."""
    ends = sorted((change(goal, comparison.low), change(goal, comparison.high)))
    turns = f"{comparison.n} turn{'s' if comparison.n > 1 else ''}"
    return f"{ratio(change(goal, comparison.difference))} [{ratio(ends[0])}, {ratio(ends[1])}] ({_SURE}, {turns})"


def change(goal: Goal, difference: float) -> float:
    """Return what a difference of scores multiplies the value with."""
    return math.exp(min(-difference if goal.less_is_better else difference, 700.0))


def ratio(factor: float) -> str:
    """Return a factor as ``17.6x``, or as ``+12%`` where it is less than double and more than half."""
    if factor >= 2 or factor <= 0.5:
        return f"{factor:.0f}x" if factor >= 100 else f"{factor:.1f}x" if factor >= 1 else f"{factor:.2g}x"
    return f"{factor - 1:+.0%}"


def value(goal: Goal, score: float) -> str:
    """Return a value with its unit: ``50.4 requests/s``."""
    return f"{goal.value(score):.3g} {goal.unit}"


def _shown(found: ServingSearchResult, name: str) -> str:
    """Return what settings of a short name came to: in the finals, or else in the search."""
    for each in found.finalists:
        if short(each.configuration, found.space) == name and each.scores:
            return value(found.goal, sum(each.scores) / len(each.scores))
    for trial in found.trials:
        if short(trial.configuration, found.space) == name and trial.score is not None:
            return f"{value(found.goal, trial.score)} in the search"
    return "no value"


def _why_out(found: ServingSearchResult) -> str:
    default = found.finals.of(found.default)
    failure = default.failure or found.trials[0].failure
    if failure is not None:
        return f"failed ({failure.kind})"
    return "kept the SLO at no load that was tried" if not default.scores else "broke the SLO in the finals"
