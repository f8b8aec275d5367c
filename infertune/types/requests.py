"""The values that flow between the layers: frozen, plain, and known to every module."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Scalar = bool | int | float | str
FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt; ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


REFUSED = "refused: "
"""What the error of a request begins with that will never be answered, however often it is sent."""

Prompt = str | tuple[Message, ...]
"""Plain text for a base model, or chat turns that the engine renders with the model's own chat template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """The request-tier settings of one request, in the field's standard names; the defaults change nothing.

    Attributes:
        temperature: At least 0; 0 is greedy, and the truncations below then have no effect.
        top_p: Nucleus mass in (0, 1]; 1 is off.
        top_k: Number of tokens kept, at least 0; 0 is off.
        min_p: Smallest kept probability relative to the largest, in [0, 1); 0 is off.
        repetition_penalty: Above 0; 1 is off. Applies to prompt and output tokens (Keskar et al. 2019).
        max_tokens: Most generated tokens, at least 1, the end-of-text token included.
        stop: Texts that end the generation; the text is cut before the first of them.
        extra: Further (name, value) pairs, sorted, for engines that know more settings than these.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    extra: tuple[tuple[str, Scalar], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A wish for some samples of one example's prompt under one setting.

    The randomness of sample ``i`` is keyed by (seed, example_id, i, position) and nothing else, so the same
    sample comes back whatever else is being generated, and two settings with one seed share their noise.
    """

    example_id: str
    prompt: Prompt
    decoding: Decoding
    seed: int = 0
    samples: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One sample: what the model wrote for one (request, sample index).

    Attributes:
        sample: The sample index, one of ``Request.samples``.
        text: Decoded text, special tokens removed, cut before the first stop text.
        token_ids: All generated tokens, the end-of-text token included when there is one; -1 for a token that the
            engine counts and does not tell.
        logprobs: Natural log of the raw model probability (before temperature, penalty and truncation) of each
            token, as long as ``token_ids`` (0 for an end-of-text token or a thought that a server keeps to itself);
            empty where the engine does not tell.
        text_ends: For each token the number of complete characters of ``text`` decoded up to and including it:
            ``text[: text_ends[m - 1]]`` is the text that ``max_tokens=m`` gives. Empty where the engine does not tell:
            such a sample answers for no smaller limit and for no stop texts but its own.
        finish_reason: ``stop`` for an end-of-text token or a stop text, ``length`` for ``max_tokens``.
    """

    sample: int
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    text_ends: tuple[int, ...]
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """All samples of one request, or the reason why there are none.

    Attributes:
        generations: One per sample index, in the request's order; empty when the request failed.
        prompt_tokens: Tokens of the rendered prompt, once, however often the request pays for them.
        seconds: From the request's start in the engine to its last token.
        extra_prompt_tokens: Paid beyond that: a second copy of a straggler, an attempt whose answer could not be used,
            the prompt again for further samples. Of these the last alone is a part of what the request costs in use.
        extra_completion_tokens: Likewise.
        error: Why the request failed; empty when it did not. It begins with REFUSED where no other try would bring an
            answer: in use there would be none, so it scores 0. Any other failure is never scored.
    """

    request: Request
    generations: tuple[Generation, ...]
    prompt_tokens: int
    seconds: float
    extra_prompt_tokens: int = 0
    extra_completion_tokens: int = 0
    error: str = ""

    @property
    def completion_tokens(self) -> int:
        """Generated tokens of all samples together."""
        return sum(len(generation.token_ids) for generation in self.generations)

    @property
    def refused(self) -> bool:
        """Whether the request will never be answered."""
        return self.error.startswith(REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A parameter of the search space, or some of its values, that mean nothing to an engine.

    Attributes:
        name: Of the parameter, such as ``decoding.min_p``.
        value: The choice that is of no use; None when the parameter has no effect at any value.
        below: Where values below this are of no use, and others are; ``above`` likewise.
        reason: For the user: what was seen.
    """

    name: str
    value: Scalar | None = None
    below: float | None = None
    above: float | None = None
    reason: str


class Engine(Protocol):
    """Answers requests. Implementations: ``hf``, ``vllm``, ``openai``, ``replay``, ``fake``.

    An engine whose requests may pay for their prompt more than once says so by an attribute ``samples_per_prompt``:
    most samples that share one prompt's price, or None where all do. One whose samples never depend on what else is
    generated says by an attribute ``batch_size`` how many it generates at once: a study on it is then repeated to the
    last digit, however often it was killed.
    """

    @property
    def facts(self) -> Mapping[str, str]:
        """Everything about this engine that shapes its text (model fingerprint, dtype, warper order ...)."""

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """What this engine does not honour, to be taken out of the space before anything is spent on it."""

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield one response per request as each finishes, in any order.

        Requests are pulled only when there is room for them, so a caller limits spending by ending its iterable:
        at most one batch is then still in flight, and is finished and yielded. A None among them says that there is
        nothing to send yet: the next is pulled after the next response, and where nothing is in flight, it ends.
        """

    def close(self) -> None:
        """Free what the engine holds; it may be called twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One checkable case of a task.

    Attributes:
        fields: Fill the prompt template: texts, or a conversation whose last turn is the user's.
        reference: Judges the answer.
    """

    id: str
    fields: Mapping[str, Prompt]
    reference: str
