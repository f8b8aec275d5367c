"""Runs a Python program that nobody has read, and says whether it ran to its end.

One process a run, which limits itself (jail.py) before the program begins. On Linux (x86_64, aarch64) a program can
start no process, open no socket, signal nobody, read nothing but Python's library, and write only to a temporary
folder, as root or not; ``capabilities`` tries each on this machine and says what holds. The program shares its
interpreter with its tests, so one written to beat *them* can; printing a verdict or leaving early does not help it.
"""

import contextlib
import os
import secrets
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

_JAIL = Path(__file__).with_name("jail.py")
_LOOK_SECONDS = 0.05  # between looks at the folder; a disk writes tens of megabytes in that time
_VERDICT_BYTES = 4096
_N_FILES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use; beyond any of them it has failed."""

    cpu_seconds: int = 3
    wall_seconds: float = 10.0
    memory_bytes: int = 512 * 2**20
    file_bytes: int = 2**20
    folder_bytes: int = 16 * 2**20
    n_open_files: int = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the program ran to its end, and if not, why."""

    passed: bool
    reason: str = ""


def run(program: str, *, limits: Limits | None = None) -> Outcome:
    """Run the program in a process of its own; its input is empty and its output goes nowhere.

    Raises:
        InfertuneError: The sandbox itself did not start, which says nothing about the program.
    """
    limits = limits or Limits()
    word = secrets.token_hex(16).encode()
    with tempfile.TemporaryDirectory(prefix="infertune-", ignore_cleanup_errors=True) as folder:
        Path(folder, "program.py").write_bytes(program.encode("utf-8", "surrogatepass"))
        numbers = (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes, limits.n_open_files)
        process = subprocess.Popen(
            # -I would also ignore the hash seed, without which the order of a set differs from run to run.
            [sys.executable, "-B", "-P", "-S", "-s", str(_JAIL), *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        assert process.stdin and process.stdout
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(word)
                process.stdin.close()
            said, broken = _listen(process.stdout.fileno(), Path(folder), limits)
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
    if verdict == word:
        return Outcome(True)
    return Outcome(False, verdict.decode(errors="replace") or f"ended early, status {process.returncode}")


def _listen(pipe: int, folder: Path, limits: Limits) -> tuple[bytes, str]:
    """Return what the process says until it ends, and which of the limits that are watched here it broke."""
    deadline = time.monotonic() + limits.wall_seconds
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if selector.select(_LOOK_SECONDS):
                new = os.read(pipe, _VERDICT_BYTES)
                said += new
                if not new:
                    return said, ""
                if len(said) > _VERDICT_BYTES:
                    return said, "said too much"
            elif not _small(folder, limits.folder_bytes):
                return said, f"wrote more than {limits.folder_bytes} bytes or {_N_FILES} files"
    return said, f"took more than {limits.wall_seconds:g} seconds"


def _small(folder: Path, most_bytes: int) -> bool:
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
            if number >= _N_FILES or total > most_bytes:
                return False
    return True


@cache
def capabilities() -> dict[str, bool]:
    """Try each thing a program must not do, and return whether it is prevented on this machine."""
    with tempfile.TemporaryDirectory(prefix="infertune-") as folder:
        outside = Path(folder, "outside")
        outside.write_text("secret")
        attempts = {
            "processes": "import os\n    os.fork()",
            "network": "import socket\n    socket.socket()",
            "signals": "import os\n    os.kill(os.getppid(), 0)",
            "reading": f"open({str(outside)!r}).read()",
            "writing": f"open({str(outside)!r}, 'a')",
            "memory": f"bytearray({Limits().memory_bytes})",
        }
        return {
            name: run(f"try:\n    {attempt}\nexcept (OSError, MemoryError):\n    done = True\nassert done").passed
            for name, attempt in attempts.items()
        }
