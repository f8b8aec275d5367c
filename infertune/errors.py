"""The exceptions a user of infertune can meet, all below one root.

Every message says what must hold, what was found, where, and the nearest valid name. An argument stands in it by its
name in Python, between backticks: "`budget_tokens` must be above 0". The command line prints the message alone, with
its own option in place of the argument, and exits with the class's ``exit_code``; docs/exit-codes.md lists them.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence

_ARGUMENT = re.compile(r"`([a-z]\w*)`", re.ASCII)

_MOST_LETTERS, _MOST_NAMES = 200, 10_000  # that are compared
_MOST_LISTED = 100


class InfertuneError(Exception):
    """Root of everything infertune raises on purpose; its text is meant for the user."""

    exit_code = 1

    def __str__(self) -> str:
        return self.naming(lambda argument: argument)

    @property
    def text(self) -> str:
        """The message with arguments between backticks, as another error's message takes it in."""
        return super().__str__()

    def naming(self, name: Callable[[str], str]) -> str:
        """Return the message with every argument called what ``name`` makes of it."""
        return _ARGUMENT.sub(lambda found: name(found[1]), self.text)


class InvalidInputError(InfertuneError):
    """An argument, a file or a value that the user gave cannot be used as it is."""

    exit_code = 2


class StudyInUseError(InfertuneError):
    """Another process runs the study, or has taken it over from this one."""

    exit_code = 2


class DataUnavailableError(InfertuneError):
    """A data set, a model or an optional dependency is not on this machine and could not be fetched."""

    exit_code = 3


class NothingFitsError(InfertuneError):
    """Nothing that a study compared keeps what was asked."""

    exit_code = 3


class EngineError(InfertuneError):
    """The engine cannot generate: it did not start, died, or answers every request with an error."""

    exit_code = 4


class BudgetError(InfertuneError):
    """The budget cannot buy even the smallest honest answer."""

    exit_code = 5


class VoidMeasurementError(InfertuneError):
    """What was measured must not be believed, for what measured it was too slow."""

    exit_code = 6


class ContradictionError(InfertuneError):
    """A running server is not set as a file says."""

    exit_code = 7


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the valid name closest to ``name``, or a list of the valid ones."""
    names = sorted(valid)
    close = difflib.get_close_matches(name[:_MOST_LETTERS], names[:_MOST_NAMES], n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    more = ["..."] if len(names) > _MOST_LISTED else []
    return f"; valid: {', '.join([*names[:_MOST_LISTED], *more])}" if names else ""


def together(problems: Sequence[str], *, alone: str, head: str, most: int | None = None) -> InvalidInputError:
    """Return one error for all: ``alone`` before a single problem, else ``head`` and a line for each of ``most``."""
    if len(problems) == 1:
        return InvalidInputError(f"{alone}{problems[0]}")
    lines = [*problems[:most], *([f"and {len(problems) - most} more"] if most and len(problems) > most else [])]
    return InvalidInputError("\n  ".join([f"{head}:", *lines]))
