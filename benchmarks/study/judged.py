"""What a user reads from a recommendation: the one place here that knows how it is built."""

from dataclasses import dataclass
from typing import Literal

from infertune.selection.recommendation import Recommendation
from infertune.statistics.intervals import Interval
from infertune.types import Configuration

Verdict = Literal["clear", "keep", "undecided"]
_WORDS: dict[str, Verdict] = {"clear winner": "clear", "keep the default": "keep", "undecided": "undecided"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The answer of a study in the benchmark's own words.

    Attributes:
        configuration: What is recommended.
        seen: The best that was seen, which is compared with the default on `confirm`.
        verdict: `clear`: it beats the default; `keep`: it does not by more than the margin; or `undecided`.
        utility: Of the recommended configuration on `confirm`.
        difference: Of what was seen to the default's.
        n_finals: Examples on which the finalists were compared; `n_confirm` of the confirmation.
        compared: Complete configurations that the answer was chosen from, as far as the answer tells.
        seen_better: Whether the finals had one that beats the default.
        confirmed: Whether one that is not the default was confirmed beside it.
        spent_tokens: Of the budget.
    """

    configuration: Configuration
    seen: Configuration
    verdict: Verdict
    utility: Interval
    difference: Interval
    n_finals: int
    n_confirm: int
    compared: tuple[Configuration, ...]
    seen_better: bool
    confirmed: bool
    spent_tokens: int


def judged(found: Recommendation) -> Judged:
    """Read a recommendation."""
    # A default that is not on the front is beaten by one that is.
    by_default = [each.utility for each in found.front if each.configuration == found.default]
    best = max(each.utility for each in found.front)
    compared = [*(each.configuration for each in found.front), found.seen, found.recommended]
    return Judged(
        configuration=found.recommended,
        seen=found.seen,
        verdict=_WORDS[found.verdict.kind],
        utility=found.verdict.recommended.utility,
        difference=found.verdict.difference,
        n_finals=found.n_tune,
        n_confirm=found.verdict.difference.n,
        compared=tuple(dict.fromkeys(compared)),
        seen_better=not (by_default and by_default[0] >= best),
        confirmed=found.seen != found.default,
        spent_tokens=found.spent.tokens,
    )
