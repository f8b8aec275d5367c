"""What a hostile program tries in the sandbox, each in vain. Linux has filters for all of it."""

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infertune.tasks import sandbox
from infertune.tasks.sandbox import Limits, capabilities, run

FILTERED = sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64")
linux = pytest.mark.skipif(not FILTERED, reason="seccomp and Landlock are of Linux on x86_64 and aarch64")
QUICK = Limits(cpu_seconds=1, wall_seconds=5)


def program(text):
    return textwrap.dedent(text)


def tries(*statements):
    """Return a program that passes only if every statement is refused."""
    return "".join(f"try:\n {one}\nexcept OSError:\n pass\nelse:\n raise SystemExit({one!r})\n" for one in statements)


def test_a_good_program_passes_and_a_bad_one_says_why():
    assert run("import math\nassert math.sqrt(4) == 2").passed
    outcome = run("assert 1 == 2, 'no'")
    assert (outcome.passed, outcome.reason) == (False, "AssertionError: no")


def test_ordinary_library_code_works():
    assert run(
        program("""
        import asyncio, collections, dataclasses, datetime, decimal, hashlib
        import json, random, re, string, threading, typing
        @dataclasses.dataclass
        class Point:
            x: typing.List[int]
        async def one():
            return 1
        assert asyncio.run(one()) == 1
        thread = threading.Thread(target=print, args=("hello",))
        thread.start()
        thread.join()
        open("scratch", "w").write("x")
        assert open("scratch").read() == "x"
        """)
    ).passed


def test_the_order_of_sets_is_the_same_in_every_run():
    text = "assert list({'a', 'b', 'c', 'd', 'e'})[:2] == ORDER"
    orders = [run(text.replace("ORDER", f"['{a}', '{b}']")).passed for a in "abcde" for b in "abcde" if a != b]
    assert sum(orders) == 1


def test_what_takes_too_long_says_so():
    assert run("import time; time.sleep(60)", limits=Limits(wall_seconds=1)).reason == "took more than 1 seconds"


def test_a_program_that_is_too_long_is_not_run():
    assert run("#" * 2**20 + "\nx = 1").reason == "the program has more than 1048576 bytes"


def test_output_that_reaches_the_tests_is_limited():
    program = "import os\nwhile True:\n for fd in range(3, 32):\n  try: os.write(fd, b'x' * 999)\n  except OSError: 0"
    assert run(program, limits=QUICK).reason == "the program said too much"
    loud = "def f(): print('x' * 10**7)"
    tests = "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as said: f()\n"
    assert run(loud, tests + "assert 0 < len(said.getvalue()) <= 2**20").passed


def test_memory_is_limited():
    assert run("try:\n bytearray(2**30)\nexcept MemoryError: pass\nelse: raise SystemExit").passed
    assert not run("x = []\nwhile True: x.append(bytearray(10**7))", limits=QUICK).passed


def test_a_deep_recursion_is_only_a_wrong_answer():
    assert not run("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()", limits=QUICK).passed


@pytest.mark.parametrize("text", ["\0", "\udc80", "def", "(" * 10_000, "x = 1" * 10**5])
def test_text_that_is_no_program_is_only_a_wrong_answer(text):
    assert not run(text).passed


@linux
def test_fork_bombs_do_not_start():
    assert run(
        tries("import os; os.fork()", "import subprocess; subprocess.run(['true'])", "os.execv('/bin/sh', ['sh'])")
    ).passed
    bomb = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    assert not run(bomb, limits=QUICK).passed


@linux
def test_nothing_outside_the_folder_is_written_or_removed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("kept")
    tmp_path.chmod(0o777)
    outside.chmod(0o666)
    statements = [
        f"open({str(outside)!r}, 'w')",
        f"open({str(outside)!r}, 'a')",
        f"open({str(tmp_path / 'new')!r}, 'x')",
        f"import os; os.remove({str(outside)!r})",
        f"os.rename({str(outside)!r}, 'mine')",
        f"open('mine', 'w'); os.rename('mine', {str(tmp_path / 'new')!r})",
        f"os.truncate({str(outside)!r}, 0)",
        f"os.chmod({str(outside)!r}, 0)",
        f"os.utime({str(outside)!r})",
        f"os.symlink({str(outside)!r}, 'link')",
        f"os.link({str(outside)!r}, 'link')",
        f"import shutil; shutil.rmtree({str(tmp_path)!r})",
        "open('../new', 'w')",
        "os.mkdir('sub')",
        "os.mkfifo('pipe')",
    ]
    outcome = run(tries(*statements))
    assert outcome.passed, outcome.reason
    assert outside.read_text() == "kept"
    assert [entry.name for entry in tmp_path.iterdir()] == ["outside"]


@linux
def test_the_environment_and_files_of_the_user_stay_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("INFERTUNE_TEST_SECRET", "hush")
    secret = tmp_path / "secret"
    secret.write_text("hush")
    outcome = run(
        "import os\nassert not os.environ, os.environ\n"
        + tries(
            f"open({str(secret)!r}).read()",
            "open(f'/proc/{os.getppid()}/environ').read()",
            "open('/proc/self/environ').read()",
            "open('/etc/passwd').read()",
            f"os.listdir({str(tmp_path)!r})",
            f"open({str(Path(__file__).resolve())!r})",
        )
    )
    assert outcome.passed, outcome.reason


