"""Objects that stand for those of the other side: a class for each of its classes, with what that class can do.

In the tests they are strict: an object of the program's is never equal to plain data, nor before or after it, and
arithmetic of the two must give an object again, of which no number can be had. Or else an answer that knows nothing
could pass ``abs(answer - 3) < 1e-6`` by being told the 3. Where such a question cannot be judged the run ends.
"""

from __future__ import annotations

from infertune.tasks.sandbox.operations import (
    ALWAYS,
    ARITHMETIC,
    AS_NUMBER,
    EQUALITY,
    IN_PLACE,
    ORDER,
    PROTOCOLS,
    REFLECTED,
)

TYPE_CHECKING = False  # typing takes longer to load than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, Protocol

    class Link(Protocol):
        """What is known of the other side, and asked of it."""

        strict: bool
        fail: Callable[[str], NoReturn]

        @property
        def references(self) -> Any: ...  # noqa: D102
        def ask(self, name: str, /, *args: object, **kwargs: object) -> object: ...  # noqa: D102
        def is_mixed(self, value: object) -> bool: ...  # noqa: D102
        def mix(self, value: object, problem: str) -> None: ...  # noqa: D102
        def keep_from(self, error: object) -> None: ...  # noqa: D102


LOCAL = ("__class__", "__copy__", "__deepcopy__")
link: Link = None  # type: ignore[assignment]  # of this process, which has one


def is_theirs(value: object) -> bool:
    """Return whether the value stands for an object of the other side's."""
    return link.references.theirs(value) is not None


class Mirror(type):
    """The class of classes that stand for the other side's."""

    def __new__(cls, name: str, bases: tuple[type, ...], names: dict[str, object]) -> Mirror:  # noqa: D102
        link.fail(f"the tests derive {name} from a class of the program's, which is out of their reach")

    def __call__(cls, *args: object, **kwargs: object) -> object:  # noqa: D102
        return link.ask("make", cls, *args, **kwargs)

    def __getattr__(cls, name: str) -> object:
        return link.ask("member", cls, name)

    def __setattr__(cls, name: str, value: object) -> None:
        link.ask("setattr", cls, name, value)

    def __delattr__(cls, name: str) -> None:
        link.ask("delattr", cls, name)

    def __getitem__(cls, key: object) -> object:
        return link.ask("item", cls, key)

    def __iter__(cls) -> object:
        return link.ask("__iter__", cls)

    def __len__(cls) -> int:
        return link.ask("__len__", cls)  # type: ignore[return-value]

    def __bool__(cls) -> bool:
        return True

    def __contains__(cls, key: object) -> bool:
        return bool(link.ask("__contains__", cls, key))

    def __instancecheck__(cls, value: object) -> bool:
        if type.__instancecheck__(cls, value) or (isinstance(value, BaseException) and not is_theirs(value)):
            return type.__instancecheck__(cls, value)
        return bool(link.ask("isinstance", value, cls))

    def __subclasscheck__(cls, kind: type) -> bool:
        if type.__subclasscheck__(cls, kind) or (issubclass(kind, BaseException) and not is_theirs(kind)):
            return type.__subclasscheck__(cls, kind)
        return bool(link.ask("issubclass", kind, cls))


def _getattribute(self: object, name: str) -> object:
    return object.__getattribute__(self, name) if name in LOCAL else link.ask("getattr", self, name)


def _equality(name: str) -> Callable[[object, object], object]:
    def compare(self: object, other: object) -> object:
        if is_theirs(other) or not link.strict:
            return link.ask(name, self, other)
        held = link.ask("held", self) if type(self).__dict__["_infertune_plain"] else self
        if held is self:
            return name == "__ne__"
        return EQUALITY[name](held, other)

    return compare


def _order(name: str) -> Callable[[object, object], object]:
    def compare(self: object, other: object) -> object:
        if is_theirs(other) or not link.strict:
            return link.ask(name, self, other)
        held = link.ask("held", self) if type(self).__dict__["_infertune_plain"] else self
        if held is self:
            link.fail(f"the tests compare a {type(self).__name__} of the program's with plain data by {name}")
        return ORDER[name](held, other)  # type: ignore[arg-type]

    return compare


def _arithmetic(name: str, *, reflected: bool = False) -> Callable[..., object]:
    def compute(self: object, *others: object) -> object:
        result = link.ask(name, *reversed((self, *others))) if reflected else link.ask(name, self, *others)
        if link.strict and not all(is_theirs(one) and not link.is_mixed(one) for one in (self, *others)):
            link.mix(
                result, f"arithmetic of a {type(self).__name__} of the program's with plain data gives plain data"
            )
        return result

    return compute


def _number(name: str) -> Callable[..., object]:
    def compute(self: object, *options: object) -> object:
        result = link.ask(name, self, *options)
        if link.is_mixed(self):
            link.mix(result, f"what came of arithmetic with plain data is made plain data by {name}")
        return result

    return compute


def _protocol(name: str) -> Callable[..., object]:
    def ask(self: object, *args: object, **kwargs: object) -> object:
        return link.ask(name, self, *args, **kwargs)

    return ask


def _exit(self: object, kind: object, error: object, trace: object) -> object:
    if error is not None:
        link.keep_from(error)
    return link.ask("__exit__", self, kind, error, None)


METHODS: dict[str, Callable[..., object]] = {
    **{name: _protocol(name) for name in (*PROTOCOLS, *ALWAYS)},
    **{name: _equality(name) for name in EQUALITY},
    **{name: _order(name) for name in ORDER},
    **{name: _arithmetic(name) for name in (*ARITHMETIC, *IN_PLACE)},
    **{name: _arithmetic(original, reflected=True) for name, original in REFLECTED.items()},
    **{name: _number(name) for name in AS_NUMBER},
    "__exit__": _exit,
}
Handle: type = type.__new__(
    Mirror,
    "object",
    (),
    {
        "__slots__": (),
        "_infertune_plain": False,
        "__getattribute__": _getattribute,
        "__setattr__": lambda self, name, value: link.ask("setattr", self, name, value),
        "__delattr__": lambda self, name: link.ask("delattr", self, name),
        "__copy__": lambda self: link.ask("copy", self),
        "__deepcopy__": lambda self, memo: link.ask("deepcopy", self),
        **{name: METHODS[name] for name in (*ALWAYS, *EQUALITY)},
    },
)


async def awaited(coroutine: object) -> object:
    """Have the other side run its coroutine, in an event loop of its own, when this one is awaited."""
    return link.ask("await", coroutine)


def mirror(
    name: str, module: str, bases: tuple[type, ...], special: tuple[str, ...], *, plain: bool, hashable: bool
) -> type:
    """Return a class that stands for one of the other side's.

    Args:
        name: Its name.
        module: The module that it is of.
        bases: Those of its bases that stand for the other side's, or are Python's own errors.
        special: The special methods that it has.
        plain: Whether its instances hold plain data.
        hashable: Whether they have a hash.
    """
    body: dict[str, object] = {"_infertune_plain": plain, "__module__": module}
    errors = tuple(base for base in bases if issubclass(base, BaseException))
    if errors:
        body["__getattr__"] = lambda self, name: link.ask("getattr", self, name)
        body["__str__"] = METHODS["__str__"]
    else:
        bases = bases or (Handle,)
        body |= {"__slots__": (), **{one: METHODS[one] for one in special}}
        if not hashable:
            body["__hash__"] = None
    try:
        return type.__new__(Mirror, name, errors or bases, body)
    except TypeError:  # these bases have no order
        return type.__new__(Mirror, name, (errors or bases)[:1], body)
