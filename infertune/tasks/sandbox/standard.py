"""What crosses by its name because both sides have it: classes, functions and modules of the standard library.

The tests may send the program any of them. The program may send the tests classes of plain data and of errors alone:
with ``exec``, or a module that has such a thing, it could have the tests run what it likes.
"""

import builtins
import sys
from types import ModuleType

from infertune.tasks.sandbox.plain import BASES, COLLECTIONS, TEXTS, Malformed

_PLAIN = {
    *(("builtins", base.__name__) for base in (object, *BASES)),
    ("builtins", "Ellipsis"),
    *(("collections", name) for name in COLLECTIONS),
    *TEXTS,
    ("datetime", "timedelta"),
}


def is_standard(module: object) -> bool:
    """Return whether a module of this name is of the standard library."""
    return isinstance(module, str) and module.partition(".")[0] in sys.stdlib_module_names


def name_of(value: object) -> tuple[str, str] | None:
    """Return the module and name under which the standard library has the value, with no name for a module."""
    if value is ...:
        return "builtins", "Ellipsis"
    if isinstance(value, ModuleType):
        return (value.__name__, "") if is_standard(value.__name__) else None
    owner = getattr(value, "__objclass__", value)  # of a method such as str.upper
    module, name = getattr(owner, "__module__", None), getattr(value, "__qualname__", None)
    if not is_standard(module) or not isinstance(name, str) or "<" in name:
        return None
    assert isinstance(module, str)
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return (module, name) if found is value else None


def is_harmless(name: tuple[str, str]) -> bool:
    """Return whether the program may send the tests what is called so.

    Not those errors that would make ``except TheProgramsError`` catch an assertion of the tests' own.
    """
    if name in _PLAIN:
        return True
    error = builtin_error(name[1]) if name[0] == "builtins" else None
    return error is not None and not issubclass(AssertionError, error)


def builtin_error(name: str) -> type[BaseException] | None:
    """Return Python's own class of errors of this name."""
    found = getattr(builtins, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def find(name: tuple[str, str]) -> object:
    """Return what the standard library has under the name."""
    if not is_standard(name[0]):
        raise Malformed("not a name of the standard library")
    __import__(name[0])
    found: object = sys.modules[name[0]]
    for part in name[1].split(".") if name[1] else ():
        found = getattr(found, part)
    return found


def error_class(name: tuple[str, str]) -> type | None:
    """Return the class of errors of this name, if it is in a module of the standard library that is loaded.

    Not of unittest, where one makes a test count as skipped.
    """
    known = is_standard(name[0]) and name[0].partition(".")[0] not in ("builtins", "unittest")
    found = getattr(sys.modules.get(name[0]), name[1], None) if known else None
    return found if isinstance(found, type) and issubclass(found, Exception) else None
