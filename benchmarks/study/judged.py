"""What a user reads from a recommendation: the one place here that knows how it is built."""

from dataclasses import dataclass
from typing import Literal

from infertune.recommendation import Recommendation
from infertune.space import Configuration
from infertune.stats import Interval

Verdict = Literal["clear", "keep", "undecided", "worse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The answer of a study in the benchmark's own words.

    Attributes:
        configuration: What is recommended.
        verdict: `clear`: it beats the default; `worse`: it loses to it; `keep`: it is the default; or `undecided`.
        utility: Of the recommended configuration on `confirm`; `difference` to the default's.
        n_finals: Examples on which the finalists were compared; `n_confirm` of the confirmation.
        compared: Complete configurations that the answer was chosen from, as far as the answer tells.
        seen_better: Whether the search's own evidence had one that beats the default.
        spent_tokens: Of the budget.
    """

    configuration: Configuration
    verdict: Verdict
    utility: Interval
    difference: Interval
    n_finals: int
    n_confirm: int
    compared: tuple[Configuration, ...]
    seen_better: bool
    spent_tokens: int


def judged(found: Recommendation) -> Judged:
    """Read a recommendation."""
    selection, verdict = found.selection, found.verdict
    recommended = selection.recommended.configuration
    # The best is the best within the cap; a default that is not on the front is beaten by one that is.
    by_default = [each.utility for each in selection.front if each.configuration == found.default]
    best = selection.best
    seen_better = best.configuration != found.default and not (by_default and by_default[0] >= best.utility)
    compared = [each.configuration for each in (*selection.front, best, selection.recommended)]
    return Judged(
        configuration=recommended,
        verdict=_verdict(recommended, found.default, verdict.difference),
        utility=verdict.utility,
        difference=verdict.difference,
        n_finals=found.n_tune,
        n_confirm=verdict.utility.n,
        compared=tuple(dict.fromkeys(compared)),
        seen_better=seen_better,
        spent_tokens=found.spent.tokens,
    )


def _verdict(recommended: Configuration, default: Configuration, difference: Interval) -> Verdict:
    if recommended == default:
        return "keep"
    if difference.low > 0:
        return "clear"
    return "worse" if difference.high < 0 else "undecided"
