"""Scores mathematical answers by math-verify, in a process of its own.

math-verify stops endless simplifications by SIGALRM, which works in a main thread alone and not inside a long
multiplication. So one process a machine compares, in its main thread; it is killed and replaced when it hangs.
"""

import atexit
import importlib.util
import json
import selectors
import subprocess
import sys
import threading
from dataclasses import dataclass

from infertune.errors import DataUnavailableError, InfertuneError
from infertune.tasks import latex
from infertune.types import Example

_START_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class MathEquivalence:
    """1 when math-verify finds the answer equal to the reference, else 0.

    Attributes:
        wall_seconds: Of one comparison; an answer that takes longer is wrong.
    """

    wall_seconds: float = 10.0

    def __post_init__(self) -> None:
        if importlib.util.find_spec("math_verify") is None:
            raise DataUnavailableError("the scorer math needs math-verify: pip install 'infertune[math]'")

    def normal_form(self, answer: str) -> str | None:
        r"""Return the text without what only changes its looks: ``$``, spaces, ``\left``, ``\dfrac``, a final stop."""
        return latex.plain(answer) or None

    def score(self, answer: str, example: Example) -> float:
        """Return 1.0 when equal, else 0.0."""
        reference = self.normal_form(example.reference)
        if reference is None:
            return 0.0
        bases = {latex.base(reference), latex.base(answer)} - {None}
        if len(bases) > 1:  # math-verify reads 1011_2 and 1011_3 as one number
            return 0.0
        return float(answer == reference or _worker.equal(reference, answer, wall_seconds=self.wall_seconds))

    def ideal(self, reference: str) -> str:
        """Return the reference."""
        return reference


class _Worker:
    """The comparing process: started when first asked, one question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def equal(self, reference: str, answer: str, *, wall_seconds: float) -> bool:
        """Return whether the two are equal; a question that takes too long or kills the process is answered no."""
        with self._lock:
            if self._process is None:
                self._start()
                if self._ask("1", "1", _START_SECONDS) is not True:
                    self.close()
                    raise InfertuneError("math-verify does not work: it could not find 1 equal to 1")
            same = self._ask(reference, answer, wall_seconds)
            if same is None:
                self.close()
            return bool(same)

    def close(self) -> None:
        """End the process; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infertune.tasks.scorers.math_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the study, not for its calculator
        )

    def _ask(self, reference: str, answer: str, wall_seconds: float) -> bool | None:
        process = self._process
        assert process and process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps([reference, answer]).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(wall_seconds):
                return None
        said = process.stdout.readline()
        return bool(json.loads(said)) if said else None


_worker = _Worker()
atexit.register(_worker.close)
