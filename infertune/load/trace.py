"""A workload that was recorded: lines of JSON with prompts or their lengths, and mostly with times of arrival.

The layout is recognised by the fields of the first line:

- our own: ``prompt``, ``messages``, ``token_ids`` or ``input`` (a length), ``output`` (a length), and ``arrival`` in
  seconds where there is one;
- Mooncake's: ``timestamp`` in milliseconds, ``input_length``, ``output_length`` and ``hash_ids``, one for every 512
  tokens of the prompt: equal ids are equal tokens, so what requests share of their beginnings is kept;
- ShareGPT's: ``conversations`` of ``from`` and ``value``; the first turn is asked, and the answer that is there says
  how long ours is to be, at four characters a token. The file may be one JSON list, as it is published.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from infertune.errors import InvalidInputError, nearest
from infertune.load.filler import Filler
from infertune.load.lengths import LONGEST
from infertune.load.workload import LoadRequest
from infertune.types import Message

_BLOCK_TOKENS = 512  # of a hash id
_CHARACTERS_PER_TOKEN = 4
_OWN_PROMPTS = ("prompt", "messages", "token_ids", "input")
_OWN_FIELDS = (*_OWN_PROMPTS, "output", "arrival")

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The requests of a file, in the order of their arrival.

    Asked for more than there are, it begins again, its arrivals after the last one by the mean gap.

    Attributes:
        name: As the command line has it.
        rows: One or more; all have an ``arrival`` or none.
    """

    name: str
    rows: tuple[LoadRequest, ...]

    @property
    def n_different(self) -> int | None:
        """As many as the file has."""
        return len(self.rows)

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        """Return the first ``n``; they are the same for every seed."""
        first, last = self.rows[0].arrival, self.rows[-1].arrival
        if first is None or last is None:
            return [self.rows[index % len(self.rows)] for index in range(n)]
        n_gaps = max(1, len(self.rows) - 1)
        period = (last - first) * (1 + 1 / n_gaps)
        found = []
        for index in range(n):
            turn, place = divmod(index, len(self.rows))
            row = self.rows[place]
            found.append(replace(row, arrival=(row.arrival or 0.0) + turn * period))
        return found


def read(path: Path, *, vocabulary: int | None = None) -> Trace:
    """Return the trace of a file.

    Args:
        path: ``.jsonl``, or one JSON list.
        vocabulary: Number of token ids of the model, for prompts of which only the length is known; None for words.

    Raises:
        InvalidInputError: It cannot be read, or a line is not as its layout has it; the message names the line.
    """
    lines = _lines(path)
    if not lines:
        raise InvalidInputError(f"{path} must have a line for each request, but has none")
    make = _layout(lines[0][1], Filler(vocabulary), f"{path}:{lines[0][0]}")
    rows = [_checked(make, row, f"{path}:{number}") for number, row in lines]
    timed = [row for row in rows if row.arrival is not None]
    if timed and len(timed) < len(rows):
        number = next(number for (number, _), row in zip(lines, rows, strict=True) if row.arrival is None)
        raise InvalidInputError(
            f"{path}:{number}: every line must have an arrival time, or none, but this one has not"
        )
    return Trace(name=f"trace:{path}", rows=tuple(sorted(rows, key=lambda row: row.arrival or 0.0)))


