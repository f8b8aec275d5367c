"""One request and the stream that answers it: what is sent, and what each event of the answer says."""

import re
from typing import Any

import msgspec

from infertune.load.fields import Fields
from infertune.load.sse import EventStream
from infertune.load.workload import LoadRequest
from infertune.types import Message
from infertune.wire import reply, usage
from infertune.wire.finish import understood
from infertune.wire.usage import WireUsage
from infertune.wire.words import clean, words

_FIRST_BYTES = 8192
_AS_THEY_ARE = Fields()


def path(request: LoadRequest) -> str:
    """Return where a request is posted, below the base URL."""
    return "/chat/completions" if request.is_chat else "/completions"


def body(request: LoadRequest, *, model: str, fields: Fields = _AS_THEY_ARE) -> bytes:
    """Return the JSON that asks for a streamed answer with its usage; it has no seed unless one is added."""
    plain: dict[str, Any] = {"model": model}
    if request.is_chat:
        turns = [turn for turn in request.prompt if isinstance(turn, Message)]
        plain["messages"] = [{"role": turn.role, "content": turn.content} for turn in turns]
    else:
        plain["prompt"] = request.prompt
    plain["max_tokens"] = request.max_tokens
    plain |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.ignore_eos:
        plain["ignore_eos"] = True
    return msgspec.json.encode(fields.applied(plain | dict(request.settings)))


def refused_with(error: str) -> int | None:
    """Return the HTTP status of a request that failed by one; None where it failed otherwise, or did not."""
    match = re.match(r"HTTP (\d+)", error)
    return int(match[1]) if match else None


# What comes back. Only what is used is named; everything else is skipped unread.


class _Delta(msgspec.Struct):
    role: str | None = None
    content: Any = None  # a text, or typed parts
    reasoning: Any = None
    reasoning_content: Any = None
    thinking: Any = None
    tool_calls: Any = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    text: str | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None
    error: Any = None

    @property
    def brings_tokens(self) -> bool:
        """Whether it stands for tokens: a piece of text, or an empty one that announces and ends nothing.

        The latter is a token whose character is not complete yet, or one that is not shown.
        """
        if self.delta is None:
            return bool(self.text) or (self.text == "" and not self.finish_reason)
        delta = self.delta
        brought = (delta.content, delta.reasoning, delta.reasoning_content, delta.thinking, delta.tool_calls)
        if any(brought) or delta.refusal:
            return True
        return delta.content == "" and delta.role is None and not self.finish_reason


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_EVENT = msgspec.json.Decoder(_Event)


class StreamFailed(Exception):
    """The answer is not what was asked for; the text says why."""


class StreamedReply:
    """Reads one streamed answer, piece by piece.

    Attributes:
        chunks: When each event came that brought tokens.
        usage: As the server counts; None until it has said so.
        is_finished: Whether the model's answer has come to its end.
    """

    def __init__(self) -> None:
        self._events = EventStream()
        self.chunks: list[float] = []
        self.usage: WireUsage | None = None
        self._first = b""  # of what came, for it may be no stream
        self._n_bytes = 0
        self.is_finished = False

    def counted(self, *, request_bytes: int, limit: int) -> WireUsage | None:
        """Return what the server counted, without numbers that cannot be; None where it has not said."""
        if self.usage is None:
            return None
        found = self.usage.believed(request_bytes=request_bytes, answer_bytes=self._n_bytes, limit=limit)
        return None if found.completion_tokens is None else found

    @property
    def shortfall(self) -> str:
        """Why there is no whole answer: an error that came in place of a stream, or a stream that broke off."""
        if self.is_finished:
            return ""
        if self.chunks or not self._first.lstrip().startswith(b"{"):
            return "the stream broke off before the answer's end"
        try:
            reply.read(self._first)
        except reply.NoAnswer as error:
            return str(error) if error.is_error else "the server does not stream its answer"
        return "the server does not stream its answer"

    def feed(self, piece: bytes, now: float) -> None:
        """Take what has come by a moment.

        Raises:
            StreamFailed: It is an error, or nothing that such a stream may bring.
        """
        self._n_bytes += len(piece)
        if len(self._first) < _FIRST_BYTES:
            self._first = (self._first + piece)[:_FIRST_BYTES]
        for data in self._events.feed(piece):
            if data == b"[DONE]":
                self.is_finished = True
                continue
            try:
                event = _EVENT.decode(data)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise StreamFailed(f"an event that cannot be read: {error}") from None
            choices = event.choices or []
            if event.error or any(choice.error for choice in choices):
                raise StreamFailed(f"the server ended the stream: {clean(words(data))}")
            counted = usage.read(event.usage)
            if counted.completion_tokens is not None:
                self.usage = counted
            ends = [understood(choice.finish_reason) for choice in choices]
            if "broken" in ends or "filtered" in ends:
                raise StreamFailed(f"the server withheld the rest: finish_reason {choices[0].finish_reason!r}")
            if any(choice.brings_tokens for choice in choices):
                self.chunks.append(now)
            if any(choice.finish_reason for choice in choices):
                self.is_finished = True
                if not self.chunks:  # an answer that is over at once: its one token ends it and is not shown
                    self.chunks.append(now)
