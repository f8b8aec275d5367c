"""Why a server ended, told from its exit code and its log.

The patterns are those of vLLM 0.32 as it really failed, of CUDA's messages as documented by PyTorch, and for other
servers those of llama.cpp's source.
"""

import re
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from infertune.errors import nearest

FailureKind = Literal["out of memory", "bad argument", "port taken", "model not found", "crash", "hang", "killed"]

_PREFIX = re.compile(r"^(?:\(\w+ pid=\d+\) )?(?:[A-Z]+ \d\d-\d\d \d\d:\d\d:\d\d \[[\w./-]+:\d+\] ?)?")
_USAGE_ERROR = re.compile(r"^[\w.-]+: error: (?P<complaint>.+)")
_ERROR = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)(?:: .+)?$|^Value error, .+"
    r"|^Fatal Python error: .+|^Input should be .+|^terminate called .+"
)
_WORKER_DIED = re.compile(r"^Worker proc \S+ died unexpectedly \(exit code: (?P<code>-?\d+)\)")
_ENGINE_DIED = re.compile(r"engine core exited unexpectedly")

# Says only that another error, the cause, came before it.
_CONSEQUENCES = (
    "EngineDeadError",
    "Engine core initialization failed",
    "Worker failed with error",
    "Executor failed",
    "CancelledError",
)

_PATTERNS: tuple[tuple[FailureKind, re.Pattern[str]], ...] = (
    ("port taken", re.compile(r"Address already in use")),
    (
        "out of memory",
        re.compile(
            r"out of memory|OutOfMemory|MemoryError|bad_alloc|not enough memory|[Cc]an(?:'t|not) allocate memory"
            r"|CUBLAS_STATUS_ALLOC_FAILED|No available memory for the cache|larger than the available KV cache memory"
            r"|less than requested memory|less than desired GPU memory"
        ),
    ),
    (
        "model not found",
        re.compile(
            r"HFValidationError|LocalEntryNotFoundError|RepositoryNotFoundError|not a valid model identifier"
            r"|does not appear to have a file named|Can't load the configuration of"
        ),
    ),
    ("bad argument", re.compile(r"^Value error, |^Input should be |^argument |^unrecognized arguments")),
)
# Of servers that are not written in Python, whose logs mark no line as the error: llama.cpp's messages.
_NATIVE: tuple[tuple[FailureKind, re.Pattern[str]], ...] = (
    ("bad argument", re.compile(r"^error: (?:invalid|unknown) argument|^error while handling argument")),
    ("port taken", re.compile(r"couldn't bind HTTP server socket")),
    ("out of memory", re.compile(r"failed: out of memory|unable to allocate \S+ buffer|failed to allocate buffer")),
    ("model not found", re.compile(r"failed to open GGUF file")),
)
_PYDANTIC = re.compile(r"^Value error, | \[type=\w+, input_value=.*")
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_MISUSE = re.compile(r"^(?:ValueError|NotImplementedError|TypeError)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFailure:
    """Why a server ended or could not start.

    Attributes:
        kind: ``crash`` where no other kind fits; ``killed`` by someone outside, which says nothing about the server.
        line: What shows it: a line of the server's log, or what was seen from outside.
        exit_code: Of the server; negative for a signal; None while it did not end by itself.
    """

    kind: FailureKind
    line: str
    exit_code: int | None

    def __str__(self) -> str:
        return f"{self.kind}: {self.line}"


def of_ended_server(log: str, *, exit_code: int, was_ready: bool, n_oom_kills: int = 0) -> ServerFailure:
    """Tell why a server ended without being asked to.

    Args:
        log: What it wrote, or the end of that.
        exit_code: Negative for a signal.
        was_ready: Whether it had answered before; what it refuses earlier than that is an argument.
        n_oom_kills: How often the system killed a process for want of memory while the server ran.
    """
    lines = _lines(log)
    if cause := _cause(lines):
        otherwise: FailureKind = "bad argument" if not was_ready and _MISUSE.search(cause) else "crash"
        kind = next((kind for kind, pattern in _PATTERNS if pattern.search(cause)), otherwise)
        return ServerFailure(kind=kind, line=_PYDANTIC.sub("", cause), exit_code=exit_code)
    died, number = _death(lines, exit_code)
    if number not in _FROM_OUTSIDE and (found := _native_cause(lines)):
        return ServerFailure(kind=found[0], line=found[1], exit_code=exit_code)
    if number == signal.SIGKILL and n_oom_kills:
        line = f"{died}; the system had no memory left (oom_kill in /proc/vmstat)"
        return ServerFailure(kind="out of memory", line=line, exit_code=exit_code)
    if number in _FROM_OUTSIDE:
        return ServerFailure(kind="killed", line=died, exit_code=exit_code)
    return ServerFailure(kind="crash", line=died, exit_code=exit_code)


def of_stuck_server(log: str, *, seen: str) -> ServerFailure:
    """Tell what is wrong with a server that runs and does not answer: what its log says, else a hang."""
    lines = _lines(log)
    if _cause(lines):
        return replace(of_ended_server(log, exit_code=1, was_ready=True), exit_code=None)
    last = next((line for line in reversed(lines) if line), "nothing")
    return ServerFailure(kind="hang", line=f"{seen}; its last words: {last}", exit_code=None)


def nearest_flag(failure: ServerFailure, log: str) -> str:
    """Return ``"; did you mean '--x'?"`` for a flag that the server does not know, out of the usage it printed."""
    unknown = re.search(r"unrecognized arguments: --([\w-]+)", failure.line)
    if unknown is None:
        return ""
    flags = {flag.removeprefix("no-") for flag in re.findall(r"\[--([a-z][\w-]+)", log)}
    hint = nearest(unknown[1], flags)
    return hint if "did you mean" in hint else ""


def n_oom_kills() -> int:
    """Return how often this system has killed a process for want of memory since it started; 0 where unknown."""
    try:
        found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _lines(log: str) -> list[str]:
    return [_PREFIX.sub("", line).strip() for line in log.splitlines()]


def _cause(lines: list[str]) -> str:
    """Return the last line that names an error which is not just the consequence of another, else an empty text."""
    cause = ""
    for line in lines:
        if usage := _USAGE_ERROR.search(line):
            cause = usage["complaint"]
        elif _ERROR.search(line) and not any(known in line for known in _CONSEQUENCES):
            cause = line
    return cause


def _native_cause(lines: list[str]) -> tuple[FailureKind, str] | None:
    """Return the first line that tells why, for what follows it are mostly consequences; None where none does."""
    for line in lines:
        for kind, pattern in _NATIVE:
            if pattern.search(line):
                return kind, line
    return None


def _death(lines: list[str], exit_code: int) -> tuple[str, int]:
    """Return what shows a death without a word, and the signal that it was of, 0 for none."""
    for line in lines:
        if found := _WORKER_DIED.search(line):
            return line, -int(found["code"])
    for line in lines:
        if _ENGINE_DIED.search(line):  # a fault of its own would be in the log: it runs with PYTHONFAULTHANDLER
            return line, signal.SIGKILL
    if exit_code == 0:
        return "it ended in good order, as if it had got SIGTERM", signal.SIGTERM
    if exit_code < 0:
        return f"it ended by {_signal_name(-exit_code)}", -exit_code
    last = next((line for line in reversed(lines) if line), "the log is empty")
    return f"{last} (exit code {exit_code})", 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
