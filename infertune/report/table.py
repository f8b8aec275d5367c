"""The answer in a terminal: two configurations side by side, the verdict in a sentence, the front."""

import itertools
import math
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.report.answer import COST, Answer
from infertune.report.plot import MARKS, WIDTH, text_plot
from infertune.selection.recommendation import Recommendation
from infertune.selection.regret_bound import Margin, RegretBound
from infertune.selection.select import DOUBT
from infertune.selection.verdict import Verdict
from infertune.space import SearchSpace
from infertune.statistics.intervals import Interval
from infertune.types import Configuration, Scalar

LARGEST_BOUND = 0.3  # on regret: beyond it, it says nothing
MANY_TIMES = 10  # as many examples as there are: nobody adds so many for one difference


def show(answer: Answer, console: Console) -> None:
    """Print the whole answer."""
    found = answer.recommendation
    for line in filter(None, (sentence(found, answer.cost), advice(found), bounded(found.promise))):
        console.print(f"\n{line}", markup=False, highlight=False)
    if answer.resume:
        console.print(
            f"\nTo resume with a budget that would decide:\n  {answer.resume}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    console.print()
    console.print(_side_by_side(answer))
    console.print(
        f"\nThe front, on the {found.n_tune} examples of the finals (they flatter the best; the table does not):",
        highlight=False,
    )
    console.print(_front(answer))
    console.print(_plot(answer, width=min(WIDTH, console.width)), markup=False, highlight=False)
    for note in found.notes:
        console.print(f"Note: {note}.", markup=False, highlight=False)
    console.print(f"\n{_spent(answer)}", markup=False, highlight=False)
    if answer.engine_metrics is not None:
        console.print(_served(answer.engine_metrics), markup=False, highlight=False)


def sentence(found: Recommendation, cost: str = COST) -> str:
    """Return the verdict in words; ``cost`` is what a configuration's cost is counted in."""
    verdict = found.verdict
    difference = f"{verdict.difference.mean:+.3f} [{verdict.difference.low:+.3f}, {verdict.difference.high:+.3f}]"
    how = f"95%, paired, {verdict.difference.n} unseen examples"
    if found.seen == found.default:
        return f"Keep the default: nothing else could be compared. Its utility is {interval(verdict.default.utility)}."
    if verdict.cheaper:
        return (
            f"Clear winner: the recommended configuration is as good as the default within {verdict.margin:g} of "
            f"utility, {difference} ({how}), at {_cost(verdict, cost)}."
        )
    if verdict.kind == "clear winner":
        return (
            f"Clear winner: the recommended configuration beats the default by {difference} in utility ({how}), at "
            f"{_cost(verdict, cost)}."
        )
    seen, default = (f"{side.utility.mean:.3f}" for side in (verdict.seen, verdict.default))
    if verdict.kind == "keep the default":
        return (
            f"Keep the default: it is as good as the best configuration seen, within {verdict.margin:g} of utility. "
            f"Best seen {seen}, default {default}: {difference} ({how})."
        )
    return f"Undecided: best seen {seen}, default {default}: {difference} in utility ({how})."


def advice(found: Recommendation) -> str:
    """Return what to use while a study is undecided, and what would decide it; nothing where it is decided."""
    verdict = found.verdict
    if verdict.kind != "undecided":
        return ""
    chance = f"{_share(verdict.chance_worse)} chance of being worse than the default by more than {verdict.margin:g}"
    if not verdict.recommends_default:
        use = f"Recommended for now: the best seen, with a {chance}."
    elif verdict.chance_worse > DOUBT:
        use = f"Recommended for now: the default, for the best seen has a {chance}."
    else:
        use = "Recommended for now: the default, for all the evidence together does not favour the best seen."
    if verdict.examples_to_decide is None:
        return f"{use} The difference is so small that no practical number of examples would decide."
    n = verdict.difference.n
    if found.budget_to_decide is None and verdict.examples_to_decide > MANY_TIMES * n:
        return (
            f"{use} A difference this small would take about {verdict.examples_to_decide:,} more confirm examples to "
            f"tell, beside the {n} here."
        )
    if found.budget_to_decide is None:
        return (
            f"{use} About {verdict.examples_to_decide:,} more confirm examples would decide, and the task has no more:"
            " add examples to it."
        )
    more = math.ceil((found.budget_to_decide - 1) * found.spent.tokens / 1000) * 1000
    return f"{use} About {more:,} more tokens would decide."


def _share(chance: float) -> str:
    """Return a chance in percent; it is never none."""
    return "<1%" if chance < 0.005 else f"{chance:.0%}"


def bounded(promise: RegretBound) -> str:
    """Return the bound on regret in words; nothing where it says nothing."""
    found = promise.finalists or promise.tried
    if found is None or found.n_candidates < 2 or found.within >= LARGEST_BOUND:
        return ""
    others = "finalists" if found is promise.finalists else "configurations tried"
    return f"At most {_up(found)} below the best of the {found.n_candidates:,} {others} ({promise.confidence:.0%})."


def _up(margin: Margin) -> str:
    """Return the bound, rounded up: printing must not make it better."""
    return f"{math.ceil(100 * margin.within - 1e-9) / 100:.2f}"


def _cost(verdict: Verdict, cost: str) -> str:
    ratio = verdict.seen.cost_tokens / verdict.default.cost_tokens
    if ratio >= 2:
        compared = f"{ratio:.1f}x the default's"
    elif abs(ratio - 1) >= 0.005:
        compared = f"{abs(ratio - 1):.0%} {'more' if ratio > 1 else 'fewer'} than the default"
    else:
        compared = "as many as the default"
    return f"{verdict.seen.cost_tokens:.0f} {cost}, {compared}"


def interval(value: Interval) -> str:
    """Return ``0.256 [0.180, 0.332]``."""
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def short(configuration: Configuration, space: SearchSpace) -> str:
    """Return on one line what a configuration changes of the space's default, in the notation of ``--set``."""
    changed = _changed(configuration, space)
    return "  ".join(f"{space[name].alias}={plain(value)}" for name, value in changed.items()) or "the default"


def _changed(configuration: Configuration, space: SearchSpace) -> dict[str, Scalar]:
    default = space.default_configuration()
    return {name: value for name, value in configuration.items() if value != default.get(name)}


def plain(value: Scalar) -> str:
    """Return a value as one would type it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _side_by_side(answer: Answer) -> Table:
    found = answer.recommendation
    sides = [(found.seen, found.verdict.seen), (found.default, found.verdict.default)]
    if found.seen == found.default:
        sides = sides[1:]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    if found.seen != found.default:
        table.add_column("recommended" if found.recommended == found.seen else "best seen")
    table.add_column("default, recommended" if found.recommended == found.default else "default")
    for name in answer.shown(name for configuration, _ in reversed(sides) for name in configuration):
        values = [plain(each[name]) if name in each else "-" for each, _ in sides]
        changed = values[0] != values[-1]
        table.add_row(answer.label(name), Text(values[0], style="bold" if changed else ""), *values[1:])
    table.add_row("utility, 95% interval", *(interval(side.utility) for _, side in sides))
    table.add_row(answer.cost, *(f"{side.cost_tokens:.1f}" for _, side in sides))
    if any(side.answered_share < 1 for _, side in sides):
        table.add_row("answered", *(f"{side.answered_share:.1%}" for _, side in sides))
    return table


def _front(answer: Answer) -> Table:
    found = answer.recommendation
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head, side in (
        (answer.cost, "right"),
        ("utility", "right"),
        ("", "left"),
        ("changed from the default", "left"),
    ):
        table.add_column(head, justify=side, overflow="fold")  # type: ignore[arg-type]
    for (cost_tokens, utility), group in itertools.groupby(
        found.front, key=lambda one: (one.cost_tokens, one.utility)
    ):
        equals = [one.configuration for one in group]
        is_recommended = found.recommended in equals
        shown = found.recommended if is_recommended else min(equals, key=lambda one: len(_changed(one, answer.space)))
        more = f"  (and {len(equals) - 1} more)" if len(equals) > 1 else ""
        mark = MARKS["recommended"] if is_recommended else ""
        table.add_row(f"{cost_tokens:.0f}", f"{utility:.3f}", mark, Text(short(shown, answer.space) + more))
    return table


def _plot(answer: Answer, *, width: int) -> str:
    found = answer.recommendation
    drawn = text_plot(
        {
            "explored": found.explored,
            "front": [(one.cost_tokens, one.utility) for one in found.front],
            "recommended": [(found.on_tune.cost_tokens, found.on_tune.utility)],
        },
        width=width,
        x=answer.cost,
    )
    return (
        f"\n{drawn}\n{'':9}{MARKS['explored']} tried   {MARKS['front']} front   {MARKS['recommended']} recommended\n"
    )


def _spent(answer: Answer) -> str:
    found = answer.recommendation
    return ", ".join(_parts(answer)) + f"; {found.n_trials} trials in {duration(found.seconds)} of generating."


def _parts(answer: Answer) -> Iterator[str]:
    spent = answer.recommendation.spent
    if answer.settings is not None:
        yield f"Spent {spent.tokens:,}"
        return
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
