"""What an OpenAI-compatible endpoint answers, in every form in use, read into one. Nothing in it is taken on trust.

Doctor, engine, load and verify all read with this, so what the one understands the others do.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from infertune.wire import finish, usage
from infertune.wire.blame import Blame
from infertune.wire.error_body import blame_of_error
from infertune.wire.finish import Finish
from infertune.wire.logprobs import Logprobs, Token, tokens_of
from infertune.wire.usage import WireUsage
from infertune.wire.words import clean, words


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyChoice:
    """One sample as an endpoint gave it.

    Attributes:
        text: The answer itself.
        thoughts: What came before it, where the server gives that apart.
        refusal: What the model or a filter says in place of an answer.
        finish: Why it ended; None where that is not said, or in no word that is known.
        reason: The server's own word for that.
        tokens: None where their log probabilities are not told; ``token_ids`` likewise. Where nothing was written,
            some servers leave both out.
    """

    text: str
    thoughts: str
    refusal: str
    finish: Finish | None
    reason: str
    tokens: tuple[Token, ...] | None
    token_ids: tuple[int, ...] | None

    @property
    def whole(self) -> str:
        """All that was written."""
        return self.thoughts + self.text

    @property
    def is_withheld(self) -> bool:
        """Whether there is no answer and never will be: a filter took it away, or the model says that it refuses."""
        return self.finish == "filtered" or (bool(self.refusal) and not self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer: its choices in order, and its bill."""

    choices: tuple[ReplyChoice, ...]
    usage: WireUsage


class NoAnswer(Exception):
    """A body that is no answer.

    Attributes:
        blame: Whom it is about, as of a failed attempt.
        usage: What it says was paid.
        is_error: Whether it says itself that it is none.
    """

    def __init__(
        self,
        said: str,
        *,
        blame: Blame = "attempt",
        paid: WireUsage = WireUsage(),  # noqa: B008  (frozen)
        is_error: bool = False,
    ) -> None:
        super().__init__(said)
        self.blame = blame
        self.usage = paid
        self.is_error = is_error


# The forms. Only what is used is named; everything else is skipped unread.


class _Part(msgspec.Struct, gc=False):
    type: str = "text"
    text: Any = None
    content: Any = None
    value: str | None = None
    refusal: str | None = None
    thinking: "str | list[str | _Part] | None" = None
    summary: "str | list[str | _Part] | None" = None


class _Message(msgspec.Struct, gc=False):
    content: str | list[str | _Part | None] | _Part | int | float | bool | None = None
    reasoning: Any = None
    reasoning_content: str | list[str | _Part] | None = None
    reasoning_details: Any = None
    thinking: Any = None
    thinking_blocks: Any = None
    refusal: Any = None


class _Choice(msgspec.Struct, gc=False):
    index: float | str | None = None
    text: str | None = None
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: Any = None
    logprobs: Logprobs | None = None
    token_ids: list[int] | None = None
    provider_specific_fields: Any = None
    error: Any = None


