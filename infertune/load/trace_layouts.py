"""The layouts of traces: what a line says of a request.

- Our own: ``prompt``, ``messages``, ``token_ids`` or ``input`` (a length), ``output`` (a length), and ``arrival`` in
  seconds where there is one.
- Mooncake's: ``timestamp`` in milliseconds, ``input_length``, ``output_length`` and ``hash_ids``, one for every 512
  tokens of the prompt: equal ids are equal tokens, so what requests share of their beginnings is kept.
- ShareGPT's: ``conversations`` of ``from`` and ``value``; the first turn is asked, and the answer that is there says
  how long ours is to be, at four characters a token.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from infertune.errors import InvalidInputError, nearest
from infertune.load.filler import Filler
from infertune.load.lengths import LONGEST
from infertune.load.workload import LoadRequest
from infertune.types import Message

Row = Mapping[str, Any]

_BLOCK_TOKENS = 512  # of a hash id
_CHARACTERS_PER_TOKEN = 4
_OWN_PROMPTS = ("prompt", "messages", "token_ids", "input")
_OWN_FIELDS = (*_OWN_PROMPTS, "output", "arrival")
_BLOCKS, _CONTENT = range(2)  # streams of randomness


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a line says. A prompt of which only the length is known is made when it is asked for: a trace may be long.

    Attributes:
        prompt: As it was; None where it is not known.
        n_input: Its length in tokens, where it is not known.
        hash_ids: Of its blocks of 512 tokens; may be empty.
        max_tokens: Of the answer.
        arrival: In seconds; None where it is not known.
    """

    prompt: str | tuple[Message, ...] | tuple[int, ...] | None = None
    n_input: int = 0
    hash_ids: tuple[int, ...] = ()
    max_tokens: int
    arrival: float | None = None

    def request(self, filler: Filler, *, line: int, later: float = 0.0) -> LoadRequest:
        """Return the request.

        Args:
            filler: Makes prompts that are not known.
            line: Its place in the trace, which an unknown prompt follows from.
            later: Seconds to add to its arrival.
        """
        prompt = self.prompt if self.prompt is not None else self._made(filler, line)
        arrival = None if self.arrival is None else self.arrival + later
        return LoadRequest(prompt=prompt, max_tokens=self.max_tokens, arrival=arrival, ignore_eos=True)

    def _made(self, filler: Filler, line: int) -> str | tuple[int, ...]:
        if not self.hash_ids:
            return filler.prompt(filler.pieces(self.n_input, np.random.default_rng((_CONTENT, line))))
        blocks = [
            filler.pieces(_BLOCK_TOKENS, np.random.default_rng((_BLOCKS, abs(each), each < 0)))
            for each in self.hash_ids
        ]
        return filler.prompt([piece for block in blocks for piece in block][: self.n_input])


def layout(row: Row) -> Callable[[Row], Recorded]:
    """Return what reads rows like this one.

    Raises:
        InvalidInputError: It is of no layout that is known; what is returned raises it for a row that is wrong.
    """
    if "conversations" in row:
        return _sharegpt
    if "input_length" in row or "hash_ids" in row:
        return _mooncake
    if any(name in row for name in _OWN_PROMPTS):
        return _own
    wrong = next(iter(row), "")
    raise InvalidInputError(
        f"must have one of {', '.join(_OWN_PROMPTS)} (our layout), input_length (Mooncake's) or conversations "
        f"(ShareGPT's){nearest(wrong, (*_OWN_FIELDS, 'input_length', 'conversations')) if wrong else ''}"
    )


def _own(row: Row) -> Recorded:
    for name in row:
        if name not in _OWN_FIELDS:
            raise InvalidInputError(f"there is no field '{name}'{nearest(name, _OWN_FIELDS)}")
    given = [name for name in _OWN_PROMPTS if name in row]
    if len(given) != 1:
        raise InvalidInputError(f"must have just one of {', '.join(_OWN_PROMPTS)}")
    value = row[given[0]]
    max_tokens = _length(row, "output")
    arrival = _number(row, "arrival") if "arrival" in row else None
    if given[0] == "input":
        return Recorded(n_input=_length(row, "input"), max_tokens=max_tokens, arrival=arrival)
    prompt: str | tuple[Message, ...] | tuple[int, ...]
    if given[0] == "prompt" and isinstance(value, str):
        prompt = value
    elif given[0] == "token_ids" and _is_list_of(value, int):
        prompt = tuple(value)
    elif given[0] == "messages" and _is_list_of(value, dict):
        prompt = tuple(Message(_text(turn, "role"), _text(turn, "content")) for turn in value)
    else:
        raise InvalidInputError(
            "'prompt' must be a text, 'token_ids' a list of whole numbers, 'messages' one of turns"
        )
    if not prompt:
        raise InvalidInputError(f"'{given[0]}' must not be empty")
    return Recorded(prompt=prompt, max_tokens=max_tokens, arrival=arrival)


def _mooncake(row: Row) -> Recorded:
    n_input = _length(row, "input_length")
    hash_ids = row.get("hash_ids", [])
    if not _is_list_of(hash_ids, int) or (hash_ids and len(hash_ids) * _BLOCK_TOKENS < n_input):
        raise InvalidInputError(
            f"'hash_ids' must be a list of whole numbers, one for every {_BLOCK_TOKENS} of the {n_input} tokens"
        )
    arrival = _number(row, "timestamp") / 1000 if "timestamp" in row else None
    max_tokens = _length(row, "output_length")
    return Recorded(n_input=n_input, hash_ids=tuple(hash_ids), max_tokens=max_tokens, arrival=arrival)


def _sharegpt(row: Row) -> Recorded:
    turns = row["conversations"]
    if not _is_list_of(turns, dict) or len(turns) < 2:
        raise InvalidInputError("'conversations' must be a list of two turns or more, each with 'from' and 'value'")
    asked, answered = (_text(turn, "value") for turn in turns[:2])
    max_tokens = max(1, math.ceil(len(answered) / _CHARACTERS_PER_TOKEN))
    return Recorded(prompt=(Message("user", asked),), max_tokens=max_tokens)


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) and not isinstance(each, bool) for each in value)


def _length(row: Row, name: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LONGEST:
        raise InvalidInputError(f"'{name}' must be a whole number from 1 to {LONGEST:,}, not {value!r}")
    return value


def _number(row: Row, name: str) -> float:
    value = row[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise InvalidInputError(f"'{name}' must be a number of at least 0, not {value!r}")
    return float(value)


def _text(turn: Row, name: str) -> str:
    value = turn.get(name)
    if not isinstance(value, str):
        raise InvalidInputError(f"'{name}' of a turn must be a text, not {value!r}")
    return value
