"""The one connection between the program and its tests: each side asks the other for operations on its objects.

What crosses is a copy of plain data (plain.py), or a number that stands for an object, which stays where it is. While
a side waits for its answer it answers the other's questions, such as calls of a function that it passed. An answer
brings back what became of the lists, dicts, sets and bytearrays in the question's arguments.
"""

from __future__ import annotations

import _thread
import os
import sys
from _operator import is_

from infertune.tasks.sandbox import handles
from infertune.tasks.sandbox.decoder import Decoder
from infertune.tasks.sandbox.encoder import Encoder
from infertune.tasks.sandbox.operations import KEEP, OPERATIONS
from infertune.tasks.sandbox.plain import MOST_BYTES, SIZE, Malformed, contents, is_plain, refill
from infertune.tasks.sandbox.references import References

TYPE_CHECKING = False  # typing takes longer to load than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

MOST_TOTAL_BYTES = 256 * 2**20  # taken from the other side in one run
QUESTION, ANSWER, RAISED = b"Q", b"A", b"R"


class Link:
    """One side's end.

    Attributes:
        fail: Ends this process; called with the reason.
        operations: By name, what the other side may ask for.
        printed: Returns what was printed since it was last called, for the other side to print.
    """

    def __init__(self, source: int, target: int, *, strict: bool, fail: Callable[[str], NoReturn]) -> None:
        self.strict = strict
        self.fail = fail
        self.operations: dict[str, Callable[..., object]] = dict(OPERATIONS)
        self.printed: Callable[[], str] = str
        self.references = References(strict=strict)
        self._mixed: set[int] = set()
        self._source, self._target = source, target
        self._taken = 0
        self._answering = 0
        self._lock = _thread.RLock()
        handles.link = self

    def ask(self, name: str, /, *args: object, **kwargs: object) -> object:
        """Return what the operation gives there, or raise what it raises."""
        if not self.strict and not self._answering:
            raise RuntimeError("the tests' functions can be called only while the tests wait for the program")
        to = Encoder(self.references.write)
        with self._lock:
            try:
                to.value((name, args, tuple(kwargs.items())))
            except Malformed as error:
                self._refuse(f"the tests pass what cannot cross: {error}")
            self._send(QUESTION, to)
            while (message := self._receive())[:1] == QUESTION:
                self.answer(message)
            raised, result = self._read(message, to.mutables)
        if raised:
            if not isinstance(result, BaseException):
                self.fail("the program sent what is no message: an error that is none")
            if self.strict and not isinstance(result, Exception) and self.references.theirs(result) is not None:
                self.fail(f"the program raised {type(result).__name__}")
            if self.strict and name != "__next__" and isinstance(result, StopIteration | StopAsyncIteration):
                raise RuntimeError(f"the program raised {type(result).__name__}") from result  # which would end a loop
            raise result
        return result

    def answer(self, message: bytes) -> None:
        """Do what a question asks for, and send what comes of it."""
        self._answering += 1
        name = ""
        before: list[tuple[object, ...]] = []
        of = Decoder(message[1:], self.references.read)
        try:
            question = of.value()
            of.end()
            if not isinstance(question, tuple) or [*map(type, question)] != [str, tuple, tuple]:
                raise Malformed("no question")
            name, args, pairs = question
            before = [contents(one) for one in of.mutables]
            kind, result = ANSWER, self.operations[name](*args, **dict(pairs))
        except Malformed as error:
            self._refuse(f"the program sent what is no message: {error}")
        except BaseException as error:
            self.keep_from(error)
            kind, result = RAISED, error.with_traceback(None)
        keep = name in KEEP and type(result).__module__ == "program"
        printed = self.printed()
        try:
            to = self._reply(printed, of.mutables, before, result, keep=keep)
        except Exception as error:
            kind, to = RAISED, self._reply(printed, [], [], ValueError(f"what was asked for cannot cross: {error}"))
        self._send(kind, to)
        self._answering -= 1

    def keep_from(self, error: object) -> None:
        """End the run if the error is one by which tests fail, which the program could catch."""
        fails = isinstance(error, AssertionError) or not isinstance(error, Exception)
        if self.strict and fails and self.references.theirs(error) is None:
            self.fail(f"{type(error).__name__}: {error}")

    def listen(self) -> NoReturn:
        """Answer questions until the other side is gone."""
        while True:
            self.answer(self._receive())

    def is_mixed(self, value: object) -> bool:
        """Return whether the object came of arithmetic with plain data."""
        return self.references.theirs(value) in self._mixed

    def mix(self, value: object, problem: str) -> None:
        """Remember that the object came of arithmetic with plain data; end the run if it is plain itself."""
        number = self.references.theirs(value)
        if number is None:
            self.fail(f"the tests cannot judge this: {problem}")
        self._mixed.add(number)

    def _reply(
        self,
        printed: str,
        mutables: list[object],
        before: list[tuple[object, ...]],
        result: object,
        *,
        keep: bool = False,
    ) -> Encoder:
        """Return the text printed, the contents of the mutable arguments that have changed, and the result."""
        to = Encoder(self.references.write, mutables)
        to.value(printed)
        changed = [
            (place, now)
            for place, (one, held) in enumerate(zip(mutables, before, strict=False))
            if len(now := contents(one)) != len(held) or not all(map(is_, now, held))
        ]
        to.number(len(changed))
        for place, now in changed:
            to.number(place)
            to.row(b"t", now)
        if keep and is_plain(type(result)):
            self.references.write(to, result)
        else:
            to.value(result)
        return to

    def _read(self, message: bytes, mutables: list[object]) -> tuple[bool, object]:
        """Return whether the answer is an error, and the result; bring the changed arguments up to date."""
        of = Decoder(message[1:], self.references.read, mutables)
        try:
            printed = of.text()
            changed = []
            for _ in range(of.number()):
                place = of.number()
                if place >= len(mutables) or of.take(1) != b"t":
                    raise Malformed("a change of what was not passed")
                changed.append((mutables[place], of.row()))
            result = of.value()
            of.end()
            for one, held in changed:
                refill(one, held)
        except (Malformed, TypeError, ValueError) as error:
            self._refuse(f"the program sent what is no message: {error}")
        if printed:
            sys.stdout.write(printed)
        return message[:1] == RAISED, result

    def _refuse(self, problem: str) -> NoReturn:
        if self.strict:
            self.fail(problem)
        raise ValueError(problem)

    def _send(self, kind: bytes, message: Encoder) -> None:
        left = memoryview(SIZE.pack(len(message.out) + 1) + kind + message.out)
        try:
            while left:
                left = left[os.write(self._target, left) :]
        except OSError:
            self.fail("the program ended early")

    def _receive(self) -> bytes:
        size = SIZE.unpack(self._exactly(SIZE.size))[0]
        self._taken += size
        if self.strict and (not 0 < size <= 2 * MOST_BYTES or self._taken > MOST_TOTAL_BYTES):
            self.fail("the program said too much")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._source, min(size, 2**20))
            if not part:
                self.fail("the program ended early")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