def _lines(path: Path) -> list[tuple[int, _Row]]:
    """Return every JSON object with its line, or its place in the list."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"the trace {path} cannot be read: {error.strerror}") from None
    found: list[tuple[int, _Row]] = []
    if data.lstrip()[:1] == b"[":
        rows = list(enumerate(_json(data, str(path)), 1))
    else:
        rows = [
            (number, _json(line, f"{path}:{number}"))
            for number, line in enumerate(data.splitlines(), 1)
            if line.strip()
        ]
    for number, row in rows:
        if not isinstance(row, dict):
            raise InvalidInputError(f"{path}:{number}: must be a JSON object, not {str(row)[:40]}")
        found.append((number, row))
    return found


def _json(data: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{where}: must be JSON: {error}") from None


def _layout(row: _Row, filler: Filler, where: str) -> Callable[[_Row], LoadRequest]:
    if "conversations" in row:
        return _sharegpt
    if "input_length" in row or "hash_ids" in row:
        rng = np.random.default_rng(0)
        return lambda each: _mooncake(each, filler, rng)
    if any(name in row for name in _OWN_PROMPTS):
        rng = np.random.default_rng(0)
        return lambda each: _own(each, filler, rng)
    known = ", ".join(_OWN_PROMPTS)
    wrong = next(iter(row), "")
    raise InvalidInputError(
        f"{where}: must have one of {known} (our layout), input_length (Mooncake's) or conversations (ShareGPT's)"
        + (nearest(wrong, (*_OWN_FIELDS, "input_length", "conversations")) if wrong else "")
    )


def _checked(make: Callable[[_Row], LoadRequest], row: _Row, where: str) -> LoadRequest:
    try:
        return make(row)
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from None


def _own(row: _Row, filler: Filler, rng: np.random.Generator) -> LoadRequest:
    for name in row:
        if name not in _OWN_FIELDS:
            raise InvalidInputError(f"there is no field '{name}'{nearest(name, _OWN_FIELDS)}")
    given = [name for name in _OWN_PROMPTS if name in row]
    if len(given) != 1:
        raise InvalidInputError(f"must have just one of {', '.join(_OWN_PROMPTS)}")
    value = row[given[0]]
    prompt: str | tuple[Message, ...] | tuple[int, ...]
    if given[0] == "input":
        prompt = filler.prompt(filler.pieces(_length(row, "input"), rng))
    elif given[0] == "prompt" and isinstance(value, str):
        prompt = value
    elif given[0] == "token_ids" and _is_list_of(value, int):
        prompt = tuple(value)
    elif given[0] == "messages" and _is_list_of(value, dict):
        prompt = tuple(Message(_text(turn, "role"), _text(turn, "content")) for turn in value)
    else:
        raise InvalidInputError(
            "'prompt' must be a text, 'token_ids' a list of whole numbers, 'messages' one of turns"
        )
    arrival = _number(row, "arrival") if "arrival" in row else None
    return LoadRequest(prompt=prompt, max_tokens=_length(row, "output"), arrival=arrival, ignore_eos=True)


def _mooncake(row: _Row, filler: Filler, rng: np.random.Generator) -> LoadRequest:
    n_input = _length(row, "input_length")
    hash_ids = row.get("hash_ids", [])
    if not _is_list_of(hash_ids, int) or (hash_ids and len(hash_ids) * _BLOCK_TOKENS < n_input):
        raise InvalidInputError(
            f"'hash_ids' must be a list of whole numbers, one for every {_BLOCK_TOKENS} of the {n_input} tokens"
        )
    if hash_ids:
        blocks = [filler.pieces(_BLOCK_TOKENS, np.random.default_rng((1, abs(each), each < 0))) for each in hash_ids]
        pieces = [piece for block in blocks for piece in block][:n_input]
    else:
        pieces = list(filler.pieces(n_input, rng))
    arrival = _number(row, "timestamp") / 1000 if "timestamp" in row else None
    return LoadRequest(
        prompt=filler.prompt(pieces), max_tokens=_length(row, "output_length"), arrival=arrival, ignore_eos=True
    )


def _sharegpt(row: _Row) -> LoadRequest:
    turns = row.get("conversations")
    if not _is_list_of(turns, dict) or len(turns) < 2:  # type: ignore[arg-type]
        raise InvalidInputError("'conversations' must be a list of two turns or more, each with 'from' and 'value'")
    asked, answered = (_text(turn, "value") for turn in turns[:2])  # type: ignore[index]
    max_tokens = max(1, math.ceil(len(answered) / _CHARACTERS_PER_TOKEN))
    return LoadRequest(prompt=(Message("user", asked),), max_tokens=max_tokens, ignore_eos=True)


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, kind) and not isinstance(each, bool) for each in value)


def _length(row: _Row, name: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LONGEST:
        raise InvalidInputError(f"'{name}' must be a whole number from 1 to {LONGEST:,}, not {value!r}")
    return value


def _number(row: _Row, name: str) -> float:
    value = row[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise InvalidInputError(f"'{name}' must be a number of at least 0, not {value!r}")
    return float(value)


def _text(turn: _Row, name: str) -> str:
    value = turn.get(name)
    if not isinstance(value, str):
        raise InvalidInputError(f"'{name}' of a turn must be a text, not {value!r}")
    return value
