"""The command that resumes a study with a larger budget, as one would type it."""

import math
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infertune.budget import Budget


def command(arguments: Sequence[str], budget: "Budget", times: float) -> str:
    """Return the same command with budgets so many times as large, quoted for a shell.

    Args:
        arguments: Those of the command that was run, without the program's name.
        budget: As they say.
        times: At least 1.
    """
    larger = {
        "--budget-tokens": None if budget.tokens is None else f"{math.ceil(times * budget.tokens / 1000)}k",
        "--budget-seconds": None if budget.seconds is None else f"{math.ceil(times * budget.seconds)}s",
        "--budget-money": None if budget.money is None else f"{math.ceil(100 * times * budget.money) / 100:g}",
    }
    words: list[str] = []
    for word in arguments:
        flag, equals, _ = word.partition("=")
        before = words[-1] if words else ""
        if equals and larger.get(flag):
            words.append(f"{flag}={larger[flag]}")
        else:
            words.append(larger.get(before) or word)
    return shlex.join(["infertune", *words])
