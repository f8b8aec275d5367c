"""The tests' side: runs them, and decides. What they do not define themselves they ask of the program, by its name."""

from __future__ import annotations

import builtins
import io
import os
import sys
from types import CodeType, ModuleType

from infertune.tasks.sandbox.link import Link
from infertune.tasks.sandbox.standard import is_standard

TYPE_CHECKING = False  # typing takes longer to load than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

NAME = "program"
PASSED = b"passed"
_ABOUT_ANYTHING = ("__name__", "__qualname__", "__doc__", "__module__")  # functools.wraps asks for them
_OF_ATTRIBUTES = ("getattr", "member", "setattr", "delattr")


def judge(source: int, target: int, own: str, tests: str, verdict: int) -> NoReturn:
    """Run the tests, after what of the given text is their own, and write ``passed``, or what went wrong."""

    def say(text: bytes) -> NoReturn:
        os.write(verdict, text)
        os._exit(0)

    def fail(reason: str) -> NoReturn:
        say(reason[:200].encode(errors="replace"))

    link = Link(source, target, strict=True, fail=fail)
    link.operations = {name: _guarded(name, operation) for name, operation in link.operations.items()}
    try:
        shadowed = link.ask("load")
        module = ModuleType(NAME)
        sys.modules[NAME] = module
        code = compile(tests, "tests.py", "exec")
        names = Names(link, shadowed if isinstance(shadowed, list) else [], code)
        module.__dict__.update(__builtins__=names, __getattr__=names.look_up)
        exec(compile(own, "given.py", "exec"), module.__dict__)
        exec(code, module.__dict__)
        if not names.asked and _defines(code):
            fail("the tests ask nothing of the program; are they run?")
    except BaseException as error:
        fail(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    say(PASSED)


class Names(dict[str, object]):
    """The names that the tests do not define: Python's own, then the program's.

    So a program cannot give ``abs`` another meaning. Only where the tests use no other name at all, as in
    ``assert sum(10, 15) == 6``, the program's goes before Python's.
    """

    def __init__(self, link: Link, shadowed: list[object], code: CodeType) -> None:
        super().__init__(vars(builtins))
        self.asked = False
        self._link = link
        self._used = _names(code)
        if len(self._used) == 1 and self._used <= {*shadowed}:
            for name in self._used:
                del self[name]

    def __missing__(self, name: str) -> object:
        if name.startswith("__"):
            raise KeyError(name)
        self.asked = True
        try:
            found = self._link.ask("global", name)
        except KeyError:
            raise KeyError(name) from None
        if not isinstance(found, tuple) or len(found) != 2:
            self._link.fail("the program sent what is no message")
        if found[0] == "module" and is_standard(name):
            self[name] = __import__(name)
            return self[name]
        return found[1]

    def look_up(self, name: str) -> object:
        """Return what the program calls so, for ``from program import name``."""
        try:
            if name not in self._used:  # such as load_tests, by which unittest can be told what to run
                raise KeyError(name)
            return self[name]
        except KeyError:
            raise AttributeError(f"module {NAME!r} has no attribute {name!r}") from None


def _defines(code: CodeType) -> bool:
    """Return whether the code has functions or classes, or a part that runs only in a main module."""
    inner = [one.co_name for one in code.co_consts if isinstance(one, CodeType)]
    return "__name__" in code.co_names or any(not name.startswith("<") for name in inner)


def _names(code: CodeType) -> set[str]:
    """Return the names and attributes that the code uses and does not set."""
    own: set[str] = set()
    used: set[str] = set()
    rest = [code]
    while rest:
        one = rest.pop()
        own |= {one.co_name, *one.co_varnames}
        used |= {*one.co_names}
        rest += [constant for constant in one.co_consts if isinstance(constant, CodeType)]
    return used - own


def _guarded(name: str, operation: Callable[..., object]) -> Callable[..., object]:
    """Return the operation as the program may ask for it, on objects of the tests'.

    It may call functions that it was passed and use the operators of any object, read the public attributes of files
    and of objects of the tests' own classes, and set them where they are no methods. Through the attributes of others,
    such as a generator's frame, it could read the tests; with their classes, such as a file's, write the verdict.
    """

    def guarded(one: object, *rest: object, **options: object) -> object:
        kind = one if isinstance(one, type) else type(one)
        own = kind.__module__ == NAME or isinstance(one, io.IOBase)
        if name in _OF_ATTRIBUTES:
            attribute = rest[0]
            public = type(attribute) is str and not attribute.startswith("_")
            if name in ("setattr", "delattr"):
                public = public and kind is not one and not callable(getattr(kind, str(attribute), None))
            if not ((own and public) or (name == "getattr" and attribute in _ABOUT_ANYTHING)):
                raise AttributeError(f"{attribute!r} of an object of the tests' is out of the program's reach")
        elif isinstance(one, type) and not own and name not in ("isinstance", "issubclass"):
            raise TypeError("a class of the tests' that they do not define is out of the program's reach")
        return operation(one, *rest, **options)

    return guarded
