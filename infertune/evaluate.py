"""What every replay choice of a configuration scores and costs, recomputed from stored samples for no tokens."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infertune import plugins
from infertune.bank import cut
from infertune.estimators import SampleTable, concatenated
from infertune.extra_settings import is_extra
from infertune.prompt_bill import n_prompts
from infertune.space import Configuration, SearchSpace
from infertune.strategies import Strategy
from infertune.tasks import Task
from infertune.types import Decoding, Example, Generation, Request, Response

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A complete configuration with its evidence, example by example.

    Attributes:
        scores: Expected utility of each example, in [0, 1]; shape [n_examples].
        tokens: Expected prompt and completion tokens of one request in use, for each example; same shape.
        refused: Examples that will never be answered under it: they score 0, as no answer does in use, and their
            tokens are the mean of the others.
        utility: Mean utility over the examples.
        cost_tokens: Mean tokens per request in use: what deploying this configuration costs, not what finding it did.
    """

    configuration: Configuration
    example_ids: tuple[str, ...]
    scores: FloatArray
    tokens: FloatArray
    refused: frozenset[str] = frozenset()
    utility: float = field(init=False)
    cost_tokens: float = field(init=False)

    def __post_init__(self) -> None:
        # Not properties, for a search of a thousand trials sorts by them millions of times.
        object.__setattr__(self, "utility", float(self.scores.mean()))
        object.__setattr__(self, "cost_tokens", float(self.tokens.mean()))

    @property
    def answered_share(self) -> float:
        """Share of the examples that were not refused, in [0, 1]."""
        return 1 - len(self.refused) / len(self.example_ids)


def with_refused(candidate: Candidate, example_ids: Sequence[str]) -> Candidate:
    """Return the candidate with further examples, of which none will ever be answered."""
    n = len(example_ids)
    return Candidate(
        configuration=candidate.configuration,
        example_ids=(*candidate.example_ids, *example_ids),
        scores=np.concatenate([candidate.scores, np.zeros(n)]),
        tokens=np.concatenate([candidate.tokens, np.full(n, candidate.cost_tokens)]),
        refused=candidate.refused | frozenset(example_ids),
    )


class Judge:
    """A task's extraction and scoring with a memory: the same text and answer recur in every replay choice."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._answers: dict[tuple[str, str], str | None] = {}
        self._scores: dict[tuple[str, str], float] = {}

    def answer(self, text: str, extractor: str) -> str | None:
        """Return the answer that the named extractor finds in the text."""
        key = (extractor, text)
        if key not in self._answers:
            self._answers[key] = self.task.extractors[extractor](text)
        return self._answers[key]

    def score(self, answer: str | None, example: Example) -> float:
        """Return the answer's score in [0, 1]; no answer scores 0."""
        if answer is None:
            return 0.0
        key = (example.id, answer)
        if key not in self._scores:
            self._scores[key] = self.task.score(answer, example)
        return self._scores[key]


def requests_for(
    task: Task,
    configuration: Configuration,
    examples: Iterable[Example],
    *,
    n_samples: int,
    max_tokens: int,
    seed: int,
) -> list[Request]:
    """Return the requests that buy ``n_samples`` of each example; a greedy setting needs one, for all are equal."""
    settings = {
        name.removeprefix("decoding."): value
        for name, value in configuration.items()
        if name.startswith("decoding.") and name != "decoding.max_tokens"
    }
    extra = {name: settings.pop(name) for name in sorted(settings) if is_extra(f"decoding.{name}")}
    decoding = Decoding(**settings, max_tokens=max_tokens, stop=task.stop, extra=tuple(extra.items()))  # type: ignore[arg-type]
    template = task.prompts[str(configuration["prompt.template"])]
    samples = (0,) if decoding.temperature == 0 else tuple(range(n_samples))
    return [
        Request(
            example_id=example.id,
            prompt=template.render(example.fields),
            decoding=decoding,
            seed=seed,
            samples=samples,
        )
        for example in examples
    ]


