"""The engine of a planted model: a sample takes microseconds, and comes again whatever else is asked."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from benchmarks.study.planted import TOP, WRONG_ANSWERS, Planted, Seen, grade_of, kinds, length_of, most_tokens
from infertune.types import Generation, Request, Response, Scalar, Unsupported

MOST_SAMPLES = 48  # of one example


class PlantedEngine:
    """Answers a planted model's task, a word a token, the end of text last. Greedy samples are all equal."""

    def __init__(self, model: Planted, n_examples: int) -> None:
        self._model = model
        self._seen: dict[tuple[str, object], Seen] = {}
        rng = np.random.default_rng((model.seed, 1))
        shape = (n_examples, MOST_SAMPLES)
        self._kind = kinds(rng.random(n_examples), model.gap).tolist()
        self._difficulty = rng.standard_normal(n_examples).tolist()
        self._length = rng.standard_normal(n_examples).tolist()
        self._favourite = rng.integers(0, WRONG_ANSWERS, n_examples).tolist()
        self._shared = rng.standard_normal((n_examples, 2)).tolist()
        self._own = rng.standard_normal((*shape, 2)).tolist()
        self._own_length = rng.standard_normal(shape).tolist()
        self._wrong = rng.random((*shape, 2)).tolist()
        self._logprob = rng.standard_normal(shape).tolist()

    @property
    def facts(self) -> Mapping[str, str]:
        model = self._model
        return {"engine": "planted", "model": f"{model.gap} {len(model.names)} {model.graded} {model.seed}"}

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        return ()

    @property
    def batch_size(self) -> int:
        """As of the engine hf on a CPU: decisions then know as much as they would there."""
        return 64

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        for request in requests:
            if request is None:
                return
            name, *_, number = str(request.prompt).split()
            key = (name, request.decoding)
            if key not in self._seen:
                self._seen[key] = self._model.seen(_values(name, request))
            seen = self._seen[key]
            yield Response(
                request=request,
                generations=tuple(self._sample(seen, int(number), sample, request) for sample in request.samples),
                prompt_tokens=seen.words,
                seconds=0.0,
            )

    def close(self) -> None:
        pass

    def _sample(self, seen: Seen, example: int, sample: int, request: Request) -> Generation:
        column = sample if request.decoding.temperature > 0 else 0
        model = self._model
        x, y = self._own[example][column]
        s, t = self._shared[example]
        a, b = math.sqrt(seen.common), math.sqrt(1 - seen.common)
        noise = math.cos(seen.angle) * (a * s + b * x) + math.sin(seen.angle) * (a * t + b * y)
        grade = grade_of(
            noise + (0.0 if model.gap == "none" else seen.strength - self._difficulty[example]),
            self._kind[example],
            graded=model.graded,
        )
        answer = f"v{grade}"
        if not grade:
            agrees, other = self._wrong[example][column]
            wrong = self._favourite[example] if agrees < model.wrong_agree else int(other * WRONG_ANSWERS)
            answer = f"v0w{wrong}" if model.gap != "none" else "v0"
        luck = length_of(seen.answer_tokens, self._length[example], self._own_length[example][column])
        limit = most_tokens(model.gap)
        length = max(2, min(limit, round(luck)))
        logprob = -0.5 + 0.1 * (model.logprob_signal * grade / TOP + self._logprob[example][column])
        n_tokens = min(length, request.decoding.max_tokens)
        whole = "so " * (length - 2) + answer
        text_ends = (*range(3, 3 * (length - 1), 3), len(whole), len(whole))[:n_tokens]
        return Generation(
            sample=sample,
            text=whole[: text_ends[-1]],
            token_ids=(1,) * n_tokens,
            logprobs=(logprob,) * n_tokens,
            text_ends=text_ends,
            finish_reason="stop" if length <= request.decoding.max_tokens else "length",
        )


def _values(name: str, request: Request) -> dict[str, Scalar]:
    decoding = request.decoding
    return {
        "prompt.template": name,
        "decoding.temperature": decoding.temperature,
        "decoding.top_p": decoding.top_p,
        "decoding.top_k": decoding.top_k,
        "decoding.min_p": decoding.min_p,
        "decoding.repetition_penalty": decoding.repetition_penalty,
    }
