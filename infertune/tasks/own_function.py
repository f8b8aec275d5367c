"""Python functions of the user's own, named in a task file as ``module:function``.

The module is looked for where Python looks, and in the folder of the process.
"""

import hashlib
import importlib
import importlib.machinery
import inspect
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.types import Example


def named(name: str) -> Callable[..., Any]:
    """Return the function of that name.

    Raises:
        InvalidInputError: There is no such module or function; or the module cannot be imported.
    """
    module_name, _, function_name = name.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise InvalidInputError(f"{name}: the module cannot be imported: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(here)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise InvalidInputError(f"{name}: the module {module_name} has no function '{function_name}'")
    return function  # type: ignore[no-any-return]


def is_of_this_folder(name: str) -> bool:
    """Return whether the module of a function is in the folder of the process; nothing is imported."""
    top = name.partition(":")[0].partition(".")[0]
    return importlib.machinery.PathFinder.find_spec(top, [str(Path.cwd())]) is not None


def digest(function: Callable[..., Any]) -> str:
    """Return the identity of a function's source; of its name where there is none."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = getattr(function, "__qualname__", type(function).__qualname__)
    return hashlib.sha256(source.encode()).hexdigest()[:16]


class FunctionScorer:
    """A function as a scorer: from ``answer`` and ``reference``, ``example`` or both to a score in [0, 1].

    Args:
        function: Takes these by name; it must always give the same score for the same answer.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.digest = digest(function)
        known = ("answer", "reference", "example")
        parameters = inspect.signature(function).parameters
        needed = [name for name, each in parameters.items() if each.default is each.empty and name not in known]
        if needed:
            raise InvalidInputError(
                f"a function that scores must take answer, reference and example, or some of them, not '{needed[0]}'"
            )
        self._takes = [name for name in known if name in parameters]

    def normal_form(self, answer: str) -> str | None:
        """Return the answer without the space around it; None where that is all."""
        return answer.strip() or None

    def score(self, answer: str, example: Example) -> float:
        """Return what the function says."""
        given = {"answer": answer, "reference": example.reference, "example": example}
        found = self._function(**{name: given[name] for name in self._takes})
        try:
            score = float(found)
        except (TypeError, ValueError):
            score = math.nan
        if not 0 <= score <= 1:
            raise InvalidInputError(f"a function that scores must return a number in [0, 1], not {found!r:.100}")
        return score

    def ideal(self, reference: str) -> str | None:
        """Nothing is known of what a function wants to read."""
        return None


class LostScorer:
    """Stands for a function that scored in another process, and of which nothing could be kept."""

    def normal_form(self, answer: str) -> str | None:
        """Return the answer without the space around it; None where that is all."""
        return answer.strip() or None

    def score(self, answer: str, example: Example) -> float:
        """Raise DataUnavailableError."""
        raise DataUnavailableError(
            "this study was scored by a Python function that no task file names, so that nothing of it can be scored "
            "again; name it in the task file as `module:function`"
        )

    def ideal(self, reference: str) -> None:
        """Nothing is known of what a function wants to read."""


class Function(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="function"
):
    """What a function of the user's own finds: ``module:function``, from a text to the answer or None."""

    name: str

    def problems(self) -> list[str]:
        """Return what is wrong with the step itself, if anything is."""
        try:
            named(self.name)
        except InvalidInputError as error:
            return [f"'name': {error}"]
        return []

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        found = named(self.name)(text)
        return None if found is None else str(found)
