"""The samples that an answer holds. It comes from outside, so nothing in it is taken on trust."""

import math
from dataclasses import dataclass, replace

from infertune.decoding.truncation import cut
from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.openai.alignment import align, generation
from infertune.engines.openai.payload import Call, sent_stops
from infertune.engines.openai.retry import Fault
from infertune.types import FinishReason, Generation, Prompt, Request
from infertune.wire import reply as wire
from infertune.wire.reply import NoAnswer, ReplyChoice
from infertune.wire.usage import WireUsage, estimated

_MAX_LOGPROB = 1e-3  # rounding may lift a log probability this far above 0
_LOWEST_LOGPROB = -9999.0  # stands for minus infinity, which JSON cannot say


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What came back for a call.

    Attributes:
        prompt_tokens: Paid for the call, as the server counts.
        n_prompts: How often the prompt is in there.
        unused_tokens: Completion tokens that are paid and in no generation: after a stop text that was cut here.
    """

    generations: tuple[Generation, ...]
    prompt_tokens: int
    n_prompts: int = 1
    unused_tokens: int

    @property
    def completion_tokens(self) -> int:
        """All that was generated for the call."""
        return self.unused_tokens + sum(len(each.token_ids) for each in self.generations)


def read(call: Call, body: bytes, *, capabilities: Capabilities) -> Completion:
    """Return what an answer of a good status says.

    Raises:
        Fault: It is not what was promised: no JSON, other choices than asked for, tokens that do not fit; or an
            error, or nothing but what a filter withheld, which is final.
    """
    limit = len(call.samples) * call.request.decoding.max_tokens
    sizes = {"request_bytes": len(call.body), "answer_bytes": len(body), "limit": limit}
    try:
        found = wire.read(body)
    except NoAnswer as no:
        said = str(no) if no.is_error else f"an answer that cannot be used: {no}"
        raise _fault(said, no.usage.believed(**sizes), no) from None
    usage = found.usage.believed(**sizes)
    if capabilities.counts_one and len(found.choices) > 1:
        usage = usage.without_completion()
    try:
        return _read(call, found.choices, usage, capabilities)
    except ValueError as error:
        raise _fault(f"an answer that cannot be used: {error}", usage) from None
    except _Withheld as error:
        raise _fault(str(error), usage, NoAnswer("", blame="request", is_error=True)) from None


class _Withheld(Exception):
    pass


def _fault(said: str, paid: WireUsage, no: NoAnswer | None = None) -> Fault:
    blame = "attempt" if no is None else no.blame
    return Fault(
        blame=blame,
        said=said,
        may_be_paid=no is None or not no.is_error,
        prompt_tokens=paid.prompt_tokens,
        completion_tokens=paid.completion_tokens,
        is_overload=blame == "load",
    )


def _read(call: Call, choices: tuple[ReplyChoice, ...], usage: WireUsage, capabilities: Capabilities) -> Completion:
    if len(choices) != len(call.samples):
        raise ValueError(f"{len(choices)} choices for n={len(call.samples)}")
    broken = next((choice for choice in choices if choice.finish == "broken"), None)
    if broken is not None:
        raise ValueError(f"the server gave up: finish_reason {broken.reason!r}")
    if all(choice.is_withheld for choice in choices):
        words = choices[0].refusal or choices[0].text or "nothing else is said"
        raise _Withheld(f"the answer is withheld ({choices[0].reason or 'refusal'}): {words}")
    seen = [_seen(choice, capabilities) for choice in choices]
    shown = [_shown(choice, tokens, call.request, capabilities) for choice, tokens in zip(choices, seen, strict=True)]
    prompt_tokens, completion_tokens = usage.counted(prompt=_text(call.request.prompt), completion=sum(shown))
    # Where no token is told apart, only the sum is known, and the mean serves as well.
    share, rest = divmod(completion_tokens, len(choices))
    n_unseen = completion_tokens - sum(len(each.token_ids) for each in seen) if capabilities.counts_tokens else 0
    generations = []
    n_unused = 0
    for index, (sample, choice, tokens) in enumerate(zip(call.samples, choices, seen, strict=True)):
        n_tokens = len(tokens.token_ids) + (max(0, n_unseen) if len(choices) == 1 else 0)
        if not capabilities.counts_tokens:
            n_tokens = share + (index < rest)
        made = _generation(call.request, sample, choice, tokens, n_tokens, capabilities)
        used = _stopped(made, call.request, capabilities)
        n_unused += len(made.token_ids) - len(used.token_ids)
        generations.append(used)
    if len(choices) > 1:
        n_unused += max(0, n_unseen)
    return Completion(
        generations=tuple(generations),
        prompt_tokens=prompt_tokens,
        n_prompts=len(choices) if capabilities.bills_each else 1,
        unused_tokens=n_unused,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a choice tells of its tokens; a part that it does not tell is empty."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    spelt: tuple[bytes, ...]


def _seen(choice: ReplyChoice, capabilities: Capabilities) -> _Seen:
    logprobs: tuple[float, ...] = ()
    spelt: tuple[bytes, ...] = ()
    if not choice.whole and choice.finish == "stop" and choice.tokens is None and choice.token_ids is None:
        return _Seen((), (), ())  # it ended at once, and what is empty is not told
    if capabilities.logprobs:
        if choice.tokens is None:
            raise ValueError("no log probabilities")
        spelt = tuple(token.spelt for token in choice.tokens)
        logprobs = tuple(token.logprob for token in choice.tokens)
        if any(not value <= _MAX_LOGPROB for value in logprobs):  # nan included
            raise ValueError("a log probability above 0")
        logprobs = tuple(min(0.0, value) if math.isfinite(value) else _LOWEST_LOGPROB for value in logprobs)
    if capabilities.token_ids:
        if choice.token_ids is None or (capabilities.logprobs and len(choice.token_ids) != len(logprobs)):
            raise ValueError("no token ids, or not one for each log probability")
        if any(not 0 <= token_id < 2**31 for token_id in choice.token_ids):
            raise ValueError("a token id that is none")
        return _Seen(choice.token_ids, logprobs, spelt)
    return _Seen((-1,) * len(logprobs), logprobs, spelt)


def _shown(choice: ReplyChoice, seen: _Seen, request: Request, capabilities: Capabilities) -> int:
    """Return how many tokens a choice has, by what is seen of it, for a server that does not count."""
    if capabilities.counts_tokens:
        return len(seen.token_ids)
    if choice.finish == "length":
        return request.decoding.max_tokens
    return min(request.decoding.max_tokens, 1 + estimated(choice.whole))


def _finish(choice: ReplyChoice, n_tokens: int, request: Request) -> FinishReason:
    """Return why a sample ended; where the server does not say so, the limit ended what is as long as that."""
    if choice.finish in ("stop", "length"):
        return choice.finish
    return "length" if choice.finish is None and n_tokens >= request.decoding.max_tokens else "stop"


def _generation(
    request: Request, sample: int, choice: ReplyChoice, seen: _Seen, n_tokens: int, capabilities: Capabilities
) -> Generation:
    """Return the sample that a choice holds; nothing of one that was withheld while others were not.

    Some of its ``n_tokens`` may not be shown. After a "stop" one of these is the end-of-text token; the others are
    thoughts that come before the text.
    """
    finish_reason = _finish(choice, n_tokens, request)
    text = "" if choice.is_withheld else choice.text
    n_hidden = n_tokens - len(seen.token_ids)
    if not capabilities.logprobs or choice.is_withheld:
        return Generation(
            sample=sample,
            text=text,
            token_ids=seen.token_ids + (-1,) * n_hidden,
            logprobs=(),
            text_ends=(),
            finish_reason=finish_reason,
        )
    n_ends = 1 if finish_reason == "stop" and n_hidden else 0
    n_before = n_hidden - n_ends
    thoughts, spelt = choice.thoughts, b"".join(seen.spelt)
    if thoughts and thoughts.encode("utf-8", "surrogatepass").strip()[:16] not in spelt:
        thoughts = ""  # only the tokens of the text are told
    is_beyond = n_tokens > request.decoding.max_tokens
    if is_beyond and not choice.thoughts:
        raise ValueError(f"more than max_tokens={request.decoding.max_tokens} tokens")
    stop = sent_stops(request.decoding, capabilities)
    aligned = align(thoughts + text, (b"",) * n_before + seen.spelt + (b"",) * n_ends, stop=stop)
    made = generation(
        sample=sample,
        aligned=aligned,
        token_ids=(-1,) * n_before + seen.token_ids + (-1,) * n_ends,
        logprobs=(0.0,) * n_before + seen.logprobs + (0.0,) * n_ends if capabilities.raw_logprobs else (),
        finish_reason=finish_reason,
        stop=stop,
    )
    if is_beyond:  # the limit does not hold for thoughts here, so nobody knows what a smaller one gives
        return replace(made, text=text, text_ends=())
    return _without(thoughts, made)


def _without(thoughts: str, made: Generation) -> Generation:
    if not thoughts:
        return made
    ends = tuple(max(0, end - len(thoughts)) for end in made.text_ends)
    return replace(made, text=made.text[len(thoughts) :], text_ends=ends)


def _stopped(made: Generation, request: Request, capabilities: Capabilities) -> Generation:
    """Apply the stop texts here that the server was not given."""
    if sent_stops(request.decoding, capabilities) == request.decoding.stop:
        return made
    return cut(made, max_tokens=max(1, len(made.token_ids)), stop=request.decoding.stop)


def _text(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else "\n".join(turn.content for turn in prompt)
