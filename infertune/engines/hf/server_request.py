"""One request on its way through a server of transformers models, and what runs many of them."""

import queue
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Piece:
    """What has come of a request: a token, with the characters that it completes; or its end.

    Attributes:
        text: New characters; empty for a token that completes none, or is not shown.
        finish_reason: ``stop`` or ``length`` for the last piece, else empty.
        error: Why the request failed; it is then the last piece.
    """

    text: str = ""
    finish_reason: str = ""
    error: str = ""


@dataclass(slots=True)
class Job:
    """A request.

    Attributes:
        number: Its own.
        prompt: Token ids, at least one.
        max_tokens: At least 1.
        temperature: 0 is greedy; the others as in `infertune.types.requests.Decoding`.
        ignore_eos: Whether only ``max_tokens`` ends it.
        seed: Of its randomness, where the runner has randomness by request.
        n_tokens: How many have come.
        is_cancelled: Set when nobody waits for it any more.
        pieces: What has come and was not yet read.
    """

    number: int
    prompt: list[int]
    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    ignore_eos: bool = False
    seed: int = 0
    n_tokens: int = 0
    is_cancelled: bool = False
    pieces: "queue.SimpleQueue[Piece]" = field(default_factory=queue.SimpleQueue)

    @property
    def settings(self) -> tuple[float | int | bool, ...]:
        """What jobs of one static batch must have in common."""
        return (self.temperature, self.top_p, self.top_k, self.min_p, self.repetition_penalty, self.ignore_eos)


class Runner(Protocol):
    """Runs jobs on a model, in one thread that calls it."""

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text."""

    def encode_chat(self, turns: list[dict[str, str]]) -> list[int]:
        """Return the token ids of chat turns, by the model's own template.

        Raises:
            InvalidInputError: It has none.
        """

    def refusal(self, job: Job) -> str:
        """Return why a job cannot be run with its settings; empty when it can."""

    def run(self, arrivals: "queue.SimpleQueue[Job]") -> None:
        """Take jobs and put their pieces, for ever; whatever it raises ends the server."""
