"""Scorers of how much of a reference's words or characters an answer has: for extraction, summary, translation."""

import re
import string
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.tasks.scorers.text import accepted
from infertune.types import Example

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 20_000  # characters of an answer that are compared: ROUGE-L takes time in the square of them
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, kw_only=True)
class TokenF1:
    """The F1 of the words that answer and reference share, as for SQuAD (Rajpurkar and others 2016).

    Case, punctuation and the words a, an and the do not count. Of several accepted answers the closest counts.

    Attributes:
        separator: Splits a reference into accepted answers; a reference that is a JSON list of texts is one without.
    """

    separator: str = ""

    def normal_form(self, answer: str) -> str | None:
        """Return the words that are compared; None where there are none."""
        return _words(answer[:_LONGEST]) or None

    def score(self, answer: str, example: Example) -> float:
        """Return the F1 to the closest accepted answer."""
        return max(_f1(answer.split(), _words(each).split()) for each in accepted(example.reference, self.separator))

    def ideal(self, reference: str) -> str:
        """Return the first accepted answer."""
        return accepted(reference, self.separator)[0]


@dataclass(frozen=True, kw_only=True)
class Rouge:
    """ROUGE (Lin 2004) by the package rouge-score: how much of a reference summary an answer has.

    Attributes:
        variant: ``rougeL``, ``rougeLsum`` (sentence by sentence: a line each), ``rouge1`` or ``rouge2``.
        measure: ``f1``, ``recall`` or ``precision``.
        stemmer: Whether English endings do not count.
        separator: As of `TokenF1`.

    Raises:
        DataUnavailableError: The package is not installed.
    """

    variant: Literal["rougeL", "rougeLsum", "rouge1", "rouge2"] = "rougeL"
    measure: Literal["f1", "recall", "precision"] = "f1"
    stemmer: bool = False
    separator: str = ""

    def normal_form(self, answer: str) -> str | None:
        """Return the answer without the space around it; None where that is all."""
        return answer[:_LONGEST].strip() or None

    def score(self, answer: str, example: Example) -> float:
        """Return the score against the closest accepted answer."""
        scores = [
            self._scorer.score(each, answer)[self.variant] for each in accepted(example.reference, self.separator)
        ]
        name = "fmeasure" if self.measure == "f1" else self.measure
        return max(float(getattr(each, name)) for each in scores)

    def ideal(self, reference: str) -> str | None:
        """Return the first accepted answer, where it has words that ROUGE knows: letters a to z and digits."""
        first = accepted(reference, self.separator)[0]
        return first if re.search(r"[a-zA-Z0-9].*[a-zA-Z0-9]", first, re.DOTALL) and self._knows(first) else None

    def _knows(self, text: str) -> bool:
        return self.score(text.strip(), Example(id="", fields={}, reference=text)) == 1

    @cached_property
    def _scorer(self) -> Any:
        try:
            from rouge_score import rouge_scorer
        except ImportError:
            raise _lacking("rouge", "rouge-score") from None
        return rouge_scorer.RougeScorer([self.variant], use_stemmer=self.stemmer)


@dataclass(frozen=True, kw_only=True)
class ChrF:
    """chrF (Popović 2015) by the package sacrebleu: shared character n-grams, for translations.

    Attributes:
        word_order: 0 for chrF, 2 for chrF++.
        separator: As of `TokenF1`.

    Raises:
        DataUnavailableError: The package is not installed.
    """

    word_order: int = 0
    separator: str = ""

    def __post_init__(self) -> None:
        if self.word_order not in (0, 1, 2):
            raise InvalidInputError(f"word_order must be 0 (chrF), 1 or 2 (chrF++), but is {self.word_order}")

    def normal_form(self, answer: str) -> str | None:
        """Return the answer without the space around it; None where that is all."""
        return answer[:_LONGEST].strip() or None

    def score(self, answer: str, example: Example) -> float:
        """Return chrF against all accepted answers, in [0, 1]."""
        references: Sequence[str] = accepted(example.reference, self.separator)
        found = float(self._scorer.sentence_score(answer, list(references)).score) / 100
        return min(max(found, 0.0), 1.0)

    def ideal(self, reference: str) -> str | None:
        """Return the first accepted answer, where there is anything in it."""
        return accepted(reference, self.separator)[0].strip() or None

    @cached_property
    def _scorer(self) -> Any:
        try:
            from sacrebleu.metrics import CHRF
        except ImportError:
            raise _lacking("chrf", "sacrebleu") from None
        return CHRF(word_order=self.word_order)


def _words(text: str) -> str:
    """Return what is compared of a text, as SQuAD has it: lower case, no punctuation, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _f1(ours: list[str], theirs: list[str]) -> float:
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))


def _lacking(scorer: str, package: str) -> DataUnavailableError:
    return DataUnavailableError(f"the scorer '{scorer}' needs the package '{package}': pip install 'infertune[text]'")
