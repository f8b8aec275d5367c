"""What a search for a server's settings came to, in a terminal."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from infertune.report.plot import WIDTH, text_plot
from infertune.report.serving_answer import ServingAnswer, failure_kinds, front
from infertune.report.serving_verdict import change, ratio, sentence
from infertune.serving.measure import figures
from infertune.serving.search.result import ServingSearchResult, short
from infertune.serving.search.speculation import Schedule
from infertune.serving.search.trial import ServingTrial

_ARMS = {
    "default": "default settings",
    "random": "random control",
    "model": "model's search",
    "finals": "finals",
    "schedule": "schedule",
}


def show(answer: ServingAnswer, console: Console) -> None:
    """Print the whole answer."""
    found = answer.found

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    say(f"\n{sentence(found)}")
    if answer.go_on is not None:
        say(f"About {answer.go_on.seconds:,} more seconds would decide it:\n  {answer.go_on.command}")
    say("")
    if found.finalists:
        console.print(_finals(found))
    say("\nThe search, in shorter bursts (the best of many is also the luckiest: the table above is not):")
    console.print(_arms(found))
    if picture := _picture(found, min(WIDTH, console.width)):
        say("\nThroughput against what one user sees, of all bursts:")
        say(picture)
    if failures := _failures(found.trials):
        say("\nFailures by class:")
        for line in failures:
            say(f"  {line}")
    if answer.schedule is not None:
        say("\nSpeculative length by load, [[lowest in flight, highest, length], ...]:")
        say(f"  {[list(step) for step in answer.schedule.steps]}")
        console.print(_evidence(answer.schedule))
    for note in answer.notes:
        say(f"Note: {note}.")
    say(f"\n{spent(found)}")
    for line in answer.handover:
        say(line)


def spent(found: ServingSearchResult) -> str:
    """Return what the budget went into."""
    parts = ", ".join(f"{_ARMS[name]} {seconds:.0f} s" for name, seconds in found.spent.items())
    total = sum(found.spent.values())
    return (
        f"{total:.0f} s of server time of {found.budget:.0f} s: {parts}; {found.bought:.0f} s of it in this run. "
        f"{len(found.trials)} servers in the search, bursts of {found.burst_seconds:g} s."
    )


def _finals(found: ServingSearchResult) -> Table:
    goal = found.goal
    table = Table(title=f"Finals: {goal}, in turns", title_justify="left")
    table.add_column("settings", overflow="fold")
    for title in (goal.unit, "against default", "95% interval", "turns", "holds at"):
        table.add_column(title, justify="right")
    for each in sorted(found.finalists, key=lambda each: -each.mean):
        name = short(each.configuration, found.space)
        if not each.scores:
            why = each.failure.kind if each.failure else "no load kept the SLO" if each.is_out else "no value"
            table.add_row(name, "-", why, "-", str(len(each.turns)), "-")
            continue
        mean = goal.value(float(np.mean(each.scores)))
        rates = [turn.rate for turn in each.turns.values() if turn.score is not None]
        comparison = found.finals.against_default(each.configuration)
        compared = ("-", "-")
        if comparison.n and each.configuration != found.default:
            ends = sorted(change(goal, end) for end in (comparison.low, comparison.high))
            compared = (ratio(change(goal, comparison.difference)), f"{ratio(ends[0])} to {ratio(ends[1])}")
        table.add_row(
            name,
            f"{mean:.3g}" + (" (out)" if each.is_out else ""),
            *compared,
            str(len(each.turns)),
            f"{float(np.median(rates)):.3g} req/s",
        )
    return table


def _arms(found: ServingSearchResult) -> Table:
    goal = found.goal
    table = Table()
    table.add_column("arm")
    table.add_column("best settings", overflow="fold")
    for title in (goal.unit, "80% interval", "servers", "failed", "seconds"):
        table.add_column(title, justify="right")
    for arm, title in list(_ARMS.items())[:3]:
        trials = [trial for trial in found.trials if trial.arm == arm]
        best = max((t for t in trials if t.score is not None), key=lambda trial: trial.score or 0.0, default=None)
        n_failed = sum(trial.failure is not None for trial in trials)
        row = [title, "-", "-", "-"]
        if best is not None and best.measured is not None and best.score is not None:
            ends = sorted(goal.value(score) for score in (best.measured.low, best.measured.high))
            row = [
                title,
                short(best.configuration, found.space),
                f"{goal.value(best.score):.3g}",
                f"{ends[0]:.3g} to {ends[1]:.3g}",
            ]
        table.add_row(*row, str(len(trials)), str(n_failed), f"{found.spent[arm]:.0f}")
    return table


def _evidence(schedule: Schedule) -> Table:
    lengths = sorted({each.length for each in schedule.evidence})
    table = Table(title="Tokens per second: median, and its deviation over the repeats", title_justify="left")
    table.add_column("in flight", justify="right")
    for length in lengths:
        table.add_column(f"length {length}", justify="right")
    for load in sorted({each.load for each in schedule.evidence}):
        cells = {each.length: each for each in schedule.evidence if each.load == load}
        texts = [f"{cells[n].median:.0f} ±{cells[n].deviation:.0f}" if n in cells else "-" for n in lengths]
        table.add_row(str(load), *texts)
    return table


def _picture(found: ServingSearchResult, width: int) -> str:
    points = [(c, each) for c, each in found.bursts if each.user_rate and each.output_rate and not each.cut]
    recommended = found.verdict.recommended.configuration if found.verdict.recommended else None
    series = {
        "explored": [_point(each) for c, each in points],
        "front": [(f["tokens_per_second"], f["tokens_per_second_per_user"]) for f in front(found)],
        "default": [_point(each) for c, each in points if c == found.default],
        "recommended": [_point(each) for c, each in points if c == recommended],
    }
    picture = text_plot(series, width=width, x="tokens per second", y="per user")
    return f"{picture}\n{'':9}o front  D default  R recommended  · other" if picture else ""


def _point(each: figures.Figures) -> tuple[float, float]:
    return each.output_rate, each.user_rate or 0.0


def _failures(trials: Sequence[ServingTrial]) -> list[str]:
    lines = []
    for kind, n in failure_kinds(trials).most_common():
        example = next(trial for trial in trials if trial.outcome.failure == kind)
        lines.append(f"{kind}: {n} of {len(trials)}, such as trial {example.number}: {example.outcome.line[:160]}")
    return lines