class _Body(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_NO_NUMBER = {"-Infinity": -9999.0}  # as OpenAI has it
_HALF = re.compile("[\ud800-\udfff]")
MOST_CHOICES = 1024
_BODY = msgspec.json.Decoder(_Body)
_LOOSE = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read(body: bytes) -> Reply:
    """Return what an answer of a good status says.

    Raises:
        NoAnswer: It is not JSON, of another form, or an error that came with a good status.
    """
    try:
        found = _decoded(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NoAnswer(clean(str(error)), paid=_paid(body)) from None
    paid = usage.read(found.usage)
    errors = [found.error, *(choice.error for choice in found.choices or ())]
    wrong = next((each for each in errors if each), None)
    if wrong is not None or (found.choices is None and found.usage is None):
        raise NoAnswer(clean(words(body)), blame=blame_of_error(body, wrong), paid=paid, is_error=True)
    if len(found.choices or ()) > MOST_CHOICES:
        raise NoAnswer(f"{len(found.choices or ())} choices", paid=paid)
    try:
        choices = tuple(map(_choice, _ordered(found.choices or [])))
    except ValueError as unfit:
        raise NoAnswer(str(unfit), paid=paid) from None
    return Reply(choices=choices, usage=paid)


def keys(body: bytes) -> frozenset[str]:
    """Return the names of all that is in an answer."""
    return frozenset(_LOOSE.decode(body))


def _decoded(body: bytes) -> _Body:
    """Return a body, also one with a mark of its byte order, half a character, NaN or -Infinity in it."""
    try:
        return _BODY.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        mended = _mended(body)
        if mended is None:
            raise
        return _BODY.decode(mended)


def _mended(body: bytes) -> bytes | None:
    try:
        found = json.loads(body.decode("utf-8-sig"), parse_constant=_NO_NUMBER.get)
        return _HALF.sub("\ufffd", json.dumps(found, ensure_ascii=False)).encode()
    except (ValueError, RecursionError):
        return None


def fingerprint(body: bytes) -> str:
    """Return by what mark of its own an answer says which program made it; empty where it says nothing."""
    try:
        return msgspec.json.decode(_LOOSE.decode(body).get("system_fingerprint", b'""'), type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _paid(body: bytes) -> WireUsage:
    try:
        return usage.read(msgspec.json.decode(_LOOSE.decode(body).get("usage", b"null")))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return WireUsage()


def _ordered(choices: list[_Choice]) -> list[_Choice]:
    """Return the choices by their numbers; where none has one of its own, as they came."""
    numbers = [_number(choice.index) for choice in choices]
    if all(number is None for number in numbers):
        return choices
    known = [-1 if number is None else number for number in numbers]
    if sorted(known) != list(range(len(known))):
        raise ValueError(f"choices must be numbered from 0, but are {numbers[:8]}")
    return [choices[place] for place in sorted(range(len(known)), key=known.__getitem__)]


def _number(index: float | str | None) -> int | None:
    try:
        return None if index is None else int(index)
    except (ValueError, OverflowError):
        return None


def _choice(choice: _Choice) -> ReplyChoice:
    message = choice.message or choice.delta or _Message()
    reason = choice.finish_reason if isinstance(choice.finish_reason, str) else ""
    text, thoughts, refusal = _said(message.content)
    aside = (message.reasoning_content, message.reasoning, message.thinking)
    before = next(filter(None, map(_flat, (*aside, message.reasoning_details, message.thinking_blocks))), "")
    tokens = None if choice.logprobs is None else tokens_of(choice.logprobs)
    ids = choice.token_ids
    if ids is None and isinstance(choice.provider_specific_fields, Mapping):  # a gateway puts them there
        ids = _ids(choice.provider_specific_fields.get("token_ids"))
    if ids is None and tokens:  # llama.cpp tells them there
        ids = [token.id for token in tokens if token.id is not None]
        ids = ids if len(ids) == len(tokens) else None
    return ReplyChoice(
        text=text or choice.text or "",
        thoughts=before + thoughts,
        refusal=clean(_flat(message.refusal) or refusal),
        finish=finish.understood(reason),
        reason=clean(reason)[:40],
        tokens=tokens,
        token_ids=None if ids is None else tuple(ids),
    )


def _ids(told: Any) -> list[int] | None:
    return told if isinstance(told, list) and all(type(each) is int for each in told) else None


def _said(content: str | list[str | _Part | None] | _Part | int | float | bool | None) -> tuple[str, str, str]:
    """Return the text, the thoughts and the refusal of a message, whose content may come in typed parts."""
    if content is None or isinstance(content, str):
        return content or "", "", ""
    if isinstance(content, int | float):
        return json.dumps(content), "", ""
    text, thoughts, refusal = "", "", ""
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            text += part
        elif part is None:
            continue
        elif part.thinking or part.summary or "think" in part.type or "reason" in part.type:
            thoughts += _flat(part.thinking or part.summary or part.text or part.content)
        else:
            text += _flat(part.text or part.content or part.value)
            refusal += part.refusal or ""
    return text, thoughts, refusal


def _flat(value: Any) -> str:
    """Return all text of thoughts, which come as a text, as parts, or as parts of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, _Part):
        return _flat(value.text or value.content or value.thinking or value.summary)
    if isinstance(value, Mapping):
        return _flat(
            next(
                (
                    value[name]
                    for name in ("text", "content", "thinking", "summary", "value", "reason")
                    if value.get(name)
                ),
                "",
            )
        )
    return "".join(map(_flat, value)) if isinstance(value, list) else ""
