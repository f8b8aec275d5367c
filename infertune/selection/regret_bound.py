"""How far the recommendation may fall short of the best of what was tried: a margin with a stated risk.

The trouble is that the same examples choose the configurations, the finalists and the recommendation. So each part of
a comparison rests on examples that had no say in choosing what it is about; docs/statistics.md has the argument.

- *Finalists.* They were chosen on the search's examples; the others of the finals had no say in it. On these, whoever
  is best among the finalists was fixed before, so that only the recommendation, which they did help to choose, needs a
  share of the risk for each one that it could have been (as in Hsu's multiple comparisons with the best, 1984).
- *The rest of what was tried* has only the search's examples, on which every proposal after the first round depends.
  A bound must then hold for all that could have been proposed, which is the whole space. It is compared to a lower
  bound of the recommended configuration on ``confirm``, which had no say in anything.

The bounds are of `infertune.statistics.confidence_sequence`: for scores of any law in [0, 1], and for any
number of examples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.selection.select import affordable
from infertune.statistics.confidence_sequence import lower_bounds, upper_bounds
from infertune.types.evidence import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """The recommended configuration is within this of the best of some others.

    Attributes:
        within: In utility, from 0 to 1.
        n_candidates: Of how many complete configurations, itself among them.
        n_examples: The fewest on which any of them was compared; 0 where there was no other and nothing to compare.
    """

    within: float
    n_candidates: int
    n_examples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegretBound:
    """Two margins; each fails to hold in a share of ``1 - confidence`` of all studies at most.

    Attributes:
        confidence: Of each margin for itself, in (0, 1).
        finalists: Beside all of the finals; None where the search has seen all examples of the finals.
        tried: Beside all that was tried; None where the space has a continuous parameter.
    """

    confidence: float
    finalists: Margin | None
    tried: Margin | None


def promise(
    recommended: Candidate,
    *,
    compared: Sequence[Candidate],
    explored: Sequence[Candidate],
    confirmed: Candidate,
    n_planned: int,
    n_possible: float,
    max_cost_tokens: float | None = None,
    confidence: float = 0.95,
) -> RegretBound:
    """Return what can be promised of a recommendation.

    *Best* is the highest mean utility over all examples there could be. With a cost cap only those count that kept it
    on the search's examples, so that which ones count was fixed before the finals.

    Args:
        recommended: One of ``compared``.
        compared: Everything in the finals, on common examples.
        explored: Everything that was tried, on the examples that the search had when it chose the finalists.
        confirmed: The recommended configuration on examples that nothing else has seen.
        n_planned: The number of examples of a trial for which the bounds are made tightest: fixed before any was seen,
            for a search may end a trial, or go on with it, by its scores.
        n_possible: How many complete configurations could have been tried; infinite in a continuous space.
        max_cost_tokens: The cap, in mean tokens per request.
        confidence: Of each margin.
    """
    risk = 1 - confidence
    within_cap = affordable(explored, max_cost_tokens)
    kept = {candidate.configuration for candidate in within_cap}
    rivals = [c for c in compared if c.configuration in kept and c is not recommended]
    searched = {example_id for candidate in explored for example_id in candidate.example_ids}
    fresh = [i for i, example_id in enumerate(recommended.example_ids) if example_id not in searched]

    def lead(share: float) -> float:
        return _lead(recommended, rivals, fresh, risk=share * risk / len(compared))

    finalists = tried = None
    if fresh:
        finalists = Margin(within=lead(1.0), n_candidates=len(rivals) + 1, n_examples=len(fresh))
    if math.isfinite(n_possible):
        in_finals = {c.configuration for c in compared} if fresh else {recommended.configuration}
        others = [candidate for candidate in within_cap if candidate.configuration not in in_finals]
        share = 0.25 if fresh else 0.5  # of the risk, for either of the two bounds beside the finals'
        gap = _gap(others, confirmed, risk=share * risk, n_planned=n_planned, n_possible=n_possible)
        tried = Margin(
            within=max(gap, lead(0.5)) if fresh else gap,
            n_candidates=len(kept | {recommended.configuration}),
            n_examples=min([len(c.example_ids) for c in others] + [len(fresh)] * bool(fresh), default=0),
        )
    return RegretBound(confidence=confidence, finalists=finalists, tried=tried)


def _lead(recommended: Candidate, rivals: Sequence[Candidate], fresh: Sequence[int], *, risk: float) -> float:
    """Return by how much the best of the rivals may lead, with example against example."""
    if not rivals:
        return 0.0
    # Many replay choices score alike on all of them: each row is bounded once.
    rows = np.unique(np.array([rival.scores[fresh] - recommended.scores[fresh] for rival in rivals]), axis=0)
    return max(0.0, float(upper_bounds(rows, risk=risk, n_planned=len(fresh), lowest=-1.0).max()))


def _gap(
    others: Sequence[Candidate], confirmed: Candidate, *, risk: float, n_planned: int, n_possible: float
) -> float:
    """Return by how much the best of the others may lead, each with its own examples."""
    if not others:
        return 0.0
    n_confirmed = len(confirmed.scores)
    # Which of two configurations is recommended may have been decided on these examples.
    least = float(lower_bounds(confirmed.scores[None], risk=risk / 2, n_planned=n_confirmed)[0])
    most = 0.0
    for n_examples in {len(candidate.scores) for candidate in others}:
        rows = np.unique(np.array([c.scores for c in others if len(c.scores) == n_examples]), axis=0)
        most = max(most, float(upper_bounds(rows, risk=risk / n_possible, n_planned=n_planned).max()))
    return max(0.0, most - least)
