"""Signals stop a study in good order, again and again; a terminal that goes away does not."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from letters import save

pytestmark = pytest.mark.long

PROGRAM = [sys.executable, str(Path(__file__).parent / "slow_letters.py")]
STUDY = ["optimize", "--task", "letters.yaml", "--engine", "letters", "--model", "m", "--budget-tokens", "3000"]


def begun(folder: Path, *, ignores_hangup: bool = False) -> tuple[subprocess.Popen[bytes], int]:
    """Start a study on a terminal of its own; return it, and our end of the terminal, when it is under way."""
    save(folder)
    ours, its = pty.openpty()

    def prepare() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if ignores_hangup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = subprocess.Popen(
        [*PROGRAM, *STUDY], cwd=folder, stdin=its, stdout=its, stderr=its, start_new_session=True, preexec_fn=prepare
    )
    os.close(its)
    said = b""
    while b"best so far" not in said and b"search" not in said:
        said += os.read(ours, 65536)
    return process, ours


def rest(terminal: int) -> str:
    """Return what is still written to a terminal."""
    said = b""
    while True:
        try:
            said += (more := os.read(terminal, 65536))
        except OSError:  # on Linux, how a terminal ends
            more = b""
        if not more:
            os.close(terminal)
            return said.decode(errors="replace")


def test_ctrl_c_again_and_again(tmp_path: Path) -> None:
    """A terminal reads at once; from one that does not, each Ctrl-C takes what it has not read (termios, NOFLSH)."""
    process, terminal = begun(tmp_path)
    said = ""
    for _ in range(8):
        os.write(terminal, b"\x03")
        if select.select([terminal], [], [], 0.02)[0]:
            try:
                said += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # it has ended
                break
    said += rest(terminal)
    assert process.wait(60) == 130
    assert said.count("nothing paid for is lost") == 1
    assert "Traceback" not in said
    assert "Exception ignored" not in said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_every_signal_has_its_code(tmp_path: Path, number: int, code: int) -> None:
    process, terminal = begun(tmp_path)
    for _ in range(3):
        process.send_signal(number)
        time.sleep(0.01)
    said = rest(terminal)
    assert process.wait(60) == code
    assert "Traceback" not in said
    assert not (tmp_path / "letters.yaml.tmp").exists()


def test_a_terminal_that_goes_away_stops_nothing_where_hanging_up_is_ignored(tmp_path: Path) -> None:
    process, terminal = begun(tmp_path, ignores_hangup=True)
    os.close(terminal)
    assert process.wait(120) == 0
    assert list(tmp_path.glob("letters*.yaml"))


def test_a_reader_of_the_progress_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    save(tmp_path)
    with (
        (tmp_path / "answer.json").open("wb") as answer,
        subprocess.Popen([*PROGRAM, *STUDY, "--json"], cwd=tmp_path, stdout=answer, stderr=subprocess.PIPE) as process,
    ):
        assert process.stderr is not None
        process.stderr.close()
        assert process.wait(120) == 0
    assert (tmp_path / "answer.json").read_text().startswith("{")


WITHIN = """
import os, signal, sys, time
from infertune import stopping

def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.001)  # the handler runs here

class Late:
    def __del__(self):
        ctrl_c()

stopping.listen()
real = signal.signal
def busy(number, handler):  # one more Ctrl-C while the hook for what nobody can catch is at work
    if number == signal.SIGALRM and sys.argv[1] == "again":
        ctrl_c()
    return real(number, handler)
signal.signal = busy
late = Late()
del late
if sys.argv[1] == "ends":
    sys.exit(130)  # before the stop is asked for again
while True:
    time.sleep(0.001)
"""


@pytest.mark.parametrize("case", ["once", "again", "ends"])
def test_a_stop_within_a_destructor_is_asked_for_again(case: str) -> None:
    slow = "import atexit, time; atexit.register(time.sleep, 0.05)\n"  # taking the interpreter down takes a while
    done = subprocess.run([sys.executable, "-c", slow + WITHIN, case], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "")
