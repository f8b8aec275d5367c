"""How the program is stopped by a signal, and how it goes on when its terminal is gone.

It imports next to nothing, so that it is in force before anything that takes a while.
"""

import atexit
import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from io import BufferedWriter, FileIO, TextIOWrapper
from types import FrameType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
CODES = {128 + number for number in SIGNALS}
"""Of a program that a signal stopped, as shells have it."""

READER_GONE = 128 + signal.SIGPIPE
MESSAGE = "infertune: stopped, and nothing paid for is lost: run the same command to resume"
_PATIENCE_SECONDS = 5.0  # in which a stop that is asked for again is the same one: what has landed is still booked

_asked: list[float] = []  # when the program was first told to stop
_ending: list[bool] = []  # something once the interpreter is being taken down


def listen() -> None:
    """Stop in good order at the first signal; a signal that is ignored, as SIGHUP under nohup, stays so."""
    _asked.clear()
    _ending.clear()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _again(sys.unraisablehook)
    atexit.register(_ignore)


def _stop(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if not _asked:
        _asked.append(now)
        sys.exit(128 + number)
    if now - _asked[0] > _PATIENCE_SECONDS:
        end(128 + number)


def end(code: int) -> None:
    """End at once, whatever is under way; the terminal gets its cursor back."""
    cursor = "\x1b[?25h" if os.isatty(2) else ""
    try:
        os.write(2, f"{cursor}{MESSAGE}\n".encode())
    finally:
        os._exit(code)


def _ignore() -> None:
    """Keep the exit code while the interpreter is taken down: it would put the system's own handlers back.

    A stop that was to be asked for once more has come too late: its alarm would end the program in its own way.
    """
    _ending.append(True)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)


def _again(report: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a hook for errors that nobody can catch: a stop that came within a destructor is asked for once more."""

    def hook(error: Any) -> None:
        code = error.exc_value.code if isinstance(error.exc_value, SystemExit) else None
        if isinstance(code, int) and code in CODES:
            if _ending:
                return
            number = code - 128
            signal.signal(signal.SIGALRM, lambda _, frame: _once_more(number, frame))
            signal.setitimer(signal.ITIMER_REAL, 0.01)  # not at once: this hook is still such a place
        else:
            report(error)

    return hook


def _once_more(number: int, frame: FrameType | None) -> None:
    """Stop as if for the first time; until now a further signal is none, for it would be lost where this one was."""
    _asked.clear()
    _stop(number, frame)


def outlive_terminal() -> None:
    """Let standard error lose its reader for good without a word, and standard output its terminal."""
    if isinstance(sys.stderr, TextIOWrapper) and sys.stderr is sys.__stderr__:
        sys.stderr = _hardy(2, sys.stderr, (errno.EIO, errno.EPIPE))
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout is sys.__stdout__:
        sys.stdout = _hardy(1, sys.stdout, (errno.EIO,))


def _hardy(descriptor: int, old: TextIOWrapper, harmless: tuple[int, ...]) -> TextIOWrapper:
    old.flush()
    raw = _Hardy(descriptor, harmless)
    return TextIOWrapper(
        BufferedWriter(raw), encoding=old.encoding, errors="replace", line_buffering=old.line_buffering or raw.isatty()
    )


class _Hardy(FileIO):
    """A stream that writes into nothing from the moment when its reader is gone."""

    def __init__(self, descriptor: int, harmless: tuple[int, ...]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._harmless = harmless

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in self._harmless:
                raise
            write_into_nothing(self.fileno())
            return len(data)


def write_into_nothing(descriptor: int) -> None:
    """Let all that is still written to a descriptor go nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)