def candidates(
    space: SearchSpace,
    judge: Judge,
    configuration: Configuration,
    examples: Sequence[Example],
    responses: Sequence[Response],
    samples_per_prompt: int | None = None,
) -> list[Candidate]:
    """Return one Candidate for each replay choice that the stored samples can answer exactly.

    Args:
        space: The whole search space; its replay tier is enumerated.
        judge: Extracts and scores.
        configuration: Values of the request tier.
        examples: Those that ``responses`` answer, in the same order.
        responses: Without failures: a failed request is no evidence, least of all of a wrong answer.
        samples_per_prompt: As in `n_prompts`.
    """
    if not responses:
        return []
    n_stored = min(len(response.generations) for response in responses)

    def table(max_tokens: int, extractor: str) -> SampleTable:
        return sample_table(judge, extractor, max_tokens, n_stored, examples, responses)

    return replayed(
        space,
        configuration,
        example_ids=tuple(example.id for example in examples),
        prompt_tokens=np.array([response.prompt_tokens for response in responses], dtype=np.float64),
        n_stored=n_stored,
        max_tokens_stored=min(response.request.decoding.max_tokens for response in responses),
        can_be_cut=all(
            len(each.text_ends) == len(each.token_ids) for response in responses for each in response.generations
        ),
        table=table,
        samples_per_prompt=samples_per_prompt,
        default_extractor=judge.task.default_extractor,
    )


def replayed(
    space: SearchSpace,
    configuration: Configuration,
    *,
    example_ids: tuple[str, ...],
    prompt_tokens: FloatArray,
    n_stored: int,
    max_tokens_stored: int,
    can_be_cut: bool = True,
    table: Callable[[int, str], SampleTable],
    default_extractor: str,
    samples_per_prompt: int | None = None,
) -> list[Candidate]:
    """Return one Candidate for each replay choice that stored samples can answer exactly.

    Args:
        space: The whole search space.
        configuration: Values of the request tier.
        example_ids: In the order of the tables' rows.
        prompt_tokens: Of each example; shape ``[n_examples]``.
        n_stored: Samples of each example.
        max_tokens_stored: Their limit.
        can_be_cut: Whether it is known what a smaller limit would have given.
        table: Gives the samples as cut at ``max_tokens`` and read by an extractor; called once for each pair.
        default_extractor: For a space that has no choice of them.
        samples_per_prompt: As in `n_prompts`.
    """
    possible = []
    for choice in space.replay_choices(configuration):
        complete = configuration.with_values(choice)
        n = int(complete["strategy.n"])
        max_tokens = int(complete["decoding.max_tokens"])
        if n > n_stored or max_tokens > max_tokens_stored or (max_tokens < max_tokens_stored and not can_be_cut):
            continue
        reading = (max_tokens, str(complete.get("strategy.extractor", default_extractor)))
        possible.append((complete, reading, (str(complete["strategy.name"]), n)))
    if not possible:
        return []
    # A strategy looks at each row alone, so it is asked once for the rows of all readings.
    readings = {reading: number for number, reading in enumerate(dict.fromkeys(each for _, each, _ in possible))}
    whole = concatenated([table(*reading) for reading in readings])
    lengths = whole.tokens.mean(axis=1).reshape(len(readings), -1)
    scores: dict[tuple[str, int], FloatArray] = {}
    for name, n in dict.fromkeys(way for _, _, way in possible):
        strategy: Strategy = plugins.load("strategies", name)()
        scores[name, n] = strategy.expected_scores(whole, n).reshape(len(readings), -1)
    return [
        Candidate(
            configuration=complete,
            example_ids=example_ids,
            scores=scores[way][readings[reading]],
            tokens=n_prompts(way[1], samples_per_prompt) * prompt_tokens + way[1] * lengths[readings[reading]],
        )
        for complete, reading, way in possible
    ]


def sample_table(
    judge: Judge,
    extractor: str,
    max_tokens: int,
    n_samples: int,
    examples: Sequence[Example],
    responses: Sequence[Response],
) -> SampleTable:
    """Return the first samples of each response as a table, cut at ``max_tokens`` and read by an extractor."""
    shape = (len(responses), n_samples)
    answers = np.full(shape, -1, dtype=np.int32)
    scores = np.zeros(shape)
    tokens = np.zeros(shape, dtype=np.int32)
    logprobs = np.zeros(shape)
    for row, (example, response) in enumerate(zip(examples, responses, strict=True)):
        numbers: dict[str, int] = {}
        for column, whole in enumerate(response.generations[:n_samples]):
            generation: Generation = cut(whole, max_tokens=max_tokens)
            answer = judge.answer(generation.text, extractor)
            if answer is not None:
                answers[row, column] = numbers.setdefault(answer, len(numbers))
                scores[row, column] = judge.score(answer, example)
            tokens[row, column] = len(generation.token_ids)
            logprobs[row, column] = float(np.mean(generation.logprobs)) if generation.logprobs else 0.0
    return SampleTable(answers=answers, scores=scores, tokens=tokens, logprobs=logprobs)
