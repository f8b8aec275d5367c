"""Runs a Python program that nobody has read, with tests that it cannot reach, and says whether they ran to their end.

Two processes a run and their keeper, which limit themselves before the program begins (jail.py): one runs the program
(runner.py), one the tests (judge.py), and nothing but values crosses between them (link.py). On Linux (x86_64,
aarch64) neither can start a process, open a socket, signal anybody, read anything but the standard library, or write
except to a folder that the two have in memory, as root or not; ``capabilities`` tries each on this machine.
"""

import contextlib
import marshal
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from infertune.errors import InfertuneError
from infertune.tasks.sandbox.given import tests_own

_START = Path(__file__).with_name("start.py")
_INSIDE = (  # the modules that run there, each after those that it imports
    *("plain", "encoder", "decoder", "operations", "standard", "handles", "references", "link", "runner", "judge"),
    *("seccomp", "landlock", "folder", "jail"),
)
_VERDICT_BYTES = 4096
_PROGRAM_BYTES = 2**20
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use; beyond any of them it has failed.

    Attributes:
        cpu_seconds: Of the program, and of its tests.
        wall_seconds: Of both together.
        memory_bytes: Of address space, of the program, and of its tests.
        file_bytes: Of one file.
        folder_bytes: Of all files together.
        n_files: That exist at once.
        n_open_files: Of the program, and of its tests.
    """

    cpu_seconds: int = 3
    wall_seconds: float = 10.0
    memory_bytes: int = 512 * 2**20
    file_bytes: int = 2**20
    folder_bytes: int = 16 * 2**20
    n_files: int = 200
    n_open_files: int = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the tests ran to their end, and if not, why."""

    passed: bool
    reason: str = ""


def run(program: str, tests: str = "", *, given: str = "", limits: Limits | None = None) -> Outcome:
    """Run the program, then its tests; their input is empty and their output goes nowhere.

    Args:
        program: The text that nobody has read.
        tests: The text that judges it, which names what the program defines as if it stood at its end.
        given: What the program begins with that is no part of the answer. Its imports and whole functions are the
            tests' own too.
        limits: Of the run.

    Raises:
        InfertuneError: The sandbox itself did not start, which says nothing about the program.
    """
    limits = limits or Limits()
    texts = [text.encode("utf-8", "surrogatepass") for text in (program, tests_own(given), tests)]
    if len(texts[0]) > _PROGRAM_BYTES:
        return Outcome(False, f"the program has more than {_PROGRAM_BYTES} bytes")
    numbers = (
        limits.cpu_seconds,
        limits.memory_bytes,
        limits.file_bytes,
        limits.folder_bytes,
        limits.n_files,
        limits.n_open_files,
    )
    process = subprocess.Popen(
        # -I would also ignore the hash seed, without which the order of a set differs from run to run.
        [sys.executable, "-B", "-P", "-S", "-s", str(_START), *map(str, numbers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env={"PYTHONHASHSEED": "0"},
        start_new_session=True,
    )
    assert process.stdin and process.stdout
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"".join(b"%08x%b" % (len(text), text) for text in (_inside(), *texts)))
            process.stdin.flush()
        said, in_time = _listen(process.stdout, limits.wall_seconds)
    finally:
        trouble = _end(process)
    ready, _, verdict = said.partition(b"\n")
    if ready != b"ready":
        raise InfertuneError(f"the sandbox could not start: {trouble[-500:] or 'nothing was said'}")
    if not in_time:
        return Outcome(False, f"took more than {limits.wall_seconds:g} seconds")
    if verdict == b"passed":
        return Outcome(True)
    return Outcome(False, verdict.decode(errors="replace") or f"the tests ended early, status {process.returncode}")


def _end(process: subprocess.Popen[bytes]) -> str:
    """Have the keeper end the others and itself, or else end all three; return what went wrong at their start."""
    assert process.stdin and process.stdout and process.stderr
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    process.stdout.close()
    trouble, _ = _listen(process.stderr, _END_SECONDS)
    process.stderr.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return trouble.decode(errors="replace")


def _listen(pipe: IO[bytes], seconds: float) -> tuple[bytes, bool]:
    """Return what is said until the pipe ends, and whether it ended in time."""
    deadline = time.monotonic() + seconds
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            new = os.read(pipe.fileno(), _VERDICT_BYTES)
            if not new:
                return said, True
            said += new
    return said, False


@cache
def _inside() -> bytes:
    """Return the modules that run inside, compiled."""
    files = [(name, _START.with_name(f"{name}.py")) for name in _INSIDE]
    return marshal.dumps([(name, compile(file.read_bytes(), file, "exec")) for name, file in files])


@cache
def capabilities() -> dict[str, bool]:
    """Try each thing a program must not do, and return whether it is prevented on this machine.

    ``folder`` alone is something it may do: write files, in a folder of its own that the kernel keeps small. Where it
    is false, programs cannot write files at all.
    """
    with tempfile.TemporaryDirectory(prefix="infertune-") as folder:
        outside = Path(folder, "outside")
        outside.write_text("secret")
        attempts = {
            "processes": "import os\n    os.fork()",
            "network": "import socket\n    socket.socket()",
            "signals": "import os\n    os.kill(os.getppid(), 0)",
            "reading": f"open({str(outside)!r}).read()",
            "writing": f"open({str(outside)!r}, 'a').write('x' * 9999)",
            "memory": f"bytearray({Limits().memory_bytes})",
        }
        prevented = {
            name: run(f"try:\n    {attempt}\nexcept (OSError, MemoryError):\n    done = True\nassert done").passed
            for name, attempt in attempts.items()
        }
    return prevented | {"folder": run("with open('scratch', 'w') as file: file.write('x')").passed}
