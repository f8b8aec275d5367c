"""What is asked of a server under load: requests, and the workloads that they come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from infertune.errors import InvalidInputError
from infertune.types import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """One request.

    Attributes:
        prompt: Text or token ids, asked of ``/completions``; or messages, asked of ``/chat/completions``.
        max_tokens: Most tokens of the answer, at least 1.
        arrival: When it came in the trace, in seconds from the trace's beginning; None where there is no such time.
        settings: Further fields of the body with their JSON values, such as ``("temperature", 0.8)``.
        ignore_eos: Whether the answer is to have ``max_tokens`` tokens whatever the model says; vLLM's and SGLang's.
    """

    prompt: str | tuple[Message, ...] | tuple[int, ...]
    max_tokens: int
    arrival: float | None = None
    settings: tuple[tuple[str, Any], ...] = ()
    ignore_eos: bool = False

    def __post_init__(self) -> None:
        if not self.prompt:
            raise InvalidInputError("the prompt of a request must not be empty")
        if self.max_tokens < 1:
            raise InvalidInputError(f"max_tokens must be at least 1, not {self.max_tokens}")

    @property
    def is_chat(self) -> bool:
        """Whether the prompt is made of messages."""
        return not isinstance(self.prompt, str) and isinstance(self.prompt[0], Message)


class Workload(Protocol):
    """A sequence of requests that can be had again."""

    @property
    def name(self) -> str:
        """As the command line has it: two workloads of one name and one seed ask the same."""

    @property
    def n_different(self) -> int | None:
        """How many requests there are before they come again; None when they never do."""

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know of how it was read."""

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        """Return the first ``n``; those of a smaller ``n`` are the beginning of those of a larger one."""
