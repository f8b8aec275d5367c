"""Scores mathematical answers by math-verify, in a process of its own.

math-verify stops endless simplifications by SIGALRM, which works in a main thread alone and not inside a long
multiplication. So one process a machine compares, in its main thread; it is killed and replaced when it hangs.
"""

import atexit
import importlib.util
import json
import math
import re
import selectors
import subprocess
import sys
import threading
from dataclasses import dataclass
from decimal import Decimal

from infertune.errors import DataUnavailableError, InfertuneError
from infertune.tasks import latex, math_reading, quantities
from infertune.types import Example

_RATIO = re.compile(r"\d{1,9}(?: ?: ?\d{1,9}){2,}")  # of more than two, which is no fraction
_WORD = re.compile(r"[A-Z]{3,}|[A-Z][a-z]+(?:[ -][A-Za-z]+)*|[A-Za-z]{4,}(?:[ -][A-Za-z]+)*")
_DECIMAL = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)")
_LONGEST = 2000  # characters of an answer that is looked into
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
        if answer == reference:
            return 1.0
        if max(len(reference), len(answer)) > _LONGEST:
            return 0.0
        same = _compared(reference, answer)
        if same is None:
            same = self._verified(reference, answer)
        return float(same)

    def ideal(self, reference: str) -> str:
        """Return the reference."""
        return reference

    def _verified(self, reference: str, answer: str) -> bool:
        right, given = quantities.parted(reference), quantities.parted(answer)
        if right.unit and given.unit and right.unit != given.unit:
            return False
        texts = [math_reading.readable(one.number) for one in (right, given) if one.number]
        if len(texts) < 2 or not (texts[0] and texts[1]):
            return False
        return texts[0] == texts[1] or _worker.equal(texts[0], texts[1], wall_seconds=self.wall_seconds)


def _compared(reference: str, answer: str) -> bool | None:
    """Return whether words, decimals, ratios or times are equal, and False for numbers in two bases; None for others.

    math-verify reads a word as the product of its letters, 4:30 as a ratio, and 1011_2 and 1011_3 as one number, and
    it rounds.
    """
    if _WORD.fullmatch(reference):
        return _folded(reference) == _folded(answer)
    if _DECIMAL.fullmatch(reference) and _DECIMAL.fullmatch(answer):
        return Decimal(reference) == Decimal(answer)
    ratios = [bool(_RATIO.fullmatch(text)) for text in (reference, answer)]
    if any(ratios):
        return all(ratios) and _lowest(reference) == _lowest(answer)
    right, given = quantities.time_of_day(reference), quantities.time_of_day(answer)
    if right and given:
        return right.minutes == given.minutes and (right.half == given.half or not (right.half and given.half))
    return False if len({latex.base(reference), latex.base(answer)} - {None}) > 1 else None


def _lowest(ratio: str) -> list[int]:
    terms = [int(term) for term in re.findall(r"\d{1,9}", ratio)]
    return [term // max(1, math.gcd(*terms)) for term in terms]


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("\\text", "").strip("{}. ").split())


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
