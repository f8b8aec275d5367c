"""What the answers of a data set are like, and so how they are found and judged: labels, numbers, lines or texts."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from infertune.tasks.extraction import Choice, Line, Number, Step, Text, extractor
from infertune.tasks.numbers import DecimalMark
from infertune.tasks.scorers import text
from infertune.tasks.scorers.text import Exact, Scorer
from infertune.types import Example

_MOST_LABELS = 100
_LONGEST_LABEL = 60  # characters
_ROWS_A_LABEL = 3  # on average at least, so that labels are told from answers that happen to recur
_ROWS_A_NUMBER = 10  # likewise where the labels are numbers, which recur more easily
_BYTES_A_TOKEN = 3  # fewer than in English, so that answers have room
_WORD = re.compile(r"[^\W\d_]{2,}")  # a reference with words is no bare number, though one is read in "12 apples"
_WORKED_OUT = (16, 64, 256)  # tokens: a number may take working out


@dataclass(frozen=True, kw_only=True)
class Answers:
    """How answers are found and judged.

    Attributes:
        kind: ``labels`` of which one is chosen, a ``number``, one ``line``, or a ``text`` of several.
        labels: The labels, the most frequent first.
        steps: Of the extraction.
        scorer: Its registered name; ``options`` are those of its options that are not as usual.
        max_tokens: Lengths of answers worth trying.
    """

    kind: Literal["labels", "number", "line", "text"]
    labels: tuple[str, ...] = ()
    steps: tuple[Step, ...]
    scorer: Literal["exact", "number"] = "exact"
    options: Mapping[str, bool | DecimalMark] = field(default_factory=dict)
    max_tokens: tuple[int, ...]

    def judge(self) -> Scorer:
        """Return the scorer."""
        kind: Callable[..., Scorer] = text.Number if self.scorer == "number" else Exact
        return kind(**self.options)

    def right(self, references: Sequence[str]) -> bool:
        """Return whether every reference, written by itself, is found and scores 1."""
        scorer = self.judge()
        extract = extractor(self.steps, scorer.normal_form)

        def score(reference: str) -> float:
            answer = extract(scorer.ideal(reference) or "")
            return 0.0 if answer is None else scorer.score(answer, Example(id="", fields={}, reference=reference))

        return all(score(reference) == 1 for reference in dict.fromkeys(references))

    def apart(self, references: Sequence[str]) -> bool:
        """Return whether references that differ in more than case and spacing are different answers."""
        scorer = self.judge()
        different = {" ".join(reference.casefold().split()) for reference in references}
        return len({scorer.normal_form(reference) for reference in different}) == len(different)


def like(references: Sequence[str]) -> Answers:
    """Return the narrowest kind of answers that all references are."""
    for answers in _kinds(references):
        if answers.right(references) and (answers.kind != "line" or answers.apart(references)):
            return answers
    return answers  # texts as they are; `check` says of which that is not enough


def _kinds(references: Sequence[str]) -> Iterator[Answers]:
    written = [Exact().ideal(reference).strip() for reference in references]
    tokens = max(4, math.ceil(max(len(one.encode()) for one in written) / _BYTES_A_TOKEN) + 2)
    number = _number(references)
    if labels := _labels(written, _ROWS_A_NUMBER if number else _ROWS_A_LABEL):
        lengths = (tokens, 2 * tokens, 4 * tokens)
        options = {"ignore_case": True}
        yield Answers(
            kind="labels", labels=labels, steps=(Choice(labels=labels),), options=options, max_tokens=lengths
        )
    if number:
        yield number
    for options in ({"ignore_case": True, "ignore_punctuation": True}, {"ignore_case": True}):
        yield Answers(kind="line", steps=(Line(),), options=options, max_tokens=(tokens, 2 * tokens))
    yield Answers(kind="line", steps=(Line(),), max_tokens=(tokens, 2 * tokens))
    yield Answers(kind="text", steps=(Text(),), max_tokens=(tokens, 2 * tokens))


def _number(references: Sequence[str]) -> Answers | None:
    """Return how numbers are found and judged, their decimal mark a comma where some are so and none has a point."""
    if any(_WORD.search(reference) for reference in references):
        return None
    decimals = [re.fullmatch(r"\D*\d+([.,])\d*\D*", reference) for reference in references]
    certain = {match[1] for match in decimals if match and not re.search(r"[.,]\d{3}\D*$", match[0])}
    mark: DecimalMark = "," if certain == {","} else "."
    answers = Answers(
        kind="number",
        steps=(Number(decimal_mark=mark),),
        scorer="number",
        options={} if mark == "." else {"decimal_mark": mark},
        max_tokens=_WORKED_OUT,
    )
    return answers if answers.right(references) else None


def _labels(written: Sequence[str], rows_a_label: int) -> tuple[str, ...]:
    """Return the different answers, whatever their case, where they are few and short; else nothing."""
    counts = Counter(one.casefold() for one in written)
    short = all(len(label) <= _LONGEST_LABEL and "\n" not in label for label in counts)
    if not short or not 2 <= len(counts) <= min(_MOST_LABELS, len(written) / rows_a_label):
        return ()
    spelled = {one.casefold(): one for one in sorted(written, reverse=True)}
    return tuple(spelled[label] for label, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0])))
