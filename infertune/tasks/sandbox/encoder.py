"""Writes a message (plain.py)."""

from __future__ import annotations

import struct

from infertune.tasks.sandbox.plain import (
    COMPLEX,
    FLOAT,
    MOST_BYTES,
    MOST_DEPTH,
    MOST_INT_BYTES,
    MUTABLE_TAGS,
    PACKED,
    SHORT,
    SIZE,
    TEXTS,
    Malformed,
    collection,
    contents,
    is_plain,
    text_class,
)

TYPE_CHECKING = False  # typing takes longer to load than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


class Encoder:
    """One message being written.

    Attributes:
        out: The message so far.
        others: Called with this and a value that is not plain, to write it.
        mutables: The mutable values met so far, in order; a reply begins with those of the request that it answers.
    """

    def __init__(self, others: Callable[[Encoder, object], None], mutables: Iterable[object] = ()) -> None:
        self.out = bytearray()
        self.others = others
        self.mutables = list(mutables)
        self._places = {id(one): place for place, one in enumerate(self.mutables)}
        self._depth = 0

    def value(self, value: object) -> None:
        """Write the value."""
        if self._depth >= MOST_DEPTH or len(self.out) > MOST_BYTES:
            raise Malformed(f"a value is nested more than {MOST_DEPTH} deep or larger than {MOST_BYTES} bytes")
        self._depth += 1
        kind = type(value)
        if kind in _ENCODE:
            _ENCODE[kind](self, value)
        elif is_plain(kind):
            _subclass(self, value)
        else:
            self.others(self, value)
        self._depth -= 1

    def raw(self, tag: bytes, content: bytes) -> None:
        """Write the tag, the length and the bytes."""
        self.out += tag + SIZE.pack(len(content)) + content

    def number(self, number: int) -> None:
        """Write a number that is not negative."""
        self.out += SIZE.pack(number)

    def row(self, tag: bytes, values: tuple[object, ...]) -> None:
        """Write the tag and the values."""
        kinds = set(map(type, values))
        form = PACKED.get(kinds.pop(), "") if len(kinds) == 1 else ""
        if form:
            try:
                return self.raw(tag + form.encode(), struct.pack(f"<{len(values)}{form}", *values))
            except struct.error:  # a whole number of more than eight bytes
                pass
        self.out += tag + b"v"
        self.number(len(values))
        for value in values:
            self.value(value)

    def known(self, value: object) -> bool:
        """Return whether the message has the mutable value, and refer to it if so."""
        place = self._places.setdefault(id(value), len(self.mutables))
        if place < len(self.mutables):
            self.out += b"m" + SIZE.pack(place)
            return True
        self.mutables.append(value)
        return False


def _int(to: Encoder, value: int) -> None:
    size = value.bit_length() // 8 + 1
    if size <= 8:
        to.out += b"q" + SHORT.pack(value)
    elif size <= MOST_INT_BYTES:
        to.raw(b"i", value.to_bytes(size, "little", signed=True))
    else:
        raise Malformed(f"a whole number has more than {MOST_INT_BYTES} bytes")


def _mutable(to: Encoder, value: object) -> None:
    if not to.known(value):
        to.row(next(tag for base, tag in MUTABLE_TAGS.items() if isinstance(value, base)), contents(value))


def _subclass(to: Encoder, value: object) -> None:
    kind = type(value)
    if text := text_class(kind):
        to.out += b"x"
        to.value(text)
        to.value(value.isoformat() if TEXTS[text] else str(value))  # type: ignore[attr-defined]
    elif name := collection(kind):
        if not to.known(value):
            to.out += b"k"
            to.value(name)
            to.value(getattr(value, "maxlen" if name == "deque" else "default_factory", None))
            to.row(b"t", contents(value))
    elif issubclass(kind, tuple) and isinstance(getattr(kind, "_fields", None), tuple):
        to.out += b"n"
        to.value((kind.__name__, *kind._fields))  # type: ignore[attr-defined]
        to.row(b"t", tuple(value))  # type: ignore[arg-type]
    elif (kind.__module__, kind.__name__) == ("datetime", "timedelta"):
        to.row(b"w", (value.days, value.seconds, value.microseconds))  # type: ignore[attr-defined]
    else:
        base = next(base for base in kind.__mro__ if base in _ENCODE)
        _ENCODE[base](to, _HELD[base](value) if base in _HELD else value)


_HELD: dict[type, Callable[..., object]] = {  # of a subclass that may say otherwise, such as an enumeration
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
}
_ENCODE: dict[type, Callable[[Encoder, Any], None]] = {
    type(None): lambda to, value: to.out.extend(b"N"),
    bool: lambda to, value: to.out.extend(b"T" if value else b"F"),
    int: _int,
    float: lambda to, value: to.out.extend(b"f" + FLOAT.pack(value)),
    complex: lambda to, value: to.out.extend(b"c" + COMPLEX.pack(value.real, value.imag)),
    str: lambda to, value: to.raw(b"s", value.encode("utf-8", "surrogatepass")),
    bytes: lambda to, value: to.raw(b"b", value),
    bytearray: _mutable,
    list: _mutable,
    set: _mutable,
    dict: _mutable,
    tuple: lambda to, value: to.row(b"t", tuple(value)),
    frozenset: lambda to, value: to.row(b"z", tuple(value)),
    range: lambda to, value: to.row(b"r", (value.start, value.stop, value.step)),
    slice: lambda to, value: to.row(b"/", (value.start, value.stop, value.step)),
}
