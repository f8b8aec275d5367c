"""A peer's process as seen from the benchmark."""

import json
import os
import signal
import subprocess
import weakref
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile, gettempdir
from typing import IO, Any

from benchmarks.search.peers.environments import python
from benchmarks.search.peers.protocol import Outcome, Task, Wish, plain
from infertune.errors import InfertuneError

HERE = Path(__file__).parent
# One thread each, so that processor time is comparable and a run repeats itself.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class PeerDied(InfertuneError):
    """A peer's process ended, or broke its word."""


class Bridge:
    """One task of a peer: puts questions to its script, run with the Python of its environment.

    Attributes:
        ask_seconds: Processor time inside the library of each question to it.
    """

    def __init__(self, script: Path, environment: str | None, task: Task) -> None:
        self.ask_seconds: list[float] = []
        its_python = python(environment)
        self._idle = _IDLE.setdefault((script, its_python, os.getpid()), [])
        self._process = self._idle.pop() if self._idle else _Process(script, its_python)
        folder = TemporaryDirectory(prefix="peer-")  # some libraries leave files where they run
        self._cleaned = weakref.finalize(self, folder.cleanup)
        told = plain(task) | {"axes": [plain(axis) for axis in task.axes]}
        self._process.say(do="start", task=told, folder=folder.name)

    def ask(self) -> Wish | None:
        """Return what the peer wants next; None when it waits."""
        answer = self._process.say(do="ask")
        if "seconds" in answer:
            self.ask_seconds.append(answer["seconds"])
        return Wish(**answer["wish"]) if answer["wish"] else None

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Say what came of a wish."""
        self._process.say(do="tell", wish=plain(wish), outcome=plain(outcome))

    def recommend(self) -> list[int] | None:
        """Return the point that the peer recommends."""
        return self._process.say(do="recommend")["point"]

    def close(self) -> None:
        """End the task; the process waits for the next of its kind."""
        if self._process.is_ready:
            self._process.say(do="end")
            self._idle.append(self._process)
        else:
            self._process.end()
        self._cleaned()


class _Process:
    """A script with its libraries imported, that serves one task after the other.

    Attributes:
        is_ready: Whether it has answered all questions: not if it died, or the answer was not waited for.
        end: Ends it and what serves a task; done at the latest when nobody has it any more.
    """

    def __init__(self, script: Path, its_python: str) -> None:
        self._name = script.stem
        self._errors = TemporaryFile()
        ours, theirs = os.pipe()
        self._answers = os.fdopen(ours)
        self._process = subprocess.Popen(
            [its_python, str(script), str(theirs)],
            stdin=subprocess.PIPE,
            stdout=self._errors,
            stderr=self._errors,
            pass_fds=(theirs,),
            cwd=gettempdir(),
            env=os.environ | _ONE_THREAD | {"PYTHONHASHSEED": "0", "PYTHONPATH": ""},
            text=True,
            start_new_session=True,  # so that it can be ended with the copy of it that serves a task
        )
        os.close(theirs)
        self.is_ready = True
        self.end = weakref.finalize(self, _end, self._process, self._answers, self._errors)

    def say(self, **message: Any) -> dict[str, Any]:
        assert self._process.stdin
        self.is_ready = False
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status = self._process.wait()
            self._errors.seek(0)
            last = self._errors.read().decode(errors="replace").strip().splitlines()[-6:]
            self.end()
            raise PeerDied(f"{self._name} ended with status {status}: " + (" | ".join(last) or "it said nothing"))
        self.is_ready = True
        return json.loads(line)


_IDLE: dict[tuple[Path, str, int], list[_Process]] = {}  # by who has started them too: a fork of it may not use them


def _end(process: "subprocess.Popen[str]", answers: IO[str], errors: IO[bytes]) -> None:
    assert process.stdin
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass  # it had died with a question unread
    answers.close()
    errors.close()
