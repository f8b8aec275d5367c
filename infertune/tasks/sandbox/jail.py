"""The inside of the sandbox: gives up every right it can, and parts into the program, its judge and their keeper.

Started by start.py, with the texts in standard input. The program and the judge share nothing but a pair of pipes: the
tests are read after the program has parted, and the judge alone keeps standard output, to which it writes ``ready``
and then the verdict. The keeper ends both, and leaves no trace of them, when standard input ends.
"""

from __future__ import annotations

import gc
import itertools
import os
import resource
import sys

from infertune.tasks.sandbox import folder, landlock, seccomp
from infertune.tasks.sandbox.judge import judge
from infertune.tasks.sandbox.runner import run

TYPE_CHECKING = False  # typing takes longer to load than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable


def limit(cpu_seconds: int, memory_bytes: int, file_bytes: int, n_open_files: int) -> None:
    """Set the resource limits, hard, where the system has them."""
    wanted = {
        "RLIMIT_CPU": cpu_seconds,
        "RLIMIT_AS": memory_bytes,
        "RLIMIT_FSIZE": file_bytes,
        "RLIMIT_NOFILE": n_open_files,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
    }
    for name, value in wanted.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, OSError, ValueError):
            continue


def close_all_but(*kept: int) -> None:
    """Close every file, but have standard input, output and error lead nowhere."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in range(3):
        if standard not in kept:
            os.dup2(null, standard)
    edges = sorted({2, *kept, os.sysconf("SC_OPEN_MAX")})
    for low, high in itertools.pairwise(edges):
        os.closerange(low + 1, high)


def give_up_rights(syscalls: bytes | None) -> None:
    """Give up what the keeper needs: starting and ending other processes, and whatever else is not listed."""
    if sys.platform == "linux":
        seccomp.libc.prctl(1, 9, 0, 0, 0)  # die with the keeper
        seccomp.libc.prctl(4, 0, 0, 0, 0)  # no other process may look into this one
    if not seccomp.install(syscalls):
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def main(read: Callable[[int], bytes]) -> None:
    """Part into the three; ``read`` returns as many bytes of standard input."""

    def text() -> str:
        return read(int(read(8), 16)).decode("utf-8", "surrogatepass")

    cpu_seconds, memory_bytes, file_bytes, folder_bytes, n_files, n_open_files = map(int, sys.argv[1:])
    program = text()
    private = folder.enter(folder_bytes, n_files)
    limit(cpu_seconds, memory_bytes, file_bytes if private else 0, n_open_files)
    if sys.platform == "linux":
        seccomp.libc.prctl(1, 9, 0, 0, 0)  # die with the parent
        seccomp.libc.prctl(38, 1, 0, 0, 0)  # no new privileges: what both filters ask for
    landlock.filter_files(folder=private)
    folder.drop_capabilities()
    os.environ.clear()
    sys.argv[:] = ["program.py"]
    syscalls = seccomp.syscall_filter()
    from_tests, to_program = os.pipe()
    from_program, to_tests = os.pipe()
    gc.freeze()  # or both would copy all that is there at their first collection
    program_process = os.fork()
    if not program_process:
        close_all_but(from_tests, to_tests)
        landlock.stand_apart()
        give_up_rights(syscalls)
        run(from_tests, to_tests, program)
    own, tests = text(), text()
    judge_process = os.fork()
    if not judge_process:
        verdict = os.dup(1)
        close_all_but(from_program, to_program, verdict)
        give_up_rights(syscalls)
        os.write(verdict, b"ready\n")
        judge(from_program, to_program, own, tests, verdict)
    close_all_but(0, 2)
    os.read(0, 1)
    for process in (program_process, judge_process):
        os.kill(process, 9)
        os.waitpid(process, 0)
    os._exit(0)  # an orderly end takes milliseconds
