"""Values that are not plain as parts of a message: numbers of objects, and what the other side must know to ask them.

A number belongs to the side that has the object. An object's class comes with it, described when first met.
"""

import io
from types import BuiltinMethodType, MethodType

from infertune.tasks.sandbox.decoder import Decoder
from infertune.tasks.sandbox.encoder import Encoder
from infertune.tasks.sandbox.handles import awaited, mirror
from infertune.tasks.sandbox.operations import SPECIAL
from infertune.tasks.sandbox.plain import Malformed, is_plain
from infertune.tasks.sandbox.standard import builtin_error, error_class, find, is_harmless, is_standard, name_of

OBJECT, YOURS, CLASS, ERROR, BUILTIN_ERROR, STANDARD, PICKLED = (tag.encode() for tag in "oyCEBSP")
_ALIVE = (BuiltinMethodType, MethodType, io.IOBase)  # of a standard class, but no use as a copy


class References:
    """The objects that one side has given numbers, and those that stand for the other side's.

    Attributes:
        strict: Whether this side is the tests', which takes and gives less than it is sent and asked.
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self._ours: list[object] = []
        self._numbers: dict[int, int] = {}  # by id; the list keeps them alive
        self._theirs: dict[int, object] = {}
        self._kept: list[object] = []
        self._their_numbers: dict[int, int] = {}

    def theirs(self, value: object) -> int | None:
        """Return the number of the other side's object that the value stands for, if it does for one."""
        return self._their_numbers.get(id(value))

    def write(self, to: Encoder, value: object) -> None:
        """Write a value that is not plain, or is not to cross as plain data."""
        number = self.theirs(value)
        if number is not None:
            to.out += YOURS
            to.number(number)
        elif (name := name_of(value)) and (self.strict or is_harmless(name)):
            to.out += STANDARD
            to.value(name)
        elif isinstance(value, type):
            self._write_class(to, value)
        elif isinstance(value, BaseException):
            if self._introduce(to, ERROR, value):
                self._write_kind(to, type(value))
                to.value(value.args)
        elif self.strict and not isinstance(value, _ALIVE) and (pickled := _pickled(value)):
            to.raw(PICKLED, pickled)
        elif self._introduce(to, OBJECT, value):
            self._write_kind(to, type(value))

    def read(self, of: Decoder, tag: bytes) -> object:
        """Read a value of one of the tags above."""
        if tag == YOURS:
            return self._ours[of.number()]
        if tag == STANDARD:
            name = of.value()
            if not isinstance(name, tuple) or [*map(type, name)] != [str, str] or self.strict > is_harmless(name):
                raise Malformed("a name that may not be sent")
            return find(name)
        if tag == PICKLED and not self.strict:
            import pickle

            return pickle.loads(of.take(of.number()))
        if tag not in (CLASS, ERROR, OBJECT):
            raise Malformed(f"no value is of kind {tag!r}")
        number, new = of.number(), of.take(1) == b"+"
        if new == (number in self._theirs):
            raise Malformed("an object is introduced twice or not at all")
        if new:
            value = self._read_class(of) if tag == CLASS else self._read_instance(of, tag)
            self._stand_in(number, value)
            if self.strict and type(value).__name__ == "coroutine":
                self._stand_in(number, awaited(value))
        return self._theirs[number]

    def _stand_in(self, number: int, value: object) -> None:
        self._theirs[number] = value
        self._their_numbers[id(value)] = number
        self._kept.append(value)

    def _introduce(self, to: Encoder, tag: bytes, value: object) -> bool:
        """Write the object's number; return whether more about it must follow."""
        number = self._numbers.setdefault(id(value), len(self._ours))
        new = number == len(self._ours)
        if new:
            self._ours.append(value)
        to.out += tag
        to.number(number)
        to.out += b"+" if new else b"-"
        return new

    def _write_class(self, to: Encoder, kind: type) -> None:
        if not self._introduce(to, CLASS, kind):
            return
        names = {name for base in kind.__mro__[:-1] for name in vars(base) if getattr(kind, name, None) is not None}
        special = [name for name in SPECIAL if name in names]
        to.value((kind.__module__, kind.__name__, is_plain(kind), kind.__hash__ is not None, *special))
        bases = [base for base in kind.__bases__ if base is not object]
        to.number(len(bases))
        for base in bases:
            self._write_kind(to, base)

    def _write_kind(self, to: Encoder, kind: type) -> None:
        """Write the class of an object, or a base of one."""
        if kind.__module__ == "builtins" and builtin_error(kind.__name__) is kind:
            to.out += BUILTIN_ERROR
            to.value(kind.__name__)
        elif self.theirs(kind) is not None:
            self.write(to, kind)
        else:
            self._write_class(to, kind)

    def _read_kind(self, of: Decoder) -> type:
        tag = of.take(1)
        kind = builtin_error(of.text()) if tag == BUILTIN_ERROR else self.read(of, tag)
        if not isinstance(kind, type) or (self.theirs(kind) is None and not issubclass(kind, BaseException)):
            raise Malformed("an object of a class that it cannot have")
        return kind

    def _read_class(self, of: Decoder) -> type:
        about = of.value()
        if not isinstance(about, tuple) or [*map(type, about)] != [str, str, bool, bool, *[str] * (len(about) - 4)]:
            raise Malformed("not the description of a class")
        module, name, plain, hashable, *special = about
        bases = [self._read_kind(of) for _ in range(of.number())]
        if not set(special) <= set(SPECIAL):
            raise Malformed("not the description of a class")
        if error := error_class((module, name)):
            bases = [error]
        return mirror(name, module, tuple(bases), tuple(special), plain=plain, hashable=hashable)

    def _read_instance(self, of: Decoder, tag: bytes) -> object:
        kind = self._read_kind(of)
        if issubclass(kind, BaseException) != (tag == ERROR):
            raise Malformed("an error that is none")
        if not issubclass(kind, BaseException):
            return object.__new__(kind)
        args = of.value()
        if not isinstance(args, tuple):
            raise Malformed("an error without its arguments")
        if self.theirs(kind) is None:
            return kind(*args)
        error = kind.__new__(kind)
        error.args = args
        return error


def _pickled(value: object) -> bytes | None:
    """Return the value in pickle's form if all that it consists of is plain or of the standard library."""
    if not is_standard(type(value).__module__):
        return None
    import pickle

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: object) -> None:
            if not is_standard(getattr(value, "__module__", "builtins")) or not is_standard(type(value).__module__):
                raise pickle.PicklingError

    file = io.BytesIO()
    try:
        Pickler(file).dump(value)
    except Exception:
        return None
    return file.getvalue()
