"""One request of a recording: its prompt, or as much as is known of it."""

from dataclasses import dataclass

import numpy as np

from infertune.load.filler import Filler
from infertune.load.workload import LoadRequest
from infertune.types import Message

_BLOCKS, _CONTENT = range(2)  # streams of randomness


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a line says. A prompt of which only the length is known is made when it is asked for: a trace may be long.

    Attributes:
        prompt: As it was; None where it is not known.
        n_input: Its length in tokens, where it is not known.
        hash_ids: Of its blocks: equal ids are equal tokens; may be empty, or fewer than its length has blocks.
        block: Tokens of a block.
        max_tokens: Of the answer.
        is_whole: Whether the answer is to have all of these tokens, for its length was recorded.
        arrival: In seconds; None where it is not known.
    """

    prompt: str | tuple[Message, ...] | tuple[int, ...] | None = None
    n_input: int = 0
    hash_ids: tuple[int, ...] = ()
    block: int = 0
    max_tokens: int
    is_whole: bool = True
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
        return LoadRequest(prompt=prompt, max_tokens=self.max_tokens, arrival=arrival, ignore_eos=self.is_whole)

    def _made(self, filler: Filler, line: int) -> str | tuple[int, ...]:
        blocks = [
            filler.pieces(self.block, np.random.default_rng((_BLOCKS, abs(each), each < 0))) for each in self.hash_ids
        ]
        known = [piece for block in blocks for piece in block][: self.n_input]
        own = filler.pieces(self.n_input - len(known), np.random.default_rng((_CONTENT, line)))
        return filler.prompt([*known, *own])
