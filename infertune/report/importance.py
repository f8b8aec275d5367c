"""What matters in a study: the path to the recommendation and each setting's share, in a terminal and as data."""

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.archive.importance import Importance
from infertune.archive.path import Gain, Step
from infertune.report.table import plain
from infertune.report.text import safe
from infertune.types import Scalar


def as_json(steps: Sequence[Step], found: Sequence[Importance]) -> dict[str, Any]:
    """Return everything in lists, mappings and scalars."""
    return {"path": msgspec.to_builtins(steps), "importance": msgspec.to_builtins(found)}


def show(steps: Sequence[Step], found: Sequence[Importance], console: Console) -> None:
    """Print the path from the default to the recommendation, then a row for each setting."""

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    if steps:
        say("From the default to the recommendation, as the search's model expects it (95% intervals):\n")
        console.print(_path(steps))
        untold = [safe(step.name) for step in steps if step.worth is not None and not step.worth.tells]
        if untold:
            say(f"\nCannot be told from no change: {', '.join(untold)}.")
    else:
        say("The default is recommended: there is no path to it.")
    say("\nShare of the variance of utility over the whole space that a setting explains:\n")
    console.print(_shares(found))


def _path(steps: Sequence[Step]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("change", "adds", "tokens", "taken back alone, loses"):
        table.add_column(head, justify="right" if head == "tokens" else "left", overflow="fold")
    for step in steps:
        table.add_row(
            Text(f"{safe(step.name)}: {_value(step.was)} → {_value(step.now)}"),
            _gain(step.adds),
            "" if step.cost_tokens is None else f"{step.cost_tokens:+.0f}",
            _gain(step.worth),
        )
    return table


def _shares(found: Sequence[Importance]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("setting", "alone", "with others", "recommended value is better in"):
        table.add_column(head, justify="right" if head in ("alone", "with others") else "left", overflow="fold")
    for each in found:
        holds = ""
        if each.holds is not None and each.gain is not None:
            holds = f"{each.holds:.0%} of the rest of the space ({each.gain:+.3f} on average)"
        table.add_row(Text(safe(each.name)), f"{each.alone:.0%}", f"{each.total:.0%}", holds)
    return table


def _gain(gain: Gain | None) -> str:
    return "" if gain is None else f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _value(value: Scalar | None) -> str:
    return "none" if value is None else safe(plain(value))
