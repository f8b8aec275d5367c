"""Which examples fail under what a study recommends and under its default, and what their answers look like.

Ten failures of one kind teach no more than one: those that are shown are chosen to be unlike each other.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.archive.stored_study import StoredStudy
from infertune.archive.texts import AnswerText, Texts
from infertune.errors import DataUnavailableError
from infertune.selection.recommendation import ExampleScores
from infertune.statistics.diverse import diverse, word_features
from infertune.types import Configuration, Prompt

FAILED_BELOW = 0.5
_MOST_COMPARED = 2000  # of the failures, the worst first
_MOST_ANSWERS = 5  # kinds of wrong answers that are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An example that fails under the recommended configuration.

    Attributes:
        prompt: As the model got it under the recommended configuration.
        reference: The right answer.
        score: Under the recommended configuration; ``default_score`` under the default.
        answers: The samples of the recommended configuration; ``default_answers`` those of the default.
        error: Why there is no answer; empty where there is one.
    """

    example_id: str
    prompt: Prompt
    reference: str
    score: float
    default_score: float
    answers: tuple[AnswerText, ...]
    default_answers: tuple[AnswerText, ...]
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What fails on the examples of the confirmation.

    Attributes:
        recommended: The configuration that is recommended; ``default`` is the one beside it.
        below: An example fails where its score lies below this.
        n_both: Examples that fail under both; ``n_new`` only under the recommended one, ``n_mended`` only under the
            default.
        kinds: How many samples of the failing examples were cut at ``max_tokens``, held no answer, or a wrong one.
        wrong_answers: The commonest wrong answers, with how many samples gave them.
        examples: Failures unlike each other, the worst first.
    """

    recommended: Configuration
    default: Configuration
    below: float
    n_examples: int
    n_both: int
    n_new: int
    n_mended: int
    kinds: tuple[tuple[str, int], ...]
    wrong_answers: tuple[tuple[str, int], ...]
    examples: tuple[Failure, ...]

    @property
    def n_failed(self) -> int:
        """Examples that fail under the recommended configuration."""
        return self.n_both + self.n_new


def failures(study: StoredStudy, *, n: int = 10, below: float = FAILED_BELOW) -> Failures:
    """Return what fails under the recommended configuration of a finished study.

    Args:
        study: Is read.
        n: How many failures are shown whole.
        below: The score below which an example fails.

    Raises:
        DataUnavailableError: The study has no answer yet.
    """
    found = study.recommendation
    recommended, default = of_pair(study, found.recommended), of_pair(study, found.default)
    other = dict(zip(default.example_ids, default.scores, strict=True))
    scores = {
        each: (score, other[each])
        for each, score in zip(recommended.example_ids, recommended.scores, strict=True)
        if each in other
    }
    failed = sorted((each for each, (score, _) in scores.items() if score < below), key=lambda each: scores[each][0])
    texts = Texts(study, "confirm")
    samples = {each: texts.of(found.recommended, each) for each in failed}
    wrong = [answer for each in failed for answer in samples[each]]
    return Failures(
        recommended=found.recommended,
        default=found.default,
        below=below,
        n_examples=len(scores),
        n_both=sum(score < below and was < below for score, was in scores.values()),
        n_new=sum(score < below <= was for score, was in scores.values()),
        n_mended=sum(was < below <= score for score, was in scores.values()),
        kinds=tuple(Counter(_kind(answer, below) for answer in wrong).most_common()),
        wrong_answers=tuple(
            Counter(a.answer for a in wrong if a.answer is not None and a.score < below).most_common(_MOST_ANSWERS)
        ),
        examples=tuple(
            Failure(
                example_id=each,
                prompt=texts.prompt(found.recommended, each),
                reference=texts.reference(each),
                score=scores[each][0],
                default_score=scores[each][1],
                answers=samples[each],
                default_answers=texts.of(found.default, each),
                error=texts.error(found.recommended, each),
            )
            for each in _telling(failed, samples, texts, scores, n)
        ),
    )


def of_pair(study: StoredStudy, configuration: Configuration) -> ExampleScores:
    """Return one of the two configurations that a finished study confirmed, example by example.

    Raises:
        DataUnavailableError: An earlier infertune finished it, and kept no examples.
    """
    for each in study.recommendation.confirmed:
        if each.configuration == configuration:
            return each
    raise DataUnavailableError(
        f"study '{study.name}' was finished by an earlier infertune, which did not keep its scores by example: "
        "its own command with another `study` name reuses all samples and keeps them"
    )


def _telling(
    failed: Sequence[str],
    samples: dict[str, tuple[AnswerText, ...]],
    texts: Texts,
    scores: dict[str, tuple[float, float]],
    n: int,
) -> list[str]:
    """Return a few failures that are unlike each other, in what is asked and in what was answered."""
    some = failed[:_MOST_COMPARED]
    if not some:
        return []
    words = [f"{texts.question(each)} {samples[each][0].text if samples[each] else ''}" for each in some]
    quality = np.array([1.0 - scores[each][0] for each in some])
    chosen = diverse(word_features(words), np.maximum(quality, 1e-3), n)
    return [some[number] for number in sorted(chosen)]


def _kind(answer: AnswerText, below: float) -> str:
    if answer.score >= below:
        return "right, but outvoted or rare"
    if answer.answer is None:
        return "cut at max_tokens before an answer" if answer.finish_reason == "length" else "no answer found"
    return "wrong answer"
