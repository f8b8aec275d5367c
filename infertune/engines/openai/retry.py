"""What a failed attempt means, how long to wait before the next, and when an endpoint counts as gone."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from infertune.errors import EngineError
from infertune.types import Request
from infertune.wire.blame import Blame

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 20.0
MAX_ATTEMPTS = 6
MAX_REFUSALS = 30  # of one request while others are answered


class EndpointGone(EngineError):
    """The endpoint answers no more. What it had not answered is not failed: it can be asked again.

    Attributes:
        unanswered: Requests that were pulled but not answered, in the order in which they were pulled.
    """

    def __init__(self, message: str, unanswered: Sequence[Request] = ()) -> None:
        super().__init__(message)
        self.unanswered = tuple(unanswered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long an endpoint is waited for.

    Attributes:
        patience_seconds: Without any answer after which the endpoint counts as gone.
        timeout_seconds: For one answer, the whole of it.
        hedge_seconds: No second copy of a request is sent before, be it ever so late.
    """

    patience_seconds: float = 60.0
    timeout_seconds: float = 600.0
    hedge_seconds: float = 5.0


@dataclass(kw_only=True)
class Fault(Exception):
    """One failed attempt.

    Attributes:
        said: What happened, for the user; without keys.
        may_be_paid: Whether the endpoint may have generated for it.
        prompt_tokens: Paid, when the answer that could not be used said so; likewise the next.
        wait_seconds: As the endpoint asked for; None when it did not.
        is_overload: Whether fewer samples in flight may help.
        is_redirect: Whether it is no refusal, but a word to go elsewhere.
    """

    blame: Blame
    said: str
    may_be_paid: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    wait_seconds: float | None = None
    is_overload: bool = False
    is_redirect: bool = False

    def __str__(self) -> str:
        return self.said

    def forget(self) -> None:
        """Let go of where it came from, with the answer that is held there: many may wait to be dealt with."""
        self.__traceback__ = self.__context__ = self.__cause__ = None


def retry_after_seconds(header: str | None, *, now: Callable[[], float] = time.time) -> float | None:
    """Return how long a Retry-After header (RFC 9110, 10.2.3) asks to wait; None when there is none to be understood.

    Args:
        header: A number of seconds, or an HTTP date.
        now: Seconds since 1970.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now())
    except ValueError:
        return None


def backoff_seconds(n_failed: int, *, asked: float | None, rng: random.Random) -> float:
    """Return how long to wait after the n-th failure in a row, from 1: exponential, with full jitter.

    Args:
        n_failed: Failures so far.
        asked: What the endpoint asked for; never less is waited, and some jitter keeps all from coming at once.
        rng: For the jitter.
    """
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(n_failed - 1, 16))
    jitter: float = rng.uniform(0.0, longest)
    return jitter if asked is None else asked + min(jitter, FIRST_WAIT_SECONDS)


class Patience:
    """How long an endpoint has been answering nothing, and how long that may last.

    Args:
        seconds: Without any answer after which the endpoint counts as gone.
        clock: Seconds, for tests.

    Attributes:
        seconds: As given.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._first_fault: float | None = None  # since the last answer
        self._last_answer: float | None = None

    def answered(self) -> None:
        """Note that the endpoint answered as it should."""
        self._last_answer = self._clock()
        self._first_fault = None

    def failed(self, *, told_to_wait: float | None) -> None:
        """Note a fault that says nothing for the endpoint; a wait that it asked for is not held against it."""
        now = self._clock()
        if self._first_fault is None:
            self._first_fault = now
        if told_to_wait is not None and told_to_wait <= self.seconds:
            self._first_fault = max(self._first_fault, now + told_to_wait - self.seconds / 2)

    @property
    def has_answered(self) -> bool:
        """Whether it ever answered as it should."""
        return self._last_answer is not None

    def answered_since(self, moment: float) -> bool:
        """Whether it answered any request after this moment of the clock."""
        return self._last_answer is not None and self._last_answer >= moment

    @property
    def is_over(self) -> bool:
        """Whether the endpoint counts as gone."""
        return self._first_fault is not None and self._clock() - self._first_fault >= self.seconds
