"""The answer of a study in Markdown, for an issue or a wiki: verdict, both configurations, the front."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from infertune.recipes import recipe
from infertune.report.answer import Answer
from infertune.report.table import advice, bounded, duration, interval, plain, sentence, short
from infertune.report.text import safe

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def text(answer: Answer, file: Path) -> str:
    """Return the answer.

    Args:
        answer: Of a finished study.
        file: That measures it again, which is named.
    """
    return "\n\n".join(_parts(answer, file)) + "\n"


def _parts(answer: Answer, file: Path) -> Iterator[str]:
    found = answer.recommendation
    yield f"# {escaped(answer.study)}"
    verdict, _, rest = sentence(found, answer.cost).partition(": ")
    yield f"**{verdict}**: {escaped(rest)}"
    yield from (escaped(each) for each in (advice(found), bounded(found.promise)) if each)
    yield _table(*_sides(answer))
    yield f"The front, on the {found.n_tune} examples of the finals, which flatter the best:"
    rows = [
        (f"{one.cost_tokens:.0f}", f"{one.utility:.3f}", short(one.configuration, answer.space)) for one in found.front
    ]
    yield _table((answer.cost, "utility", "changed from the default"), rows)
    if found.notes:
        yield "\n".join(f"- {escaped(note)}." for note in found.notes)
    spent = found.spent
    unit = "" if answer.settings is not None else " tokens"
    model = f"Task {answer.recipe.task}, model {answer.recipe.model}, engine {answer.recipe.engine}"
    yield escaped(
        f"{model}. Spent {spent.tokens:,}{unit}; {found.n_trials} trials in {duration(found.seconds)} of generating."
    )
    if answer.settings is None:
        yield "To measure it again:"
        yield f"```\n{safe(' '.join(recipe.command(file).split()))}\n```"


def _sides(answer: Answer) -> tuple[Sequence[str], list[Sequence[str]]]:
    found, verdict = answer.recommendation, answer.recommendation.verdict
    sides = [(found.seen, verdict.seen), (found.default, verdict.default)]
    heads = ["recommended" if found.recommended == found.seen else "best seen", "default"]
    if found.seen == found.default:
        sides, heads = sides[1:], heads[1:]
    rows: list[Sequence[str]] = [
        (answer.label(name), *(plain(each[name]) if name in each else "-" for each, _ in sides))
        for name in answer.shown(name for configuration, _ in reversed(sides) for name in configuration)
    ]
    rows.append(("utility, 95% interval", *(interval(side.utility) for _, side in sides)))
    rows.append((answer.cost, *(f"{side.cost_tokens:.1f}" for _, side in sides)))
    return ("", *heads), rows


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(value: str) -> str:
    """Return a text on one line in which no character means anything to Markdown."""
    return _SPECIAL.sub(r"\\\1", safe(" ".join(value.split())))
