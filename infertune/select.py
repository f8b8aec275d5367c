"""Chooses among evaluated configurations: the front, the best, and the cheapest not distinguishable from it."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from infertune.errors import BudgetError, EngineError
from infertune.evaluate import Candidate
from infertune.space import Configuration
from infertune.stats import Interval, examples_to_decide, mean_interval, paired_difference, pareto_front

SAME_COST = 1.05  # lengths are estimates too: a few percent of tokens are no reason to give up utility


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the search's own evidence says; the figures are of ``tune`` and flatter the best by its luck.

    Attributes:
        best: Highest mean utility within the cost cap.
        recommended: The cheapest, within 5%, whose paired difference to ``best`` has an interval that reaches 0.
        front: Nondominated candidates, cheapest first.
        n_indistinguishable: How many candidates could not be told from the best.
    """

    best: Candidate
    recommended: Candidate
    front: tuple[Candidate, ...]
    n_indistinguishable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The recommendation beside the default on examples that no search has seen.

    Attributes:
        utility: Mean utility of the recommended configuration, with its interval.
        default_utility: The same for the default configuration.
        difference: Recommended minus default, paired by example.
        cost_tokens: Mean tokens per request of the recommended configuration; default_cost_tokens likewise.
        examples_to_decide: About how many more examples would settle the sign of the difference; None when the
            interval already excludes 0, or when no number would (the observed difference is 0).
    """

    utility: Interval
    default_utility: Interval
    difference: Interval
    cost_tokens: float
    default_cost_tokens: float
    examples_to_decide: int | None

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return self.difference.low > 0 or self.difference.high < 0


def front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the nondominated candidates in (tokens per request, utility), cheapest first."""
    costs = np.array([candidate.cost_tokens for candidate in candidates])
    utilities = np.array([candidate.utility for candidate in candidates])
    members = [candidates[int(index)] for index in pareto_front(costs, utilities)]
    return sorted(members, key=lambda candidate: candidate.cost_tokens)


def affordable(candidates: Sequence[Candidate], max_cost_tokens: float | None) -> list[Candidate]:
    """Return the candidates whose mean tokens per request stay within the cap."""
    if max_cost_tokens is None:
        return list(candidates)
    return [candidate for candidate in candidates if candidate.cost_tokens <= max_cost_tokens]


def check_affordable(candidates: Sequence[Candidate], max_cost_tokens: float | None) -> None:
    """Raise BudgetError when none of the candidates keeps the cap."""
    if not affordable(candidates, max_cost_tokens):
        cheapest = min(candidate.cost_tokens for candidate in candidates)
        raise BudgetError(
            f"--max-cost-tokens must be at least what one request costs, but is {max_cost_tokens:g}; "
            f"the cheapest configuration tried takes {cheapest:.0f} tokens per request"
        )


def finalists(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield those most worth another look: in turns the best by utility, and the front from its best down.

    The front's turns see to it that its cheap end is tested as well.
    """
    ranked = sorted(candidates, key=lambda candidate: (-candidate.utility, candidate.cost_tokens))
    for pair in itertools.zip_longest(ranked, reversed(front(candidates))):
        yield from (candidate for candidate in pair if candidate is not None)


def on_common_examples(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates reduced to the examples that all of them have, in the order of the first's.

    Raises:
        EngineError: There is no such example.
    """
    common = set(candidates[0].example_ids).intersection(*(candidate.example_ids for candidate in candidates))
    if not common:
        raise EngineError("no example was answered under every configuration, so nothing can be compared")
    order = [example_id for example_id in candidates[0].example_ids if example_id in common]
    return [_arranged(candidate, order) for candidate in candidates]


def _arranged(candidate: Candidate, example_ids: Sequence[str]) -> Candidate:
    place = {example_id: index for index, example_id in enumerate(candidate.example_ids)}
    keep = [place[example_id] for example_id in example_ids]
    return replace(
        candidate, example_ids=tuple(example_ids), scores=candidate.scores[keep], tokens=candidate.tokens[keep]
    )


def select(
    candidates: Sequence[Candidate], *, default: Configuration, max_cost_tokens: float | None = None
) -> Selection:
    """Choose among candidates that were all evaluated on the same examples.

    Recommended is, of all that the evidence does not tell from the best, the cheapest; among those that cost nearly
    the same (SAME_COST) the one with the highest utility, then the one that changes fewest values of the default.
    """
    within = affordable(candidates, max_cost_tokens)
    check_affordable(candidates, max_cost_tokens)

    def changes(candidate: Candidate) -> int:
        return sum(candidate.configuration.get(name) != value for name, value in default.items())

    best = min(within, key=lambda candidate: (-candidate.utility, candidate.cost_tokens, changes(candidate)))
    equals = [candidate for candidate in within if not _worse(candidate, best)]
    cheap = SAME_COST * min(candidate.cost_tokens for candidate in equals)
    recommended = min(
        (candidate for candidate in equals if candidate.cost_tokens <= cheap),
        key=lambda candidate: (-candidate.utility, candidate.cost_tokens, changes(candidate)),
    )
    return Selection(
        best=best, recommended=recommended, front=tuple(front(candidates)), n_indistinguishable=len(equals)
    )


def confirm(recommended: Candidate, default: Candidate) -> Verdict:
    """Compare the two on the same untouched examples."""
    difference = paired_difference(recommended.scores, default.scores)
    decided = difference.low > 0 or difference.high < 0
    return Verdict(
        utility=mean_interval(recommended.scores),
        default_utility=mean_interval(default.scores),
        difference=difference,
        cost_tokens=recommended.cost_tokens,
        default_cost_tokens=default.cost_tokens,
        examples_to_decide=None if decided else examples_to_decide(recommended.scores, default.scores),
    )


def _worse(candidate: Candidate, best: Candidate) -> bool:
    return candidate is not best and paired_difference(candidate.scores, best.scores).high < 0
