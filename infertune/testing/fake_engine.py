"""An engine without a model: instant, deterministic, and exact about tokens, truncation and stop texts."""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from infertune.decoding.text_stream import TextStream
from infertune.types import REFUSED, FinishReason, Generation, Request, Response, Unsupported

Writer = Callable[[Request, int, random.Random], str]
"""Writes the whole text of (request, sample index), using only the given random source for its randomness."""

_WORDS = ("red", "green", "blue", "naïve", "日本", "seven", "eleven", "Paris", "🙂", "so", "the", "end.")


def babble(request: Request, sample: int, source: random.Random) -> str:
    """Write 1 to 24 random words."""
    return " ".join(source.choices(_WORDS, k=source.randint(1, 24)))


class FakeEngine:
    """Writes what a function says, one word a token, an end-of-text token last.

    The random source given to ``write`` is keyed by (seed, example, sample), so that settings share their
    randomness; at temperature 0 the sample index is left out, so all samples agree.

    Args:
        write: Decides the texts.
        context_tokens: Prompt and output together must fit, else the response is a failed one.

    Attributes:
        requests: All requests pulled so far.
        batch_size: 1, for an answer takes no time.
    """

    def __init__(self, write: Writer = babble, *, context_tokens: int = 8192) -> None:
        self.requests: list[Request] = []
        self.batch_size: int | None = 1
        self._write = write
        self._context_tokens = context_tokens
        self._vocabulary = _Vocabulary()

    @property
    def facts(self) -> Mapping[str, str]:
        """The engine's name and the writer's."""
        return {"engine": "fake", "model": getattr(self._write, "__name__", "writer")}

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """Nothing."""
        return ()

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield the response to each request before pulling the next."""
        for request in requests:
            if request is None:
                return
            self.requests.append(request)
            yield self._respond(request)

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def _respond(self, request: Request) -> Response:
        prompt = request.prompt if isinstance(request.prompt, str) else " ".join(m.content for m in request.prompt)
        prompt_tokens = max(1, len(_words(prompt)))
        if prompt_tokens + request.decoding.max_tokens > self._context_tokens:
            error = f"{REFUSED}prompt of {prompt_tokens} tokens and max_tokens must fit {self._context_tokens} tokens"
            return Response(request=request, generations=(), prompt_tokens=prompt_tokens, seconds=0.0, error=error)
        generations = tuple(self._generate(request, sample) for sample in request.samples)
        return Response(request=request, generations=generations, prompt_tokens=prompt_tokens, seconds=0.0)

    def _generate(self, request: Request, sample: int) -> Generation:
        shared = sample if request.decoding.temperature > 0 else -1
        source = random.Random(f"{request.seed}\0{request.example_id}\0{shared}")
        words = _words(self._write(request, sample, source))
        stream = TextStream(self._vocabulary, (), request.decoding.stop)
        token_ids: list[int] = []
        text_ends: list[int] = []
        reason: FinishReason = "length"
        for word in [*words, None][: request.decoding.max_tokens]:
            token_ids.append(_Vocabulary.END if word is None else self._vocabulary.encode(word))
            text_ends.append(stream.finish() if word is None else stream.append(token_ids[-1]))
            if word is None or stream.stopped:
                reason = "stop"
                break
        return Generation(
            sample=sample,
            text=stream.text,
            token_ids=tuple(token_ids),
            logprobs=tuple(-source.random() for _ in token_ids),
            text_ends=tuple(text_ends),
            finish_reason=reason,
        )


class _Vocabulary:
    """Numbers words as they come, and spells them again like a tokenizer would."""

    END = 0

    def __init__(self) -> None:
        self._words = [""]
        self._ids: dict[str, int] = {}

    def encode(self, word: str) -> int:
        if word not in self._ids:
            self._ids[word] = len(self._words)
            self._words.append(word)
        return self._ids[word]

    def decode(self, token_ids: list[int], **options: bool) -> str:
        return "".join(self._words[token_id] for token_id in token_ids)


def _words(text: str) -> list[str]:
    """Cut a text into words, each with the space before it; together they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)
