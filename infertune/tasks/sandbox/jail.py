"""The inside of the sandbox: gives up every right it can, and becomes two processes, the program and its judge.

Started by start.py with the texts in standard input. The two share nothing but a pair of pipes: the program's text
is read before they part, the tests are read after, by the judge alone, and it alone keeps standard output, to which
it writes ``ready`` and then the verdict.
"""

import itertools
import os
import resource
import sys

from infertune.tasks.sandbox import folder, landlock, seccomp
from infertune.tasks.sandbox.judge import judge
from infertune.tasks.sandbox.runner import run


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


def read_text() -> str:
    """Read a text from standard input: its number of bytes, a line end, and itself."""
    size = b""
    while not size.endswith(b"\n"):
        size += os.read(0, 1)
    left = int(size)
    parts = []
    while left:
        parts.append(os.read(0, left))
        left -= len(parts[-1])
    return b"".join(parts).decode("utf-8", "surrogatepass")


def close_all_but(*kept: int) -> None:
    """Close every file, but have standard input, output and error lead nowhere."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in range(3):
        if standard not in kept:
            os.dup2(null, standard)
    edges = sorted({2, *kept, os.sysconf("SC_OPEN_MAX")})
    for low, high in itertools.pairwise(edges):
        os.closerange(low + 1, high)


def give_up_rights() -> None:
    """Give up what only a process by itself can: starting others, tracing others, all system calls not needed."""
    if sys.platform == "linux":
        seccomp.libc.prctl(1, 9, 0, 0, 0)  # die with the parent
        seccomp.libc.prctl(4, 0, 0, 0, 0)  # no other process may look into this one
    if not seccomp.filter_syscalls():
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def main() -> None:
    """Part into the program and its judge."""
    cpu_seconds, memory_bytes, file_bytes, folder_bytes, n_files, n_open_files = map(int, sys.argv[1:])
    program, given = read_text(), read_text()
    own = []
    if given:
        from infertune.tasks.sandbox.given import own_statements  # takes long to load

        own = own_statements(given)
    private = folder.enter(folder_bytes, n_files)
    limit(cpu_seconds, memory_bytes, file_bytes if private else 0, n_open_files)
    if sys.platform == "linux":
        seccomp.libc.prctl(38, 1, 0, 0, 0)  # no new privileges: what both filters ask for
    landlock.filter_files(folder=private)
    folder.drop_capabilities()
    os.environ.clear()
    sys.argv[:] = ["program.py"]
    from_tests, to_program = os.pipe()
    from_program, to_tests = os.pipe()
    if os.fork() == 0:
        close_all_but(from_tests, to_tests)
        landlock.stand_apart()
        give_up_rights()
        run(from_tests, to_tests, program)
    tests = read_text()
    verdict = os.dup(1)
    close_all_but(from_program, to_program, verdict)
    give_up_rights()
    os.write(verdict, b"ready\n")
    judge(from_program, to_program, tests, own, verdict)
