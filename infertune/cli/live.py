"""What is seen while work goes on: a view that redraws itself on a terminal, a plain line now and then otherwise."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

PLAIN_SECONDS = 10.0  # between two plain lines of one phase
BAR_COLUMNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where the work stands.

    Attributes:
        phase: One word.
        share: Done, from 0; it may end above 1.
        facts: What is counted; ``best`` and ``picture`` are what was found so far.
    """

    phase: str
    share: float
    facts: str
    best: str = ""
    picture: str = ""


class View:
    """Shows the latest status on standard error while it is entered; standard output is for the answer."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False)
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
        head = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=1.0, completed=min(status.share, 1.0), width=BAR_COLUMNS)
        head.add_row(Text(status.phase, style="bold"), bar, f"{status.share:.0%}", Text(status.facts))
        yield Group(head, Text(status.best), Text(status.picture, style="cyan"))
