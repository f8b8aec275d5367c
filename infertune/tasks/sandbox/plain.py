"""Plain data: what crosses between a program and its tests as a copy. Everything else stays where it was made.

Plain are None, bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict, range, slice,
named tuples, timedeltas, the classes of COLLECTIONS, and those of TEXTS. An instance of a subclass crosses as the
plain value that it holds.

A message is one value: a tag of one byte, then its content, little-endian. A mutable value is written once in a
message and then referred to by its place in the order of first appearance, so what was one object
stays one, and cycles do.
"""

import struct
import sys

MOST_BYTES = 32 * 2**20  # in one message
MOST_DEPTH = 200
MOST_INT_BYTES = 2**17

BASES = (bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict, range, slice)
MUTABLE_TAGS = {list: b"l", dict: b"d", set: b"e", bytearray: b"a"}
COLLECTIONS = ("Counter", "OrderedDict", "defaultdict", "deque")
TEXTS = {  # written as text; read by calling the class, or this method of it
    ("decimal", "Decimal"): "",
    ("fractions", "Fraction"): "",
    ("uuid", "UUID"): "",
    ("pathlib", "PosixPath"): "",
    ("pathlib", "PurePosixPath"): "",
    ("datetime", "datetime"): "fromisoformat",
    ("datetime", "date"): "fromisoformat",
    ("datetime", "time"): "fromisoformat",
}
SHORT, SIZE, FLOAT, COMPLEX = (struct.Struct(form) for form in ("<q", "<I", "<d", "<dd"))
PACKED = {int: "q", float: "d"}  # eight bytes each, where all values of a row are of this class


class Malformed(Exception):
    """Bytes that are no message, or data that no message holds."""


def text_class(kind: type) -> tuple[str, str] | None:
    """Return the module and name of the class of TEXTS that this one is or derives from."""
    known = {getattr(sys.modules.get(module), name, None): (module, name) for module, name in TEXTS}
    return next((known[base] for base in kind.__mro__ if base in known), None)


def collection(kind: type) -> str | None:
    """Return the name of the class of COLLECTIONS that this one is or derives from."""
    for base in kind.__mro__:
        if base.__module__ == "collections" and base.__name__ in COLLECTIONS:
            return base.__name__
    return None


def is_plain(kind: type) -> bool:
    """Return whether instances of the class are plain."""
    return (
        kind is type(None)
        or issubclass(kind, BASES)
        or (kind.__module__, kind.__name__) == ("datetime", "timedelta")
        or text_class(kind) is not None
        or collection(kind) is not None
    )


def contents(value: object) -> tuple[object, ...]:
    """Return what a mutable value holds, a dict's keys and values in turn."""
    if isinstance(value, dict):
        return tuple(one for pair in _dict_class(value).items(value) for one in pair)
    return tuple(value)  # type: ignore[arg-type]


def refill(value: object, held: list[object]) -> None:
    """Make a mutable value hold this instead."""
    if isinstance(value, list | bytearray):
        value[:] = held  # type: ignore[assignment]
        return
    value.clear()  # type: ignore[attr-defined]
    if isinstance(value, dict):
        for key, one in zip(held[::2], held[1::2], strict=True):
            _dict_class(value).__setitem__(value, key, one)
    elif isinstance(value, set):
        value.update(held)
    else:
        value.extend(held)  # type: ignore[attr-defined]


def _dict_class(value: dict[object, object]) -> type[dict[object, object]]:
    """Return OrderedDict, which keeps an order of its own, or dict."""
    return next(
        base for base in type(value).__mro__ if base is dict or collection(base) == "OrderedDict" == base.__name__
    )
