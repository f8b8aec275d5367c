"""The answer in a terminal: two configurations side by side, the verdict in a sentence, the front."""

import itertools
import math
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.promise import Margin, Promise
from infertune.report.answer import Answer
from infertune.report.plot import MARKS, WIDTH, text_plot
from infertune.select import Verdict
from infertune.space import Configuration, SearchSpace
from infertune.stats import Interval
from infertune.types import Scalar


def show(answer: Answer, console: Console) -> None:
    """Print the whole answer."""
    found = answer.recommendation
    recommended, default = found.selection.recommended.configuration, found.default
    console.print(f"\n{sentence(found.verdict, same=recommended == default)}", markup=False, highlight=False)
    console.print(f"\n{promised(found.promise)}\n", markup=False, highlight=False)
    console.print(_side_by_side(recommended, default, found.verdict))
    console.print(
        f"\nThe front, on the {found.n_tune} examples of the search (these flatter the best, the table does not):",
        highlight=False,
    )
    console.print(_front(answer))
    console.print(_plot(answer, width=min(WIDTH, console.width)), markup=False, highlight=False)
    for note in found.notes:
        console.print(f"Note: {note}.", markup=False, highlight=False)
    console.print(f"\n{_spent(answer)}", markup=False, highlight=False)
    if answer.engine_metrics is not None:
        console.print(_served(answer.engine_metrics), markup=False, highlight=False)


def sentence(verdict: Verdict, *, same: bool) -> str:
    """Return the verdict in words; ``same`` when the recommended configuration is the default itself."""
    n = verdict.difference.n
    if same:
        return (
            f"Keep the default: nothing that was tried is both as good and cheaper, or better. On {n} examples that "
            f"the search never saw its utility is {interval(verdict.default_utility)}."
        )
    difference = f"{verdict.difference.mean:+.3f} [{verdict.difference.low:+.3f}, {verdict.difference.high:+.3f}]"
    cost = _cost(verdict)
    if verdict.difference.low > 0:
        return (
            f"Clear winner: the recommended configuration beats the default by {difference} in utility "
            f"(95%, paired, {n} examples that the search never saw), at {cost}."
        )
    if verdict.difference.high < 0:
        return (
            f"The recommended configuration is worse than the default by {difference} in utility (95%, paired, {n} "
            f"examples that the search never saw), at {cost}: keep the default unless tokens matter more."
        )
    more = (
        "with a difference this small no practical number of further examples would decide it"
        if verdict.examples_to_decide is None
        else f"about {verdict.examples_to_decide:,} more examples would decide it"
    )
    return (
        f"No clear winner: recommended minus default is {difference} in utility (95%, paired, {n} examples that the "
        f"search never saw); {more}. The recommended configuration takes {cost}."
    )


def promised(promise: Promise) -> str:
    """Return in words how far the recommended configuration may be from the best of what was tried."""
    if promise.tried and promise.tried.n_candidates == 1:
        return "Nothing else was tried, so there is nothing that the recommended configuration could fall short of."
    confidence = f"with {promise.confidence:.0%} confidence"
    finalists = promise.finalists and f"within {_up(promise.finalists)} of the best of {_counted(promise.finalists)}"
    tried = promise.tried and f"within {_up(promise.tried)} of the best of all {promise.tried.n_candidates:,} tried"
    stepless = "the space has a range without a step, so nothing is promised of all that was tried"
    unseen = "the finals had no examples that the search had not seen"
    if finalists and tried:
        return f"Promise: the recommended configuration is {finalists}, and {tried}; each {confidence}."
    if tried:
        return f"Promise: the recommended configuration is {tried}, {confidence}; {unseen}."
    if finalists:
        return f"Promise: the recommended configuration is {finalists}, {confidence}; {stepless}."
    return f"No promise: {unseen}, and {stepless}."


def _counted(margin: Margin) -> str:
    return f"{margin.n_candidates:,} finalists on {margin.n_examples:,} examples new to them"


def _up(margin: Margin) -> str:
    """Return the margin, rounded up: a promise must not be made better by its printing."""
    return f"{math.ceil(100 * margin.within - 1e-9) / 100:.2f}"


def _cost(verdict: Verdict) -> str:
    change = verdict.cost_tokens / verdict.default_cost_tokens - 1
    compared = (
        f"{abs(change):.0%} {'more' if change > 0 else 'fewer'} than the default"
        if abs(change) >= 0.005
        else "as the default"
    )
    return f"{verdict.cost_tokens:.0f} tokens per request, {compared}"


