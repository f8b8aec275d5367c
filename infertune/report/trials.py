"""What a study tried, as a table: the settings that all share stand above it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.report.table import plain
from infertune.report.text import cut, safe

_FIGURES = ("number", "utility", "cost_tokens", "n_examples", "error")
_HEADS = ("trial", "utility", "tokens", "examples")
_LONGEST_ERROR = 60


def show(trials: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print a row for each trial, as `infertune.Result.trials` has them."""
    if not trials:
        console.print("Nothing was tried yet.")
        return
    settings = [name for name in trials[0] if name not in _FIGURES]
    differing = [name for name in settings if len({row[name] for row in trials}) > 1]
    same = [f"{name}={_value(trials[0][name])}" for name in settings if name not in differing]
    if same and len(trials) > 1:
        console.print(f"In all: {'  '.join(same)}\n", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in _HEADS:
        table.add_column(head, justify="right")
    for name in differing if len(trials) > 1 else settings:
        table.add_column(Text(safe(name)), overflow="fold")
    for row in trials:
        values = [_value(row[name]) for name in (differing if len(trials) > 1 else settings)]
        if row["utility"] is None:
            values = [cut(" ".join(row["error"].split()), _LONGEST_ERROR), *values[1:]]
        table.add_row(
            str(row["number"]),
            "failed" if row["utility"] is None else f"{row['utility']:.3f}",
            "" if row["cost_tokens"] is None else f"{row['cost_tokens']:.0f}",
            str(row["n_examples"]),
            *map(Text, values),
        )
    console.print(table)


def _value(value: Any) -> str:
    return "-" if value is None else safe(plain(value))
