"""Scores Python programs by running their tests in the sandbox: pass@1 as HumanEval (Chen et al. 2021) defines it."""

import re
import textwrap
from dataclasses import dataclass

from infertune.tasks.program import parsed
from infertune.tasks.prompts import as_text
from infertune.tasks.sandbox import Limits, run
from infertune.types import Example

_FUTURE = re.compile(r"^from __future__ import .*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class PythonTests:
    """1 when the reference, which is tests of the answer, runs to its end within the limits, else 0.

    Attributes:
        prefix_field: The example's field that the answer continues; empty for an answer that stands alone. An answer
            that defines the whole function again, as chat models write it, simply replaces it.
        cpu_seconds: Of the program in one run, and as many of its tests.
        wall_seconds: Of one run, waiting included.
        memory_mib: Of the program in one run, the interpreter included, and as much of its tests.
    """

    prefix_field: str = ""
    cpu_seconds: int = 3
    wall_seconds: float = 10.0
    memory_mib: int = 512

    def normal_form(self, answer: str) -> str | None:
        """Return the code without the blank space that ends it."""
        return answer.rstrip() or None

    def score(self, answer: str, example: Example) -> float:
        """Return 1.0 when all tests pass, else 0.0."""
        limits = Limits(
            cpu_seconds=self.cpu_seconds, wall_seconds=self.wall_seconds, memory_bytes=self.memory_mib * 2**20
        )
        prefix = as_text(example.fields[self.prefix_field]) if self.prefix_field else ""
        program = assembled(prefix, answer)
        return float(run(f"{program}\n", example.reference, given=prefix, limits=limits).passed)

    def ideal(self, reference: str) -> None:
        """Return None: tests do not tell a program that passes them, so a task that knows one gives ``ideal``."""


def assembled(prefix: str, answer: str) -> str:
    """Return the program of a prompt's code and the answer that continues it or stands by itself.

    A body gets the indentation of the prompt's last line where it would not fit with its own.
    """
    future = "".join(match[0] + "\n" for match in _FUTURE.finditer(answer))  # must come first in a file
    answer = _FUTURE.sub("", answer) if future else answer
    program = f"{future}{prefix}{answer}"
    if not prefix.strip() or parsed(program):
        return program
    if answer[:1] in (" ", "\t"):
        last = prefix.rstrip().rpartition("\n")[2]
        margin = last[: len(last) - len(last.lstrip())] or "    "
        return f"{future}{prefix}{textwrap.indent(textwrap.dedent(answer), margin)}"
    return f"{future}{prefix.rstrip()}\n    pass\n{answer}"
