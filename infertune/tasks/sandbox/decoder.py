"""Reads a message (plain.py) and takes nothing on trust: whatever is not as the encoder writes it is ``Malformed``."""

from __future__ import annotations

import struct
import sys

from infertune.tasks.sandbox.plain import (
    COLLECTIONS,
    COMPLEX,
    FLOAT,
    MOST_DEPTH,
    MOST_INT_BYTES,
    SHORT,
    SIZE,
    TEXTS,
    Malformed,
    refill,
)

TYPE_CHECKING = False  # typing takes longer to load than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_FIELDS = 255


class Decoder:
    """One message being read.

    Attributes:
        others: Called with this and the tag of a value that is not plain, to read the rest.
        mutables: The mutable values met so far, in order; a reply begins with those of the request that it answers.
    """

    def __init__(
        self, message: bytes, others: Callable[[Decoder, bytes], object], mutables: Iterable[object] = ()
    ) -> None:
        self.others = others
        self.mutables = list(mutables)
        self._message = message
        self._at = 0
        self._depth = 0

    def value(self) -> object:
        """Read a value."""
        if self._depth >= MOST_DEPTH:
            raise Malformed(f"a value is nested more than {MOST_DEPTH} deep")
        self._depth += 1
        tag = self.take(1)
        try:
            value = _DECODE[tag](self) if tag in _DECODE else self.others(self, tag)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
            raise Malformed(f"not a value of kind {tag!r}: {error}") from None
        self._depth -= 1
        return value

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        end = self._at + size
        if end > len(self._message):
            raise Malformed("a message ends early")
        taken = self._message[self._at : end]
        self._at = end
        return taken

    def number(self) -> int:
        """Read a number that is not negative."""
        return int(SIZE.unpack(self.take(4))[0])

    def row(self) -> list[object]:
        """Read what is left of a row after its tag."""
        form = self.take(1)
        size = self.number()
        if form in (b"q", b"d"):
            if size % 8:
                raise Malformed("a row of numbers ends within one")
            return list(struct.unpack(f"<{size // 8}{form.decode()}", self.take(size)))
        if form != b"v" or size > len(self._message) - self._at:
            raise Malformed("a row is longer than its message")
        return [self.value() for _ in range(size)]

    def text(self) -> str:
        """Read a value that must be text."""
        value = self.value()
        if type(value) is not str:
            raise Malformed("no text where there must be")
        return value

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self._at != len(self._message):
            raise Malformed("a message goes on after its end")

    def filled(self, value: object, row: Callable[[Decoder], list[object]]) -> object:
        """Read the content of a mutable value, which may contain the value itself."""
        self.mutables.append(value)
        refill(value, row(self))
        return value


def _int(of: Decoder) -> int:
    size = of.number()
    if size > MOST_INT_BYTES:
        raise Malformed("a whole number is too large")
    return int.from_bytes(of.take(size), "little", signed=True)


def _module(name: str) -> object:
    __import__(name)
    return sys.modules[name]


def _text(of: Decoder) -> object:
    name = of.value()
    if not isinstance(name, tuple) or name not in TEXTS:
        raise Malformed("not a class that is written as text")
    kind = getattr(_module(name[0]), name[1])
    return (getattr(kind, TEXTS[name]) if TEXTS[name] else kind)(of.text())


def _collection(of: Decoder) -> object:
    name = of.text()
    if name not in COLLECTIONS:
        raise Malformed("not a class of collections")
    kind = getattr(_module("collections"), name)
    option = of.value()
    made = kind((), option) if name == "deque" else kind(option) if name == "defaultdict" else kind()
    if of.take(1) != b"t":
        raise Malformed("no content where there must be")
    return of.filled(made, Decoder.row)


def _named_tuple(of: Decoder) -> object:
    names = of.value()
    if not isinstance(names, tuple) or len(names) > _MOST_FIELDS or {*map(type, names)} != {str}:
        raise Malformed("not the names of a named tuple")
    if of.take(1) != b"t":
        raise Malformed("no content where there must be")
    return _module("collections").namedtuple(names[0], names[1:])(*of.row())  # type: ignore[attr-defined]


_DECODE: dict[bytes, Callable[[Decoder], object]] = {
    b"N": lambda of: None,
    b"T": lambda of: True,
    b"F": lambda of: False,
    b"q": lambda of: SHORT.unpack(of.take(8))[0],
    b"i": _int,
    b"f": lambda of: FLOAT.unpack(of.take(8))[0],
    b"c": lambda of: complex(*COMPLEX.unpack(of.take(16))),
    b"s": lambda of: of.take(of.number()).decode("utf-8", "surrogatepass"),
    b"b": lambda of: of.take(of.number()),
    b"a": lambda of: of.filled(bytearray(), Decoder.row),
    b"l": lambda of: of.filled([], Decoder.row),
    b"e": lambda of: of.filled(set(), Decoder.row),
    b"d": lambda of: of.filled({}, Decoder.row),
    b"t": lambda of: tuple(of.row()),
    b"z": lambda of: frozenset(of.row()),
    b"r": lambda of: range(*of.row()),  # type: ignore[call-overload]
    b"/": lambda of: slice(*of.row()),
    b"m": lambda of: of.mutables[of.number()],
    b"x": _text,
    b"k": _collection,
    b"n": _named_tuple,
    b"w": lambda of: _module("datetime").timedelta(*of.row()),  # type: ignore[attr-defined]
}
