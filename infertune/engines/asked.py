"""An engine whose calls somebody else makes: they are asked for one by one, and told when they are done, in any order.

A study runs in a thread of its own, and this engine hands over between it and the caller: one of the two runs at a
time.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infertune.engines.function import response, seed_of
from infertune.errors import EngineError
from infertune.types import Request, Response, Scalar, Unsupported


@dataclass(frozen=True, eq=False)
class Call:
    """One call to make.

    Attributes:
        configuration: Names to values.
        example: As it was given to the study.
        seed: The same for every configuration, so that they share their luck where it is used.
    """

    configuration: Mapping[str, Scalar]
    example: Any
    seed: int


@dataclass(slots=True)
class _Asked:
    """A request whose calls are being made; ``outcomes`` are in the order of its samples."""

    request: Request
    outcomes: list[tuple[float, int] | None]
    error: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def is_answered(self) -> bool:
        return bool(self.error) or None not in self.outcomes


class AskedEngine:
    """Hands calls out, as many at once as are wanted, and answers requests by what is told of them.

    Args:
        name: What the calls are of.
        examples: By id.
        in_flight: Most calls asked for and not told; at least 1.
    """

    samples_per_prompt = 1

    def __init__(self, name: str, examples: Mapping[str, Any], in_flight: int) -> None:
        self._facts = {"engine": "function", "model": name}
        self._examples = examples
        self._in_flight = in_flight
        self._turn = threading.Condition()
        self._is_callers = False  # the turn
        self._is_closed = False
        self._open: dict[Call, tuple[_Asked, int]] = {}
        self._ready: deque[Call] = deque()

    @property
    def facts(self) -> Mapping[str, str]:
        """What the calls are of."""
        return self._facts

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """Nothing."""
        return ()

    @property
    def batch_size(self) -> int | None:
        """1 where calls follow one another; with several at once their outcomes count as they come."""
        return 1 if self._in_flight == 1 else None

    # In the study's thread

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield the outcome of each request when all of its calls were told."""
        source: Iterator[Request | None] | None = iter(requests)
        under_way: list[_Asked] = []
        while True:
            while source is not None and len(self._open) < self._in_flight:
                try:
                    request = next(source)
                except StopIteration:
                    source = None
                    break
                if request is None:
                    break
                under_way.append(self._hand_out(request))
            if not under_way:
                return
            self.wait_for_caller()
            for asked in [each for each in under_way if each.is_answered]:
                under_way.remove(asked)
                outcomes = [] if asked.error else [each for each in asked.outcomes if each is not None]
                yield response(asked.request, outcomes, asked.error, time.monotonic() - asked.began)

    def wait_for_caller(self) -> None:
        """Give the turn to the caller, and wait until it comes back."""
        with self._turn:
            self._is_callers = True
            self._turn.notify_all()
            self._turn.wait_for(lambda: not self._is_callers)
        if self._is_closed:
            raise EngineError("the study was closed")

    def end(self) -> None:
        """Give the turn to the caller for good."""
        with self._turn:
            self._is_callers = True
            self._turn.notify_all()

    def _hand_out(self, request: Request) -> _Asked:
        asked = _Asked(request, [None] * len(request.samples))
        configuration = {name.partition(".")[2]: value for name, value in request.decoding.extra}
        for place, sample in enumerate(request.samples):
            call = Call(configuration, self._examples[request.example_id], seed_of(request, sample))
            self._open[call] = asked, place
            self._ready.append(call)
        return asked

    # In the caller's

    def wait_for_study(self, *, goes_on: bool) -> None:
        """Wait for the turn; before, give it to the study where that goes on."""
        with self._turn:
            if goes_on:
                self._is_callers = False
                self._turn.notify_all()
            self._turn.wait_for(lambda: self._is_callers)

    def next_call(self) -> Call | None:
        """Return a call that nobody makes yet; None where there is none, or as many are made as may be at once."""
        has_room = len(self._open) - len(self._ready) < self._in_flight
        return self._ready.popleft() if self._ready and has_room else None

    def is_open(self, call: Call) -> bool:
        """Whether the call was asked for and not told."""
        return call in self._open and call not in self._ready

    def told(self, call: Call, outcome: tuple[float, int] | str) -> bool:
        """Take in a score with its cost, or why there is none; return whether that answers a request."""
        asked, place = self._open.pop(call)
        if isinstance(outcome, str):
            asked.error = asked.error or outcome
            self._withdraw(asked)
        else:
            asked.outcomes[place] = outcome
        return asked.is_answered

    def close(self) -> None:
        """End the study's thread at its next turn."""
        self._is_closed = True

    def _withdraw(self, asked: _Asked) -> None:
        """Take back the calls of a request that has failed which nobody makes yet."""
        for call in [each for each in self._ready if self._open[each][0] is asked]:
            self._ready.remove(call)
            del self._open[call]
