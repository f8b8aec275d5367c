"""A peer's process as seen from the benchmark."""

import json
import os
import subprocess
import weakref
from pathlib import Path
from tempfile import TemporaryDirectory
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
    """Starts a peer's script with the Python of its environment and puts questions to it.

    Attributes:
        ask_seconds: Processor time inside the library of each question to it.
    """

    def __init__(self, script: Path, environment: str | None, task: Task) -> None:
        self.ask_seconds: list[float] = []
        self._name = script.stem
        own = python(environment)
        folder = TemporaryDirectory(prefix="peer-")  # some libraries leave files where they run
        self._errors = Path(folder.name, "stderr").open("w+b")
        ours, theirs = os.pipe()
        self._answers = os.fdopen(ours)
        self._process = subprocess.Popen(
            [own, str(script), str(theirs)],
            stdin=subprocess.PIPE,
            stdout=self._errors,
            stderr=self._errors,
            pass_fds=(theirs,),
            cwd=folder.name,
            env=os.environ | _ONE_THREAD | {"PYTHONHASHSEED": "0", "PYTHONPATH": ""},
            text=True,
        )
        os.close(theirs)
        self._end = weakref.finalize(self, _end, self._process, self._answers, self._errors, folder)
        self._say(do="start", task=plain(task) | {"axes": [plain(axis) for axis in task.axes]})

    def ask(self) -> Wish | None:
        """Return what the peer wants next; None when it waits."""
        answer = self._say(do="ask")
        if "seconds" in answer:
            self.ask_seconds.append(answer["seconds"])
        return Wish(**answer["wish"]) if answer["wish"] else None

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Say what came of a wish."""
        self._say(do="tell", wish=plain(wish), outcome=plain(outcome))

    def recommend(self) -> list[int] | None:
        """Return the point that the peer recommends."""
        return self._say(do="recommend")["point"]

    def close(self) -> None:
        """End the process."""
        self._end()

    def _say(self, **message: Any) -> dict[str, Any]:
        assert self._process.stdin
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
            raise PeerDied(f"{self._name} ended with status {status}: " + (" | ".join(last) or "it said nothing"))
        return json.loads(line)


def _end(
    process: "subprocess.Popen[str]", answers: IO[str], errors: IO[bytes], folder: "TemporaryDirectory[str]"
) -> None:
    assert process.stdin
    process.kill()
    process.wait()
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass  # it had died with a question unread
    answers.close()
    errors.close()
    folder.cleanup()
