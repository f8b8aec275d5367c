"""The studies of a database as a table."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.archive.listing import StudyLine
from infertune.report.table import plain
from infertune.report.text import safe

_MOST_CHANGES = 4  # of the default, that are shown
_AGES = (("d", 86_400), ("h", 3600), ("min", 60))


def as_json(lines: Sequence[StudyLine]) -> list[dict[str, Any]]:
    """Return the studies in lists, mappings and scalars."""
    return [asdict(line) for line in lines]


def show(lines: Sequence[StudyLine], console: Console) -> None:
    """Print a row for each study."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("study", "task", "model", "spent", "verdict", "utility", "tokens", "age", "changed"):
        table.add_column(head, justify="right" if head in ("spent", "utility", "tokens", "age") else "left")
    now = time.time()
    for line in lines:
        table.add_row(
            Text(safe(line.name)),
            Text(safe(line.task)),
            Text(safe(line.model)),
            f"{line.spent_tokens:,}" if line.kind == "optimize" else "",
            line.verdict or ("tune-serving" if line.kind == "tune-serving" else f"{line.n_trials} trials so far"),
            "" if line.utility is None else f"{line.utility:.3f}",
            "" if line.cost_tokens is None else f"{line.cost_tokens:.0f}",
            "" if line.last is None else _age(now - line.last),
            Text(safe(_changed(line))),
        )
    console.print(table)


def _changed(line: StudyLine) -> str:
    if line.changed is None:
        return ""
    parts = [f"{name.rpartition('.')[2]}={plain(value)}" for name, value in line.changed.items()]
    more = f"  and {len(parts) - _MOST_CHANGES} more" if len(parts) > _MOST_CHANGES else ""
    return "  ".join(parts[:_MOST_CHANGES]) + more or "nothing"


def _age(seconds: float) -> str:
    return next((f"{seconds / size:.0f} {unit}" for unit, size in _AGES if seconds >= size), f"{seconds:.0f} s")
