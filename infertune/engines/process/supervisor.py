"""Runs one server so that nothing of it outlives whoever asked for it, not even after a ``kill -9``.

Run as a program of its own, by path and with the standard library only::

    python -I supervisor.py LOG MAX_LOG_BYTES GRACE_SECONDS COMMAND ...

Its standard input is a pipe from the owner: when that closes, when the owner is gone, or on SIGTERM, the server gets
SIGTERM, then SIGKILL after the grace period. When the server ends by itself, its descendants are killed at once. The
supervisor adopts orphaned descendants (Linux: child subreaper), whatever session they moved to, and ends only when
none is left. It prints ``pid N`` when the server runs and ``exit CODE`` at the end (negative: the signal).
The server's output goes to LOG; beyond half of MAX_LOG_BYTES, what is older moves to ``LOG.1``, which is replaced.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_SECONDS = 0.2
MOST_SECONDS_TO_KILL = 30.0


def main(log: str, max_log_bytes: str, grace_seconds: str, *command: str) -> int:
    """Run the command to its end, or to the owner's."""
    owner = os.getppid()
    is_linux = sys.platform.startswith("linux")
    if is_linux:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    stop_signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, _frame: stop_signals.append(got))
    signal.signal(signal.SIGCHLD, lambda _got, _frame: None)

    supervisor = os.getpid()

    def before_exec() -> None:  # in the child, between fork and exec
        signal.set_wakeup_fd(-1)
        if is_linux:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:  # died before the line above could say what to do then
                os._exit(1)

    output = _Log(Path(log), int(max_log_bytes) // 2)
    try:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before_exec,
        )
    except OSError as error:
        output.write(f"OSError: {error}\n".encode())
        _tell("exit 127")
        return 0
    assert server.stdout is not None
    _tell(f"pid {server.pid}")
    code: int | None = None
    kill_at: float | None = None
    with selectors.DefaultSelector() as selector:
        for source in (sys.stdin.fileno(), server.stdout.fileno(), wake_read):
            os.set_blocking(source, False)
            selector.register(source, selectors.EVENT_READ)
        while code is None:
            owner_gone = os.getppid() != owner
            for key, _ in selector.select(_POLL_SECONDS):
                data = os.read(key.fd, 65536)
                if key.fd == server.stdout.fileno():
                    output.write(data)
                elif key.fd == sys.stdin.fileno() and not data:
                    owner_gone = True
                if not data:
                    selector.unregister(key.fd)
            if (owner_gone or stop_signals) and kill_at is None:
                kill_at = time.monotonic() + float(grace_seconds)
                server.terminate()
            if kill_at is not None and time.monotonic() > kill_at:
                server.kill()
            _reap_adopted(server.pid)
            code = server.poll()
    if not is_linux:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(server.pid, signal.SIGKILL)
    _kill_descendants()
    with contextlib.suppress(BlockingIOError):
        while data := os.read(server.stdout.fileno(), 65536):
            output.write(data)
    _tell(f"exit {code}")
    return 0


def descendants(of: int) -> list[int]:
    """Return the pids of all descendants of a process, zombies too; empty where there is no ``/proc``."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # "pid (name) state ppid ...": the name may hold anything, even a closing bracket
            parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    generation = [of]
    while generation:
        generation = [child for parent in generation for child in children.get(parent, [])]
        found += generation
    return found


def _reap_adopted(server: int) -> None:
    """Let the dead among the orphans go; the server's own end is left for whoever asks for its code."""
    with contextlib.suppress(ChildProcessError):
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid == server:
                return
            os.waitpid(found.si_pid, os.WNOHANG)


def _kill_descendants() -> None:
    """Kill and reap until nobody is left; one that forks while being looked for is found the next time."""
    deadline = time.monotonic() + MOST_SECONDS_TO_KILL
    while time.monotonic() < deadline:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


class _Log:
    """A file that is moved aside, over the one moved aside before, when it is full."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        # A full disk must not stop the watch over the server.
        with contextlib.suppress(OSError):
            if self._file.tell() > self._max_bytes:
                self._file.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._file = self._path.open("ab", buffering=0)
            self._file.write(data)


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):  # the owner may be gone
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
