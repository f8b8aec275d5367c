"""The command that goes on with a search for server settings, with a larger budget."""

import math
import shlex
from collections.abc import Sequence

_OPTION = "--budget-seconds"


def command(arguments: Sequence[str], budget: float) -> str:
    """Return the command line of this run with another budget, for a shell.

    Args:
        arguments: Of the program, without its name.
        budget: Seconds; they are rounded up to two digits.
    """
    kept: list[str] = []
    skipped = False
    for word in arguments:
        if skipped or word.startswith(f"{_OPTION}="):
            skipped = False
        elif word == _OPTION:
            skipped = True
        else:
            kept.append(word)
    return shlex.join(["infertune", *kept, _OPTION, str(rounded(budget))])


def rounded(budget: float) -> int:
    """Return seconds rounded up to two digits: 137 becomes 140, 45,201 becomes 46,000."""
    step = int(10 ** max(len(str(math.ceil(budget))) - 2, 0))
    return math.ceil(budget / step) * step
