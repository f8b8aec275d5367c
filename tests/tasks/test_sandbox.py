"""What a hostile program tries in the sandbox, each with a bounded effect. Linux has filters for all of it."""

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "fake",
    [
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "raise SystemExit",
        "print('ready'); print('PASS'); exit(0)",
        "import os\nfor fd in range(32):\n  try: os.write(fd, b'ready\\npassed')\n  except OSError: pass\nos._exit(0)",
        "import os\nos.closerange(0, 32)",
        "import sys; sys.modules['__main__'].main = None; sys.exit()",
        "import os, signal\nos.abort()",
    ],
)
def test_a_verdict_cannot_be_faked(fake):
    assert not run(fake).passed


def test_the_order_of_sets_is_the_same_in_every_run():
    text = "assert list({'a', 'b', 'c', 'd', 'e'})[:2] == ORDER"
    orders = [run(text.replace("ORDER", f"['{a}', '{b}']")).passed for a in "abcde" for b in "abcde" if a != b]
    assert sum(orders) == 1


def test_endless_loops_end():
    begin = time.monotonic()
    assert not run("while True: pass", limits=QUICK).passed
    assert run("import time; time.sleep(60)", limits=Limits(wall_seconds=1)).reason == "took more than 1 seconds"
    assert time.monotonic() - begin < 20


def test_endless_output_fills_nothing():
    assert not run("while True: print('x' * 10**6)", limits=QUICK).passed
    assert (
        run(
            "import os\nwhile True:\n for fd in range(3, 32):\n  try: os.write(fd, b'x' * 999)\n  except OSError: 0",
            limits=QUICK,
        ).reason
        == "said too much"
    )


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
def test_threads_are_bounded_by_memory_and_die_with_the_program():
    bomb = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()"
    begin = time.monotonic()
    assert not run(bomb, limits=QUICK).passed
    assert time.monotonic() - begin < 15


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
        f"os.rename('program.py', {str(tmp_path / 'new')!r})",
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
def test_the_folder_cannot_be_filled_and_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    filler = "i = 0\nwhile True:\n  i += 1\n  open(str(i), 'wb').write(bytes(2**20))"
    assert "wrote more than" in run(filler, limits=Limits(cpu_seconds=3)).reason
    assert "wrote more than" in run(filler.replace("bytes(2**20)", "b''"), limits=Limits(cpu_seconds=3)).reason
    assert not run(
        "open('big', 'wb', buffering=0).write(bytes(2**20))\nopen('big', 'ab', buffering=0).write(b'x')"
    ).passed
    assert list(tmp_path.iterdir()) == []


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
def test_capabilities_says_that_all_of_it_holds():
    assert capabilities() == dict.fromkeys(("processes", "network", "signals", "reading", "writing", "memory"), True)


@linux
@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="changing the user takes root")
def test_the_same_holds_for_an_ordinary_user():
    # Not tmp_path, which lies in a folder that only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        _run_as_an_ordinary_user(Path(folder))


def _run_as_an_ordinary_user(tmp_path):
    jail = Path(__file__).parents[2] / "infertune" / "tasks" / "jail.py"
    (tmp_path / "jail.py").write_bytes(jail.read_bytes())
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "program.py").write_text(
        tries(
            "import os; os.fork()",
            "import socket; socket.socket()",
            "os.kill(os.getppid(), 0)",
            "open('../jail.py').read()",
            "open('../new', 'w')",
            "open(f'/proc/{os.getppid()}/environ')",
        )
    )
    for path in (tmp_path, folder):
        path.chmod(0o777)
    user = {"user": 65534, "group": 65534, "extra_groups": []}
    for python in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        command = [python, "-B", "-P", "-S", "-s", "../jail.py", "3", str(2**29), "1000", "32"]
        try:
            done = subprocess.run(command, cwd=folder, input=b"word", capture_output=True, env={}, **user)
        except OSError:
            continue
        if b"unknown option" not in done.stderr.lower():
            assert (done.stdout, done.stderr) == (b"ready\nword", b"")
            return
    pytest.skip("an ordinary user cannot start any Python here that is new enough")
