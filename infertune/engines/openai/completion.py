"""What the answer of an OpenAI-compatible endpoint says. It comes from outside, so nothing in it is taken on trust."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from infertune.engines.openai.alignment import align, generation
from infertune.engines.openai.calls import Call
from infertune.engines.openai.honours import Honours
from infertune.engines.openai.retry import Fault
from infertune.replay import cut
from infertune.types import FinishReason, Generation, Request

_FINISHED: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "length": "length",
}
_MAX_LOGPROB = 1e-3  # rounding may lift a log probability this far above 0
_LOWEST_LOGPROB = -9999.0  # stands for minus infinity, which JSON cannot say


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for a call.

    Attributes:
        prompt_tokens: As the server counts; paid once for the call.
        unused_tokens: Completion tokens that are paid and in no generation: after a stop text that was cut here.
    """

    generations: tuple[Generation, ...]
    prompt_tokens: int
    unused_tokens: int

    @property
    def completion_tokens(self) -> int:
        """All that was generated for the call."""
        return self.unused_tokens + sum(len(each.token_ids) for each in self.generations)


# What comes back. Only what is used is named; everything else is skipped unread.


class _Token(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _ChatLogprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _TextLogprobs(msgspec.Struct):
    tokens: list[str]
    token_logprobs: list[float]


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _ChatChoice(msgspec.Struct):
    index: int
    message: _Message
    finish_reason: str | None
    logprobs: _ChatLogprobs | None = None
    token_ids: list[int] | None = None


class _TextChoice(msgspec.Struct):
    index: int
    text: str
    finish_reason: str | None
    logprobs: _TextLogprobs | None = None
    token_ids: list[int] | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int = 0


class _ChatAnswer(msgspec.Struct):
    choices: list[_ChatChoice]
    usage: _Usage


class _TextAnswer(msgspec.Struct):
    choices: list[_TextChoice]
    usage: _Usage


_CHAT = msgspec.json.Decoder(_ChatAnswer)
_TEXT = msgspec.json.Decoder(_TextAnswer)
_USAGE = msgspec.json.Decoder(msgspec.defstruct("_Paid", [("usage", _Usage)]))


def read(call: Call, body: bytes, *, honours: Honours) -> Answer:
    """Return what an answer of status 200 says.

    Raises:
        Fault: It is not what was promised: no JSON, other choices than asked for, tokens that do not fit ...
    """
    try:
        answer = (_TEXT if isinstance(call.request.prompt, str) else _CHAT).decode(body)
        return _read(call, answer, honours)
    except (msgspec.MsgspecError, UnicodeDecodeError, _Unusable) as error:
        paid = _paid(body)
        raise Fault(
            blame="attempt",
            said=f"an answer that cannot be used: {error}",
            may_be_paid=True,
            prompt_tokens=None if paid is None else paid.prompt_tokens,
            completion_tokens=None if paid is None else paid.completion_tokens,
        ) from None


class _Unusable(Exception):
    pass


def _paid(body: bytes) -> _Usage | None:
    try:
        usage: _Usage = _USAGE.decode(body).usage  # type: ignore[attr-defined]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return usage if min(usage.prompt_tokens, usage.completion_tokens) >= 0 else None


def _read(call: Call, answer: _ChatAnswer | _TextAnswer, honours: Honours) -> Answer:
    choices: Sequence[_ChatChoice | _TextChoice] = sorted(answer.choices, key=lambda choice: choice.index)
    if [choice.index for choice in choices] != list(range(len(call.samples))):
        raise _Unusable(f"choices {[choice.index for choice in choices]} for n={len(call.samples)}")
    usage = answer.usage
    if usage.prompt_tokens < 0 or usage.completion_tokens < 0:
        raise _Unusable("a negative number of tokens")
    seen = [_seen(choice, honours) for choice in choices]
    n_unseen = usage.completion_tokens - sum(len(each.token_ids) for each in seen) if honours.counts_tokens else 0
    generations = []
    n_unused = 0
    for sample, choice, tokens in zip(call.samples, choices, seen, strict=True):
        hidden = n_unseen if len(choices) == 1 else 0
        made = _generation(call.request, sample, choice, tokens, max(0, hidden), usage, honours)
        used = _stopped(made, call.request, honours)
        n_unused += len(made.token_ids) - len(used.token_ids)
        generations.append(used)
    if len(choices) > 1:
        n_unused += max(0, n_unseen)
    return Answer(generations=tuple(generations), prompt_tokens=usage.prompt_tokens, unused_tokens=n_unused)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a choice tells of its tokens; a part that it does not tell is empty."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    spelt: tuple[bytes, ...]


def _seen(choice: _ChatChoice | _TextChoice, honours: Honours) -> _Seen:
    logprobs: tuple[float, ...] = ()
    spelt: tuple[bytes, ...] = ()
    if honours.logprobs:
        if isinstance(choice, _TextChoice):
            if choice.logprobs is None or len(choice.logprobs.tokens) != len(choice.logprobs.token_logprobs):
                raise _Unusable("no log probabilities, or not one for each token")
            spelt = tuple(token.encode("utf-8", "surrogatepass") for token in choice.logprobs.tokens)
            logprobs = tuple(choice.logprobs.token_logprobs)
        else:
            if choice.logprobs is None or choice.logprobs.content is None:
                raise _Unusable("no log probabilities")
            spelt = tuple(_bytes(token) for token in choice.logprobs.content)
            logprobs = tuple(token.logprob for token in choice.logprobs.content)
        if any(not value <= _MAX_LOGPROB for value in logprobs):  # nan included
            raise _Unusable("a log probability above 0")
        logprobs = tuple(min(0.0, value) if math.isfinite(value) else _LOWEST_LOGPROB for value in logprobs)
    if honours.token_ids:
        if choice.token_ids is None or (honours.logprobs and len(choice.token_ids) != len(logprobs)):
            raise _Unusable("no token ids, or not one for each log probability")
        if any(not 0 <= token_id < 2**31 for token_id in choice.token_ids):
            raise _Unusable("a token id that is none")
        return _Seen(tuple(choice.token_ids), logprobs, spelt)
    return _Seen((-1,) * len(logprobs), logprobs, spelt)


def _bytes(token: _Token) -> bytes:
    if token.bytes is None:
        return token.token.encode("utf-8", "surrogatepass")
    try:
        return bytes(token.bytes)
    except ValueError:
        raise _Unusable("bytes of a token that are none") from None


def _generation(
    request: Request,
    sample: int,
    choice: _ChatChoice | _TextChoice,
    seen: _Seen,
    n_hidden: int,
    usage: _Usage,
    honours: Honours,
) -> Generation:
    """Return the sample that a choice holds.

    ``n_hidden`` tokens are paid and not shown. After a "stop" one of them is the end-of-text token; the others are
    thoughts that come before the text.
    """
    if choice.finish_reason is None or choice.finish_reason not in _FINISHED:
        raise _Unusable(f"finish_reason must be stop or length, but is {str(choice.finish_reason)[:40]!r}")
    finish_reason = _FINISHED[choice.finish_reason]
    text, thoughts = (choice.text, "") if isinstance(choice, _TextChoice) else _said(choice.message)
    stop = request.decoding.stop if honours.stop else ()
    if not honours.logprobs:
        n_tokens = len(seen.token_ids) + n_hidden if honours.token_ids else usage.completion_tokens
        return Generation(
            sample=sample,
            text=text,
            token_ids=seen.token_ids if honours.token_ids else (-1,) * n_tokens,
            logprobs=(),
            text_ends=(),
            finish_reason=finish_reason,
        )
    n_ends = 1 if finish_reason == "stop" and n_hidden else 0
    n_before = n_hidden - n_ends
    if len(seen.token_ids) + n_hidden > request.decoding.max_tokens:
        raise _Unusable(f"more than max_tokens={request.decoding.max_tokens} tokens")
    spelt = (b"",) * n_before + seen.spelt + (b"",) * n_ends
    aligned = align(thoughts + text, spelt, stop=stop)
    made = generation(
        sample=sample,
        aligned=aligned,
        token_ids=(-1,) * n_before + seen.token_ids + (-1,) * n_ends,
        logprobs=(0.0,) * n_before + seen.logprobs + (0.0,) * n_ends if honours.raw_logprobs else (),
        finish_reason=finish_reason,
        stop=stop,
    )
    return _without(thoughts, made)


def _said(message: _Message) -> tuple[str, str]:
    """Return the text of a chat answer and the thoughts before it, which servers give apart."""
    return message.content or "", message.reasoning_content or message.reasoning or ""


def _without(thoughts: str, made: Generation) -> Generation:
    if not thoughts:
        return made
    ends = tuple(max(0, end - len(thoughts)) for end in made.text_ends)
    return replace(made, text=made.text[len(thoughts) :], text_ends=ends)


def _stopped(made: Generation, request: Request, honours: Honours) -> Generation:
    """Apply the stop texts here where the server does not."""
    if honours.stop or not request.decoding.stop:
        return made
    return cut(made, max_tokens=request.decoding.max_tokens, stop=request.decoding.stop)