def interval(value: Interval) -> str:
    """Return ``0.256 [0.180, 0.332]``."""
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def short(configuration: Configuration, space: SearchSpace) -> str:
    """Return on one line what a configuration changes of the space's default, in the notation of ``--set``."""
    default = space.default_configuration()
    changed = {name: value for name, value in configuration.items() if value != default.get(name)}
    return "  ".join(f"{space[name].alias}={plain(value)}" for name, value in changed.items()) or "the default"


def plain(value: Scalar) -> str:
    """Return a value as one would type it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _side_by_side(recommended: Configuration, default: Configuration, verdict: Verdict) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("recommended")
    table.add_column("default")
    for name in dict.fromkeys((*default, *recommended)):
        values = [plain(one[name]) if name in one else "-" for one in (recommended, default)]
        table.add_row(name, Text(values[0], style="bold" if values[0] != values[1] else ""), Text(values[1]))
    table.add_row("utility, 95% interval", interval(verdict.utility), interval(verdict.default_utility))
    table.add_row("tokens per request", f"{verdict.cost_tokens:.1f}", f"{verdict.default_cost_tokens:.1f}")
    return table


def _front(answer: Answer) -> Table:
    selection = answer.recommendation.selection
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head, side in (
        ("tokens per request", "right"),
        ("utility", "right"),
        ("", "left"),
        ("changed from the default", "left"),
    ):
        table.add_column(head, justify=side, overflow="fold")  # type: ignore[arg-type]
    for (cost_tokens, utility), group in itertools.groupby(
        selection.front, key=lambda candidate: (candidate.cost_tokens, candidate.utility)
    ):
        equals = [candidate.configuration for candidate in group]
        is_recommended = selection.recommended.configuration in equals
        shown = selection.recommended.configuration if is_recommended else equals[0]
        more = f"  (and {len(equals) - 1} more)" if len(equals) > 1 else ""
        mark = MARKS["recommended"] if is_recommended else ""
        table.add_row(f"{cost_tokens:.0f}", f"{utility:.3f}", mark, Text(short(shown, answer.space) + more))
    return table


def _plot(answer: Answer, *, width: int) -> str:
    found = answer.recommendation
    chosen = found.selection.recommended
    drawn = text_plot(
        {
            "explored": found.explored,
            "front": [(one.cost_tokens, one.utility) for one in found.selection.front],
            "recommended": [(chosen.cost_tokens, chosen.utility)],
        },
        width=width,
    )
    return (
        f"\n{drawn}\n{'':9}{MARKS['explored']} tried   {MARKS['front']} front   {MARKS['recommended']} recommended\n"
    )


def _spent(answer: Answer) -> str:
    found = answer.recommendation
    return ", ".join(_parts(answer)) + f"; {found.n_trials} trials in {duration(found.seconds)} of generating."


def _parts(answer: Answer) -> Iterator[str]:
    spent = answer.recommendation.spent
    extra = f", {spent.extra_tokens:,} beyond the answers" if spent.extra_tokens else ""
    yield (
        f"Spent {spent.tokens:,} tokens "
        f"({spent.prompt_tokens:,} prompt, {spent.completion_tokens:,} completion{extra})"
    )
    if answer.prices is not None:
        yield f"which is {answer.prices.amount(spent.all_prompt_tokens, spent.all_completion_tokens)}"


def _served(metrics: Mapping[str, float | int | str | None]) -> str:
    parts = []
    if isinstance(hits := metrics.get("prefix_hit_share"), float):
        parts.append(f"{hits:.0%} of the prompt tokens were in its prefix cache")
    if preemptions := metrics.get("n_preemptions"):
        parts.append(f"{preemptions} preemptions")
    if isinstance(rate := metrics.get("acceptance_rate"), float):
        parts.append(f"{rate:.0%} of the drafted tokens were accepted ({metrics['accepted_length']:.2f} a step)")
    if restarts := metrics.get("n_restarts"):
        parts.append(f"it ended {restarts} times before its time, last by {metrics['last_failure']}")
    return f"Server: {', '.join(parts)}." if parts else ""


def duration(seconds: float) -> str:
    """Return ``45 s``, ``2 min 05 s`` or ``3 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
