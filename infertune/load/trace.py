"""A workload that was recorded: lines of JSON with prompts or their lengths, and mostly with times of arrival."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from infertune.errors import InvalidInputError
from infertune.load.filler import Filler
from infertune.load.trace_layouts import Recorded, Row, layout
from infertune.load.workload import LoadRequest

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The requests of a file, in the order of their arrival.

    Asked for more than there are, it begins again, its arrivals after the last one by the mean gap.

    Attributes:
        name: As the command line has it.
        rows: One or more; all have an ``arrival`` or none.
        filler: Makes prompts of which only the length is known.
    """

    name: str
    rows: tuple[Recorded, ...]
    filler: Filler

    @property
    def n_different(self) -> int | None:
        """As many as the file has."""
        return len(self.rows)

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        """Return the first ``n``; they are the same for every seed."""
        span = (self.rows[-1].arrival or 0.0) - (self.rows[0].arrival or 0.0)
        period = span * (1 + 1 / max(1, len(self.rows) - 1))
        found = []
        for index in range(n):
            turn, line = divmod(index, len(self.rows))
            found.append(self.rows[line].request(self.filler, line=line, later=turn * period))
        return found


def read(path: Path, *, vocabulary: int | None = None) -> Trace:
    """Return the trace of a file; `infertune.load.trace_layouts` says how its lines may be.

    Args:
        path: ``.jsonl``, or one JSON list, as ShareGPT is published.
        vocabulary: Number of token ids of the model, for prompts of which only the length is known; None for words.

    Raises:
        InvalidInputError: It cannot be read, or a line is not as the layout of the first has it; it names the line.
    """
    lines = _lines(path)
    if not lines:
        raise InvalidInputError(f"{path} must have a line for each request, but has none")
    number, first = lines[0]
    make = _at(f"{path}:{number}", layout, first)
    rows = [_at(f"{path}:{number}", make, row) for number, row in lines]
    if len({row.arrival is None for row in rows}) > 1:
        number = next(number for (number, _), row in zip(lines, rows, strict=True) if row.arrival is None)
        raise InvalidInputError(
            f"{path}:{number}: every line must have an arrival time, or none, but this one has not"
        )
    ordered = tuple(sorted(rows, key=lambda row: row.arrival or 0.0))
    return Trace(name=f"trace:{path}", rows=ordered, filler=Filler(vocabulary))


def _lines(path: Path) -> list[tuple[int, Row]]:
    """Return every JSON object with its line, or its place in the list."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"the trace {path} cannot be read: {error.strerror}") from None
    if data.lstrip()[:1] == b"[":
        rows = list(enumerate(_json(data, str(path)), 1))
    else:
        lines = enumerate(data.splitlines(), 1)
        rows = [(number, _json(line, f"{path}:{number}")) for number, line in lines if line.strip()]
    for number, row in rows:
        if not isinstance(row, dict):
            raise InvalidInputError(f"{path}:{number}: must be a JSON object, not {str(row)[:40]}")
    return rows


def _json(data: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{where}: must be JSON: {error}") from None


def _at(where: str, make: Callable[[Row], _Made], row: Row) -> _Made:
    try:
        return make(row)
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from None
