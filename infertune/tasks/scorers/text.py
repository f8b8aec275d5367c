"""Scorers: what an answer's normal form is, and how right it is, in [0, 1].

A scorer owns the normal form, so that two answers a vote counts as one are two answers that score the same.
"""

import json
import re
import string
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Protocol

from infertune.errors import InvalidInputError
from infertune.tasks import numbers
from infertune.tasks.numbers import DecimalMark
from infertune.tasks.typography import plain
from infertune.types import Example


class Scorer(Protocol):
    """Judges answers; registered under ``infertune.scorers`` and made with a task file's options as keywords."""

    def normal_form(self, answer: str) -> str | None:
        """Return what equal answers have in common, the form that is voted on; None when it is no answer at all."""

    def score(self, answer: str, example: Example) -> float:
        """Return how right an answer in normal form is, in [0, 1]; pure."""

    def ideal(self, reference: str) -> str | None:
        """Return an answer that scores 1 against this reference, or None where the reference does not tell one."""


@dataclass(frozen=True, kw_only=True)
class Exact:
    """1 when the normal forms of answer and reference are the same text, else 0.

    The options are applied in the order of the attributes. Those from ``ignore_patterns`` to ``ignore_numbers`` mean
    what they mean to the ``exact_match`` of lm-evaluation-harness.

    Attributes:
        ignore_typography: Compare composed characters, the digits 0 to 9, straight quotes, plain hyphens and spaces.
        ignore_patterns: Regular expressions whose matches are removed, one after another.
        ignore_case: Compare in lower case.
        ignore_punctuation: Remove ASCII punctuation.
        ignore_numbers: Remove ASCII digits.
        ignore_articles: Remove the words a, an and the.
        ignore_spaces: Make every run of white space one space.
        separator: Splits a reference into accepted answers ("colour|color"); a reference that is a JSON list of
            texts is one without it.
    """

    ignore_typography: bool = True
    ignore_patterns: tuple[str, ...] = ()
    ignore_case: bool = False
    ignore_punctuation: bool = False
    ignore_numbers: bool = False
    ignore_articles: bool = False
    ignore_spaces: bool = True
    separator: str = ""

    def __post_init__(self) -> None:
        for pattern in self.ignore_patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise InvalidInputError(f"ignore_patterns: '{pattern}' is not a regular expression: {error}") from None

    def normal_form(self, answer: str) -> str | None:
        """Return the text that is compared; None when nothing is left of it."""
        text = (plain(answer) if self.ignore_typography else answer).strip()
        for pattern in self.ignore_patterns:
            text = re.sub(pattern, "", text)
        if self.ignore_case:
            text = text.lower()
        text = text.translate(self._removed)
        if self.ignore_articles:
            text = re.sub(r"\b(a|an|the)\b", " ", text, flags=re.IGNORECASE)
        if self.ignore_spaces:
            text = " ".join(text.split())
        return text or None

    def score(self, answer: str, example: Example) -> float:
        """Return 1.0 when the answer is one of those accepted, else 0.0."""
        return float(any(answer == self.normal_form(one) for one in accepted(example.reference, self.separator)))

    def ideal(self, reference: str) -> str:
        """Return the first accepted answer."""
        return accepted(reference, self.separator)[0]

    @cached_property
    def _removed(self) -> dict[int, None]:
        characters = string.punctuation * self.ignore_punctuation + string.digits * self.ignore_numbers
        return {ord(character): None for character in characters}


def accepted(reference: str, separator: str) -> list[str]:
    """Return the answers that a reference accepts, at least one: what a separator splits, or a JSON list of texts."""
    if separator:
        return reference.split(separator)
    if reference.startswith("["):
        try:
            found = json.loads(reference)
        except (ValueError, RecursionError):
            return [reference]
        if isinstance(found, list) and found and all(isinstance(one, str) for one in found):
            return found
    return [reference]


@dataclass(frozen=True, kw_only=True)
class Number:
    """1 when the answer is the reference's number within a tolerance, else 0.

    Currency, unit, percent sign, emphasis and the marks of thousands do not matter: "$18.00", "**18**" and
    "18 dollars" are one vote (numbers.py).

    Attributes:
        relative_tolerance: Largest accepted difference as a share of the reference.
        absolute_tolerance: Largest accepted difference.
        decimal_mark: How a mark is read where it could be either: 1,234 is more than a thousand with ``.``, the
            default, and little more than one with ``,``.
    """

    relative_tolerance: float = 1e-9
    absolute_tolerance: float = 0.0
    decimal_mark: DecimalMark = "."

    def normal_form(self, answer: str) -> str | None:
        """Return the number in its shortest plain form, or None for a text that is no finite number."""
        value = numbers.read(answer, self.decimal_mark)
        return None if value is None else numbers.written(value)

    def score(self, answer: str, example: Example) -> float:
        """Return 1.0 within the tolerance, else 0.0."""
        right = numbers.read(example.reference, self.decimal_mark)
        if right is None:
            return 0.0
        # Decimal, for 3.1 is within 0.1 of 3.
        tolerance = max(Decimal(str(self.absolute_tolerance)), Decimal(str(self.relative_tolerance)) * abs(right))
        return float(abs(Decimal(answer) - right) <= tolerance)

    def ideal(self, reference: str) -> str:
        """Return the reference."""
        return reference
