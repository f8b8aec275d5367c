"""The layouts of recordings, told by the fields of the first row: what a row says of a request.

- Our own, with vLLM's custom data set: ``prompt``, ``messages``, ``token_ids`` or ``input`` (a length), ``output`` or
  ``output_tokens`` (a length), and ``arrival`` in seconds where there is one.
- Mooncake's: ``timestamp`` in milliseconds, ``input_length``, ``output_length`` and ``hash_ids``, one for each block
  of tokens of the prompt; or ``text_input`` in place of a length. Alibaba's of Qwen are the same with seconds.
- ShareGPT's: ``conversations`` of ``from`` and ``value``; the first turn that has an answer is asked, and the answer
  that is there says how long ours is to be, at four characters a token.
- Azure's: ``TIMESTAMP`` (a date and a time), ``ContextTokens``, ``GeneratedTokens``.
- BurstGPT's: ``Timestamp`` in seconds, ``Request tokens``, ``Response tokens``.
"""

import difflib
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from infertune.errors import InvalidInputError, nearest
from infertune.load.recorded import Recorded
from infertune.load.trace_fields import Row, Unusable, length, moment, number, said_tokens, text, tokens, turns
from infertune.types import Message

UNKNOWN_LENGTH = 256
"""Most tokens of an answer of whose length nothing is known, as in ``vllm bench serve``."""

_OWN_PROMPTS = ("prompt", "messages", "token_ids", "input")
_OWN_OUTPUTS = ("output", "output_tokens", "output_length", "max_tokens")
_OWN_FIELDS = (*_OWN_PROMPTS, *_OWN_OUTPUTS, "arrival")
_CONVERSATIONS = ("conversations", "conversation", "items")
_AZURE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_BURSTGPT = ("Timestamp", "Request tokens", "Response tokens")
_MOST_TOKEN_IDS = 2**31
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Layout:
    """What reads the rows of a recording.

    Attributes:
        make: Makes a request of a row; raises Unusable, or InvalidInputError.
        skips: Whether a row that is wrong is skipped, as in recordings that are published with such rows.
        is_clock: Whether arrivals are times of day rather than times since the beginning.
    """

    make: Callable[[Row], Recorded]
    skips: bool = False
    is_clock: bool = False


def layout(row: Row) -> Layout:
    """Return what reads rows like this one.

    Raises:
        InvalidInputError: It is of no layout that is known.
    """
    if any(name in row for name in _CONVERSATIONS):
        return Layout(_sharegpt, skips=True)
    if all(name in row for name in _AZURE):
        return Layout(_azure, is_clock=True)
    if all(name in row for name in _BURSTGPT):
        return Layout(_burstgpt)
    if "input_length" in row or "hash_ids" in row or "text_input" in row:
        return Layout(_mooncake)
    if any(name in row for name in _OWN_PROMPTS):
        return Layout(_own)
    wrong = next(iter(row), "")
    known = (*_OWN_FIELDS, "input_length", "conversations", *_AZURE, *_BURSTGPT)
    raise InvalidInputError(
        f"must have one of {', '.join(_OWN_PROMPTS)} (our layout or vLLM's), input_length (Mooncake's), conversations "
        f"(ShareGPT's), ContextTokens (Azure's) or 'Request tokens' (BurstGPT's)"
        f"{nearest(wrong, known) if difflib.get_close_matches(wrong, known) else ''}"
    )


def _own(row: Row) -> Recorded:
    for name in row:
        if name not in _OWN_FIELDS and difflib.get_close_matches(name, _OWN_FIELDS, n=1, cutoff=_ALIKE):
            raise InvalidInputError(f"there is no field '{name}'{nearest(name, _OWN_FIELDS)}")
    if "timestamp" in row:
        raise InvalidInputError("must have its time in 'arrival', in seconds; 'timestamp' is of Mooncake's layout")
    given = [name for name in _OWN_PROMPTS if name in row]
    outputs = [name for name in _OWN_OUTPUTS if name in row]
    if len(given) != 1 or len(outputs) > 1:
        raise InvalidInputError(f"must have just one of {', '.join(_OWN_PROMPTS if len(given) != 1 else outputs)}")
    name, value = given[0], row[given[0]]
    arrival = number(row, "arrival") if "arrival" in row else None
    n_input, answer = 0, ""
    prompt: str | tuple[Message, ...] | tuple[int, ...] | None = None
    if name == "input":
        n_input = length(row, "input")
    elif name == "prompt":
        prompt = text(value, "prompt")
    elif name == "token_ids":
        prompt = _token_ids(value)
    else:
        prompt = turns(value, "messages")
        if len(prompt) > 1 and prompt[-1].role == "assistant":  # the answer that was given
            prompt, answer = prompt[:-1], prompt[-1].content
    if prompt is not None and not prompt:
        raise InvalidInputError(f"'{name}' must not be empty")
    n_output = length(row, outputs[0]) if outputs else said_tokens(answer) if answer else None
    return Recorded(
        prompt=prompt,
        n_input=n_input,
        max_tokens=UNKNOWN_LENGTH if n_output is None else n_output,
        is_whole=n_output is not None,
        arrival=arrival,
    )


def _token_ids(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int and 0 <= each < _MOST_TOKEN_IDS for each in value):
        raise InvalidInputError(f"'token_ids' must be a list of whole numbers from 0 to {_MOST_TOKEN_IDS:,}")
    return tuple(value)


def _mooncake(row: Row) -> Recorded:
    hash_ids = row.get("hash_ids") or []
    if not isinstance(hash_ids, list) or not all(type(each) is int for each in hash_ids):
        raise InvalidInputError("'hash_ids' must be a list of whole numbers")
    in_seconds = "chat_id" in row  # as Alibaba has it
    arrival = number(row, "timestamp") / (1 if in_seconds else 1000) if "timestamp" in row else None
    max_tokens = tokens(row, "output_length") if "output_length" in row else None
    prompt = text(row["text_input"], "text_input") if "text_input" in row else None
    if prompt == "":
        raise Unusable("an empty prompt")
    return Recorded(
        prompt=prompt,
        n_input=0 if prompt is not None else tokens(row, "input_length"),
        hash_ids=() if prompt is not None else tuple(hash_ids),
        max_tokens=max_tokens or UNKNOWN_LENGTH,
        is_whole=max_tokens is not None,
        arrival=arrival,
    )


def _sharegpt(row: Row) -> Recorded:
    name = next((name for name in _CONVERSATIONS if name in row), _CONVERSATIONS[0])
    said = turns(row.get(name), name)
    for asked, answered in itertools.pairwise(said):
        if (asked.role, answered.role) == ("user", "assistant"):
            if not asked.content.strip():
                raise Unusable("an empty question")
            system = [said[0]] if said[0].role == "system" and said[0].content.strip() else []
            return Recorded(prompt=(*system, asked), max_tokens=said_tokens(answered.content))
    raise Unusable("no question with an answer")


def _azure(row: Row) -> Recorded:
    when, asked, answered = _AZURE
    return Recorded(n_input=tokens(row, asked), max_tokens=tokens(row, answered), arrival=moment(row, when))


def _burstgpt(row: Row) -> Recorded:
    when, asked, answered = _BURSTGPT
    return Recorded(n_input=tokens(row, asked), max_tokens=tokens(row, answered), arrival=number(row, when))
