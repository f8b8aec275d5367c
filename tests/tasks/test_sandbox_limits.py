"""Ways to use more than a run may. The system, not the sandbox, is what says no."""

import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from infertune.tasks.sandbox import Limits, capabilities, run

linux = pytest.mark.skipif(sys.platform != "linux", reason="the filters are of Linux")
folder = pytest.mark.skipif(
    sys.platform != "linux" or not capabilities()["folder"], reason="no folder in memory can be had here"
)
QUICK = Limits(cpu_seconds=1, wall_seconds=3)
MIB = 2**20


def refused(program, *, limits=QUICK):
    """Whether the program got an error of the system, which it and no other must be."""
    outcome = run(textwrap.dedent(program), limits=limits)
    return not outcome.passed and outcome.reason.startswith(
        ("OSError", "MemoryError", "PermissionError", "ValueError: not allowed to raise")
    ), outcome


SPACE = {
    "many files": "i = 0\nwhile True:\n  i += 1\n  open(str(i), 'w')",
    "many files while it talks": """
        import os
        i = 0
        while True:
            i += 1
            with open(str(i), 'wb', buffering=0) as file: file.write(bytes(2**18))
            print('x' * 1000)
        """,
    "large files": "i = 0\nwhile True:\n  i += 1\n  open(str(i), 'wb').write(bytes(2**20))",
    "one larger file": "open('a', 'wb', buffering=0).write(bytes(2**20))\nopen('a', 'ab', buffering=0).write(b'x')",
    "a file made long": "open('big', 'wb').truncate(2**30)",
    "a file with a hole": "file = open('big', 'wb', buffering=0)\nfile.seek(2**30)\nfile.write(b'x')",
    "files that have no name any more": """
        import os
        kept = []
        while True:
            kept.append(open('gone', 'wb', buffering=0))
            kept[-1].write(bytes(2**20))
            os.unlink('gone')
        """,
    "long names": "i = 0\nwhile True:\n  i += 1\n  open(str(i).zfill(250), 'w')",
    "a folder": "import os\nos.mkdir('sub')",
    "a link": "import os\nopen('a', 'w')\nos.link('a', 'b')",
    "a pipe with a name": "import os\nos.mkfifo('pipe')",
    "the folder's size": "import os\nos.system\nimport ctypes\n"
    "if ctypes.CDLL(None).mount(b'none', b'/proc', b'tmpfs', 32, b'size=1g'): raise OSError",
    "leaving the folder": "open('../etc/x', 'w')",
    "temporary files": "import tempfile\nkept = []\nwhile True:\n  kept.append(tempfile.TemporaryFile())",
    "many open files": "kept = []\nwhile True: kept.append(open('/dev/null'))",
    "many pipes": "import os\nwhile True: os.pipe()",
    "files in memory": "import os\nos.memfd_create('x')",
    "shared memory": "from multiprocessing import shared_memory\nshared_memory.SharedMemory(create=True, size=2**20)",
    "a large block": "bytearray(2**30)",
    "many blocks": "kept = []\nwhile True: kept.append(bytearray(10**6))",
    "a large map": "import mmap\nmmap.mmap(-1, 2**30)",
    "a long text": "'x' * 10**10",
    "a higher limit": "import resource\nresource.setrlimit(7, (999, 999)) or bytearray(2**30)",
    "another's limit": "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
}


@folder
@pytest.mark.parametrize("program", SPACE.values(), ids=SPACE)
def test_more_space_than_allowed_is_refused_by_the_system(program):
    held, outcome = refused(program, limits=Limits(cpu_seconds=2))
    assert held, outcome


TIME = {
    "a loop": "while True: pass",
    "a loop that catches all": "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
    "a long multiplication": "3 ** (10**8)",
    "a slow pattern": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
    "threads": "import threading\ndef f():\n  while 1: 0\nfor _ in range(4): threading.Thread(target=f).start()\nf()",
    "many threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()",
    "a deaf loop": "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
    "sleep": "import time\ntime.sleep(60)",
    "waiting for input": "import sys\nwhile True: sys.stdin.read()",
    "waiting for itself": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "a child": "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
    "printing": "while True: print('x' * 10**6)",
    "a slow end": "import atexit, time\natexit.register(time.sleep, 60)\n1 / 0",
}


SLOW = (
    "a loop that catches all",
    "a long multiplication",
    "a slow pattern",
    "threads",
    "a deaf loop",
    "a child",
    "printing",
)


@pytest.mark.parametrize(
    "program",
    [pytest.param(text, id=name, marks=[pytest.mark.slow] * (name in SLOW)) for name, text in TIME.items()],
)
def test_more_time_than_allowed_is_not_had(program):
    begin = time.monotonic()
    assert not run(program, limits=QUICK).passed
    assert time.monotonic() - begin < 3 + 10


@pytest.mark.parametrize("tests", ["while True: solve()", "import time\ntime.sleep(60)", "solve(lambda: solve)"])
def test_tests_that_do_not_end_are_ended_too(tests):
    begin = time.monotonic()
    assert not run("def solve(f=int):\n  while f: f()", tests, limits=QUICK).passed
    assert time.monotonic() - begin < 3 + 10


@folder
def test_what_the_program_may_write_the_tests_may_read():
    program = "def save(name):\n  with open(name, 'w') as file: file.write('x' * 1000)"
    assert run(
        program, "save('a')\nassert open('a').read() == 'x' * 1000\nimport os\nassert os.listdir() == ['a']"
    ).passed
    full = (
        "for i in range(16): open(str(i), 'wb').write(bytes(2**20 - 4096))\nimport os\nassert len(os.listdir()) == 16"
    )
    assert run(full).passed
    assert run("for i in range(200): open(str(i), 'w')\nimport os\nassert len(os.listdir()) == 200").passed


@linux
def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mounts = Path("/proc/self/mounts").read_text()
    zombies = psutil.Process().children(recursive=True)
    for program in ("open('a', 'w').write('x' * 9999)", "while True: pass", "import os\nos._exit(0)"):
        run(program, limits=QUICK)
    assert list(tmp_path.iterdir()) == []
    assert Path("/proc/self/mounts").read_text() == mounts
    assert psutil.Process().children(recursive=True) == zombies
