"""What a user sees while work is under way: a view that redraws itself on a terminal, else a plain line now and then.

The view keeps to the terminal's columns and lines: what does not fit goes onto lines of its own, fact by fact.
"""

import re
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from infertune.report.plot import WIDTH

PLAIN_SECONDS = 10.0  # between two plain lines of one phase
BAR_COLUMNS = 20
GAP = 2  # columns
_JOINT = re.compile(r"(?<=[,;:]) +| {2,}")  # between two facts of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where the work stands.

    Attributes:
        phase: One word.
        share: Done, from 0; it may end above 1.
        facts: What is counted, separated by commas or semicolons.
        best: What was found so far.
        picture: Likewise as a plot, given the columns that it may take.
    """

    phase: str
    share: float
    facts: str
    best: str = ""
    picture: Callable[[int], str] | None = None


class View:
    """Shows the latest status while it is entered.

    Args:
        console: Where; by default standard error, for standard output is for the answer.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, markup=False)
        self._latest: Callable[[], Status] | None = None
        self._spoken: tuple[str, float] = ("", 0.0)
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "View":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text)

    def update(self, make: Callable[[], Status]) -> None:
        """Show a status; it is made only when it is seen, for work may land a thousand times a second."""
        now = time.monotonic()
        phase, spoken = self._spoken
        if self._console.is_terminal:
            self._latest = make
            return
        if now - spoken < PLAIN_SECONDS / 10:
            return
        status = make()
        if status.phase != phase or now - spoken >= PLAIN_SECONDS:
            self._spoken = (status.phase, now)
            words = (status.phase, f"{status.share:.0%}", status.facts, status.best)
            self._console.print("  ".join(word for word in words if word), soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._latest is None:
            return
        status = self._latest()
        width = options.max_width
        lines = [*_head(status, width), *map(Text, folded(status.best, width))]
        picture = status.picture(min(WIDTH, width)) if status.picture else ""
        if picture and len(lines) + len(picture.splitlines()) <= options.size.height:
            lines.append(Text(picture, style="cyan"))
        yield Group(*lines)


def _head(status: Status, width: int) -> list[RenderableType]:
    """Return the phase, the bar and the share, and the facts beside them or on lines of their own."""
    cells: list[RenderableType] = [
        Text(status.phase, style="bold"),
        ProgressBar(total=1.0, completed=min(status.share, 1.0), width=BAR_COLUMNS),
        f"{status.share:.0%}",
    ]
    row = Table.grid(padding=(0, GAP))
    n_columns = cell_len(status.phase) + BAR_COLUMNS + len(f"{status.share:.0%}") + 2 * GAP
    if n_columns + GAP + cell_len(status.facts) <= width:
        row.add_row(*cells, Text(status.facts))
        return [row]
    row.add_row(*cells)
    return [row, *map(Text, folded(status.facts, width))]


def folded(text: str, width: int) -> list[str]:
    """Return a text in lines of at most ``width`` columns: whole facts where they fit, else whole words."""
    lines: list[str] = []
    start = 0
    for end in [*(joint.end() for joint in _JOINT.finditer(text)), len(text)]:
        fact, gap = text[start:end].rstrip(), text[len(text[:end].rstrip()) : end]
        start = end
        if lines and cell_len(lines[-1] + fact) <= width:
            lines[-1] += fact + gap
        elif fact:
            lines += textwrap.wrap(fact, width, break_on_hyphens=False)
            lines[-1] += gap
    return [line.rstrip() for line in lines]
