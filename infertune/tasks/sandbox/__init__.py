"""Runs a Python program that nobody has read, with tests that it cannot reach, and says whether they ran to their end.

Two processes a run, which limit themselves before the program begins (jail.py): one runs the program (runner.py),
the other the tests (judge.py), and nothing but values crosses between them (link.py). On Linux (x86_64, aarch64)
neither can start a process, open a socket, signal anybody, read anything but Python's standard library, or write but
to a folder that the two have in memory, as root or not; ``capabilities`` tries each on this machine.
"""

import contextlib
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

from infertune.errors import InfertuneError
from infertune.tasks.sandbox import jail

_START = Path(jail.__file__).with_name("start.py")
_VERDICT_BYTES = 4096
_PROGRAM_BYTES = 2**20


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
    texts = [text.encode("utf-8", "surrogatepass") for text in (program, given, tests)]
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
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"PYTHONHASHSEED": "0"},
        start_new_session=True,
    )
    assert process.stdin and process.stdout
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"".join(b"%d\n%b" % (len(text), text) for text in texts))
            process.stdin.close()
        said, broken = _listen(process.stdout.fileno(), limits.wall_seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()
    ready, _, verdict = said.partition(b"\n")
    if ready != b"ready":
        raise InfertuneError(
            f"the sandbox could not start: {said.decode(errors='replace')[-500:] or broken or 'it died'}"
        )
    if broken:
        return Outcome(False, broken)
    if verdict == b"passed":
        return Outcome(True)
    return Outcome(False, verdict.decode(errors="replace") or f"the tests ended early, status {process.returncode}")


def _listen(pipe: int, wall_seconds: float) -> tuple[bytes, str]:
    """Return what the judge says until it ends, and whether that took too long."""
    deadline = time.monotonic() + wall_seconds
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if selector.select(left):
                new = os.read(pipe, _VERDICT_BYTES)
                said += new
                if not new:
                    return said, ""
    return said, f"took more than {wall_seconds:g} seconds"


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
