"""What every replay choice of a configuration scores and costs, recomputed from stored samples for no tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from infertune import plugins
from infertune.bank.sample_bank import cut
from infertune.evaluation.scoring import CachedScorer
from infertune.space import SearchSpace
from infertune.space.names import EXTRACTOR, MAX_TOKENS, VOTER, N
from infertune.strategies import Expected, Strategy
from infertune.strategies.estimators import SampleTable, concatenated
from infertune.types import Configuration, Example, Response
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Candidate, candidates


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replayed:
    """The replay choices that stored samples answer exactly.

    Attributes:
        choices: Values of the replay tier.
        scores: Expected utility in [0, 1]; shape ``[n_choices, n_examples]``.
        tokens: Expected prompt and completion tokens of one request in use; same shape.
    """

    choices: tuple[Configuration, ...]
    scores: FloatArray
    tokens: FloatArray

    def candidates(self, configuration: Configuration, example_ids: Sequence[str]) -> list[Candidate]:
        """Return them as complete configurations."""
        return candidates(configuration, self.choices, self.scores, self.tokens, example_ids)


def replayed(
    space: SearchSpace,
    configuration: Configuration,
    *,
    n_stored: int,
    max_tokens_stored: int,
    can_be_cut: bool = True,
    table: Callable[[int, str], SampleTable],
    default_extractor: str,
) -> Replayed | None:
    """Return every replay choice that stored samples can answer exactly; None where they answer none.

    Args:
        space: The whole search space.
        configuration: Values of the request tier.
        n_stored: Samples of each example.
        max_tokens_stored: Their limit.
        can_be_cut: Whether it is known what a smaller limit would have given.
        table: Gives the samples as cut at ``max_tokens`` and read by an extractor; called once for each pair.
        default_extractor: For a space that has no choice of them.
    """
    possible = []
    for choice in space.replay_choices(configuration):
        n, max_tokens = int(choice[N]), int(choice[MAX_TOKENS])
        if n > n_stored or max_tokens > max_tokens_stored or (max_tokens < max_tokens_stored and not can_be_cut):
            continue
        reading = (max_tokens, str(choice.get(EXTRACTOR, default_extractor)))
        possible.append((choice, reading, (str(choice[VOTER]), n)))
    if not possible:
        return None
    # A strategy looks at each row alone, so it is asked once for the rows of all readings.
    readings = {reading: number for number, reading in enumerate(dict.fromkeys(each for _, each, _ in possible))}
    whole = concatenated([table(*reading) for reading in readings])
    expected: dict[tuple[str, int], Expected] = {}
    for name, n in dict.fromkeys(way for _, _, way in possible):
        strategy: Strategy = plugins.load("strategies", name)()
        found = strategy.expected(whole, n)
        expected[name, n] = Expected(*(each.reshape(len(readings), -1) for each in found))
    return Replayed(
        choices=tuple(choice for choice, _, _ in possible),
        scores=np.stack([expected[way].scores[readings[reading]] for _, reading, way in possible]),
        tokens=np.stack([expected[way].tokens[readings[reading]] for _, reading, way in possible]),
    )


def replayed_responses(
    space: SearchSpace,
    scorer: CachedScorer,
    configuration: Configuration,
    examples: Sequence[Example],
    responses: Sequence[Response],
    samples_per_prompt: int | None = None,
) -> Replayed | None:
    """Return every replay choice that the samples of some responses can answer exactly; None where there are none.

    Args:
        space: The whole search space.
        scorer: Extracts and scores.
        configuration: Values of the request tier.
        examples: Those that ``responses`` answer, in the same order.
        responses: Without failures: a failed request is no evidence, least of all of a wrong answer.
        samples_per_prompt: As in `n_prompts`.
    """
    if not responses:
        return None
    n_stored = min(len(response.generations) for response in responses)

    def table(max_tokens: int, extractor: str) -> SampleTable:
        return sample_table(scorer, extractor, max_tokens, n_stored, examples, responses, samples_per_prompt)

    return replayed(
        space,
        configuration,
        n_stored=n_stored,
        max_tokens_stored=min(response.request.decoding.max_tokens for response in responses),
        can_be_cut=all(
            len(each.text_ends) == len(each.token_ids) for response in responses for each in response.generations
        ),
        table=table,
        default_extractor=scorer.task.default_extractor,
    )


def sample_table(
    scorer: CachedScorer,
    extractor: str,
    max_tokens: int,
    n_samples: int,
    examples: Sequence[Example],
    responses: Sequence[Response],
    samples_per_prompt: int | None = None,
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
            generation = cut(whole, max_tokens=max_tokens)
            answer = scorer.answer(generation.text, extractor, example)
            if answer is not None:
                answers[row, column] = numbers.setdefault(answer, len(numbers))
                scores[row, column] = scorer.score(answer, example)
            tokens[row, column] = len(generation.token_ids)
            logprobs[row, column] = float(np.mean(generation.logprobs)) if generation.logprobs else 0.0
    return SampleTable(
        answers=answers,
        scores=scores,
        tokens=tokens,
        logprobs=logprobs,
        prompt_tokens=np.array([response.prompt_tokens for response in responses], dtype=np.float64),
        samples_per_prompt=samples_per_prompt,
    )
