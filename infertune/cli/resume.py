"""The command that resumes what this one has begun, with some options changed."""

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infertune.budget import Budget


def command(arguments: Sequence[str], options: Mapping[str, str]) -> str:
    """Return the command line of this run with other values of some options, for a shell.

    Args:
        arguments: Of the program, without its name.
        options: Such as ``--turns``, with their new values.
    """
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in options:
            next(words, None)
        elif word.partition("=")[0] not in options:
            kept.append(word)
    return shlex.join(["infertune", *kept, *(each for option in options.items() for each in option)])


def larger(budget: "Budget", times: float) -> dict[str, str]:
    """Return the options of a budget that is so many times as large."""
    limits = {"tokens": budget.tokens, "seconds": budget.seconds, "money": budget.money}
    return {f"--budget-{unit}": str(rounded(times * limit)) for unit, limit in limits.items() if limit is not None}


def rounded(amount: float) -> int | float:
    """Return an amount rounded up to two digits: 137 becomes 140, 45,201 becomes 46,000, 0.123 becomes 0.13."""
    step = 10.0 ** (math.floor(math.log10(amount)) - 1)
    up = math.ceil(amount / step - 1e-9) * step
    return round(up) if step >= 1 else round(up, 10)
