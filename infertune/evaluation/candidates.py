"""What every replay choice of a configuration scores and costs, recomputed from stored samples for no tokens."""

from collections.abc import Callable, Sequence

import numpy as np

from infertune import plugins
from infertune.bank.sample_bank import cut
from infertune.budget.prompt_bill import n_prompts
from infertune.evaluation.scoring import CachedScorer
from infertune.space import SearchSpace
from infertune.strategies import Strategy
from infertune.strategies.estimators import SampleTable, concatenated
from infertune.types import Configuration, Example, Generation, Response
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Candidate


def candidates(
    space: SearchSpace,
    judge: CachedScorer,
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
    judge: CachedScorer,
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
