"""What was asked and answered, example by example."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from infertune.archive.stored_study import Split, StoredStudy
from infertune.evaluation.parts import orders
from infertune.space.names import EXTRACTOR
from infertune.types import Configuration, Prompt, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerText:
    """One sample.

    Attributes:
        text: What the model wrote.
        answer: What was found in it; None for nothing.
        finish_reason: ``stop`` or ``length``.
        score: Of the answer, in [0, 1].
    """

    text: str
    answer: str | None
    finish_reason: str
    score: float


class Texts:
    """The texts of one split of a study.

    Args:
        study: Is read.
        split: Whose examples they are.
    """

    def __init__(self, study: StoredStudy, split: Split) -> None:
        self._evaluator = study.evaluator(split)
        self._parts = study.confirmed if split == "confirm" else ()
        self._default_extractor = study.task.default_extractor
        self._numbers = {example.id: number for number, example in enumerate(self._evaluator.examples)}

    def of(self, configuration: Configuration, example_id: str) -> tuple[AnswerText, ...]:
        """Return the samples of one example."""
        (found,) = self.of_each(configuration, [example_id])
        return found

    def of_each(self, configuration: Configuration, example_ids: Sequence[str]) -> list[tuple[AnswerText, ...]]:
        """Return the samples of each example; none where the bank holds none."""
        extractor = str(configuration.get(EXTRACTOR, self._default_extractor))
        return [
            self._read(response, extractor, example_id)
            for example_id, response in zip(example_ids, self._responses(configuration, example_ids), strict=True)
        ]

    def error(self, configuration: Configuration, example_id: str) -> str:
        """Return why an example has no answer; empty where it has one."""
        return self._responses(configuration, [example_id])[0].error

    def prompt(self, configuration: Configuration, example_id: str) -> Prompt:
        """Return an example's prompt under a configuration."""
        (request,) = self._evaluator.requests(self._evaluator.order(configuration, [self._numbers[example_id]]))
        return request.prompt

    def question(self, example_id: str) -> str:
        """Return the fields of an example in one text."""
        return " ".join(map(str, self._evaluator.examples[self._numbers[example_id]].fields.values()))

    def reference(self, example_id: str) -> str:
        """Return the right answer."""
        return self._evaluator.examples[self._numbers[example_id]].reference

    def _responses(self, configuration: Configuration, example_ids: Sequence[str]) -> list[Response]:
        """Return what was bought of each example: in the confirmation with the samples beyond n."""
        numbers = [self._numbers[each] for each in example_ids]
        found: dict[int, Response] = {}
        whole = orders(self._evaluator, configuration, self._parts)
        for order in [*whole, self._evaluator.order(configuration, numbers)]:
            some = tuple(number for number in numbers if number in order.examples and number not in found)
            if some:
                found |= zip(some, self._evaluator.responses(replace(order, examples=some)), strict=True)
        return [found[number] for number in numbers]

    def _read(self, response: Response, extractor: str, example_id: str) -> tuple[AnswerText, ...]:
        example = self._evaluator.examples[self._numbers[example_id]]
        scorer = self._evaluator.scorer
        found = []
        for generation in response.generations:
            answer = scorer.answer(generation.text, extractor, example)
            found.append(
                AnswerText(
                    text=generation.text,
                    answer=answer,
                    finish_reason=generation.finish_reason,
                    score=scorer.score(answer, example),
                )
            )
        return tuple(found)
