"""One request and the stream that answers it: what is sent, and what each event of the answer says."""

import re
from typing import Any

import msgspec

from infertune.load.fields import Fields
from infertune.load.sse import EventStream
from infertune.load.workload import LoadRequest
from infertune.types import Message

_AS_THEY_ARE = Fields()
_MAX_SAID = 300  # characters of a server's words that are repeated


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
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct):
    text: str | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None

    @property
    def brings_tokens(self) -> bool:
        """Whether it stands for tokens: a piece of text, or an empty one that announces and ends nothing.

        The latter is a token whose character is not complete yet, or one that is not shown.
        """
        if self.delta is None:
            return bool(self.text) or (self.text == "" and not self.finish_reason)
        delta = self.delta
        if delta.content or delta.reasoning or delta.reasoning_content or delta.tool_calls:
            return True
        return delta.content == "" and delta.role is None and not self.finish_reason


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_EVENT = msgspec.json.Decoder(_Event)


class StreamFailed(Exception):
    """The answer is not what was asked for; the text says why."""


class Answer:
    """Reads one streamed answer, piece by piece.

    Attributes:
        chunks: When each event came that brought tokens.
        usage: As the server counts; None until it has said so.
        is_finished: Whether the model's answer has come to its end.
    """

    def __init__(self) -> None:
        self._events = EventStream()
        self.chunks: list[float] = []
        self.usage: _Usage | None = None
        self.is_finished = False

    def feed(self, piece: bytes, now: float) -> None:
        """Take what has come by a moment.

        Raises:
            StreamFailed: It is an error, or nothing that such a stream may bring.
        """
        for data in self._events.feed(piece):
            if data == b"[DONE]":
                self.is_finished = True
                continue
            try:
                event = _EVENT.decode(data)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise StreamFailed(f"an event that cannot be read: {error}") from None
            if event.error is not None:
                raise StreamFailed(f"the server ended the stream: {said(msgspec.json.encode(event.error))}")
            if event.usage is not None:
                self.usage = event.usage
            choices = event.choices or ()
            if any(choice.brings_tokens for choice in choices):
                self.chunks.append(now)
            if any(choice.finish_reason for choice in choices):
                self.is_finished = True
                if not self.chunks:  # an answer that is over at once: its one token ends it and is not shown
                    self.chunks.append(now)


def said(data: bytes) -> str:
    """Return a server's words on one line, shortened."""
    text = " ".join(data.decode("utf-8", "replace").split())
    return text if len(text) <= _MAX_SAID else f"{text[:_MAX_SAID]} ..."