@linux
def test_there_is_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert run(
            "import socket\n" + tries(f"socket.create_connection(('127.0.0.1', {port}))", "socket.socket()")
        ).passed
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@linux
def test_other_processes_are_out_of_reach():
    with subprocess.Popen(["sleep", "60"]) as victim:
        outcome = run(
            "import os, signal, resource, fcntl\n"
            + tries(
                "os.kill(os.getppid(), signal.SIGKILL)",
                f"os.kill({victim.pid}, signal.SIGKILL)",
                "os.kill(-1, signal.SIGKILL)",
                "os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)",
                f"resource.prlimit({victim.pid}, resource.RLIMIT_CPU, (0, 0))",
                f"os.setpriority(os.PRIO_PROCESS, {victim.pid}, 19)",
                f"os.sched_setaffinity({victim.pid}, [0])",
                f"fcntl.fcntl(0, fcntl.F_SETOWN, {victim.pid})",
            )
        )
        alive = victim.poll() is None
        victim.kill()
    assert outcome.passed, outcome.reason
    assert alive


@linux
def test_runs_side_by_side_do_not_meet():
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, [f"open('mine', 'x').write('{i}')\nassert {i} % 2 == 0" for i in range(8)]))
    assert [outcome.passed for outcome in outcomes] == [True, False] * 4


@linux
def test_only_the_standard_library_can_be_imported():
    installed = Path(pytest.__file__).parents[1]
    beside = [f"{path}/{name}" for path in sys.path for name in ("site-packages", "dist-packages")]
    program = f"""
import sys
def load(name):
    try: __import__(name)
    except (ImportError, OSError): return False
    return True
assert not load("pytest") and not load("infertune") and not load("pip")
sys.path += {[str(installed), *beside]!r}
assert not load("pytest") and not load("infertune") and not load("pip") and not load("setuptools")
for name in ("ssl", "sqlite3", "ctypes", "hashlib", "asyncio", "decimal", "json", "lzma", "zoneinfo", "unittest.mock"):
    assert load(name), name
"""
    outcome = run(program)
    assert outcome.passed, outcome.reason


@linux
def test_capabilities_says_that_all_of_it_holds():
    held = capabilities()
    del held["folder"]  # which some systems do not allow
    assert held == dict.fromkeys(("processes", "network", "signals", "reading", "writing", "memory"), True)


FILTERED_TRIES = tries(
    "import os; os.fork()",
    "import socket; socket.socket()",
    "os.kill(os.getppid(), 0)",
    "open('/etc/passwd').read()",
    "open('../new', 'w')",
    "open('/tmp/new', 'w')",
    "open(f'/proc/{os.getppid()}/environ')",
)
WITHOUT_MOUNTS = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
rules = libc.syscall(444, (ctypes.c_uint64 * 1)(1 << 9), ctypes.c_size_t(8), 0)  # who is under Landlock cannot mount
if libc.syscall(446, rules, 0): sys.exit("no Landlock")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def directly(python, *before, program, tests="", **options):
    """Run the inside of the sandbox as the package does, and return what it says."""
    texts = (sandbox._inside(), program.encode(), b"", tests.encode())
    with subprocess.Popen(
        [python, *before, "-B", "-P", "-S", "-s", "start.py", "3", str(2**29), str(2**20), str(2**24), "200", "32"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        **options,
    ) as process:
        process.stdin.write(b"".join(b"%08x%b" % (len(text), text) for text in texts))
        process.stdin.flush()
        said = process.stdout.read()
        process.stdin.close()
        return said, process.stderr.read()


@linux
def test_where_no_folder_can_be_had_nothing_can_be_written():
    program = tries("open('x', 'w')", "import os; os.mkdir('x')", "import tempfile; tempfile.TemporaryFile()")
    program += FILTERED_TRIES + "assert os.path.getsize is not None\n"
    folder = Path(sandbox.__file__).parent
    said = directly(sys.executable, "-c", WITHOUT_MOUNTS, program=program, cwd=folder)
    if said[1] == b"no Landlock\n":
        pytest.skip("no Landlock")
    assert said == (b"ready\npassed", b"")


@linux
@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="changing the user takes root")
def test_the_same_holds_for_an_ordinary_user():
    user = {"user": 65534, "group": 65534, "extra_groups": []}
    program = FILTERED_TRIES + "def solve(n): return open('scratch', 'w').write('x' * n)"
    # Not tmp_path, which lies in a folder that only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        Path(folder, "start.py").write_bytes(Path(sandbox.__file__).with_name("start.py").read_bytes())
        for python in (os.path.realpath(sys.executable), f"/usr/bin/python3.{sys.version_info.minor}"):
            try:
                said = directly(python, program=program, tests="assert solve(9) == 9", cwd=folder, **user)
            except OSError:
                continue
            assert said in (
                (b"ready\npassed", b""),
                (b"ready\nPermissionError: [Errno 13] Permission denied: 'scratch'", b""),
            )
            assert [entry.name for entry in Path(folder).iterdir()] == ["start.py"]
            return
    pytest.skip("an ordinary user cannot start this version of Python here")


@pytest.mark.parametrize("written", [b"", b"0000", b"00000100only a part"])
def test_one_whose_parent_dies_while_it_starts_ends_too(written):
    start = Path(sandbox.__file__).with_name("start.py")
    arguments = ["3", str(2**29), str(2**20), str(2**24), "200", "32"]
    child = subprocess.Popen([sys.executable, "-B", "-P", "-S", "-s", start, *arguments], stdin=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(written)
    child.stdin.close()
    try:
        assert child.wait(timeout=20) == 1
    finally:
        child.kill()
