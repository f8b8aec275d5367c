"""What the finals say: the front, the best by its posterior, and the simplest or cheapest that is shown as good.

The figures are of ``tune`` and flatter the best by its luck, so a posterior shrinks them. The difference of two
configurations, paired by example, is taken as Gaussian about 0 beforehand, with half the spread of a single score
for its standard deviation, and as one example more in doubt than was seen: equal scores on a few examples are no
proof that two configurations are equal.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from scipy import special

from infertune.errors import BudgetError, EngineError, InvalidInputError, nearest
from infertune.statistics.pareto import pareto_front
from infertune.types import Configuration
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Candidate

MARGIN = 0.02  # of utility: so much less is as good
DOUBT = 0.10  # the greatest chance of being worse than the default by more than the margin
SAME_COST = 1.05  # lengths are estimates too: a few percent of tokens are no reason to give up utility
_PRIOR = 0.5  # standard deviation of a difference beforehand, in spreads of a single score
_UNSEEN = 0.25  # squared difference of the one example more

Preference = Literal["utility", "balanced", "cost"]
PREFERENCES: tuple[Preference, ...] = get_args(Preference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of the recommended configuration.

    Attributes:
        prefer: ``utility``: the best; of those shown as good, the one with the fewest changes. ``balanced``: the
            cheapest of those shown as good as the best. ``cost``: the cheapest of those shown as good as the default.
        max_cost_tokens: Most tokens per request on average; None is no limit.
        min_utility: Least utility; None is no limit.
        min_answered: Least share of examples that get an answer, in [0, 1].
    """

    prefer: Preference = "utility"
    max_cost_tokens: float | None = None
    min_utility: float | None = None
    min_answered: float = 0.98

    def __post_init__(self) -> None:
        if self.prefer not in PREFERENCES:
            raise InvalidInputError(
                f"prefer must be one of {', '.join(PREFERENCES)}, but is '{self.prefer}'"
                f"{nearest(self.prefer, PREFERENCES)}"
            )
        for name, value in (("min_utility", self.min_utility), ("min_answered", self.min_answered)):
            if value is not None and not 0 <= value <= 1:
                raise InvalidInputError(f"{name} must lie between 0 and 1, but is {value:g}")

    def admits(self, candidate: Candidate) -> bool:
        """Whether a configuration keeps the cost cap and answers enough."""
        within = self.max_cost_tokens is None or candidate.cost_tokens <= self.max_cost_tokens
        return within and candidate.answered_share >= self.min_answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """What is believed of a mean difference: a Gaussian.

    Attributes:
        mean: In utility; ``spread`` is its standard deviation, above 0.
    """

    mean: float
    spread: float

    def above(self, value: float) -> float:
        """Return the probability that the difference is above a value."""
        return float(special.ndtr((self.mean - value) / self.spread))

    def joined(self, other: "Posterior") -> "Posterior":
        """Return what is believed of it by this and by independent evidence."""
        mine, its = self.spread**-2, other.spread**-2
        return Posterior(mean=(mine * self.mean + its * other.mean) / (mine + its), spread=(mine + its) ** -0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the finals say, on ``tune``.

    Attributes:
        best: Of those that are admitted, what the search believes to be best, or the highest utility where these
            examples tell that it is better.
        challenger: What is confirmed beside the default, never the default unless nothing else is there.
        default: The default configuration.
        lead: Of the challenger over the default, what is believed.
        front: Nondominated candidates, cheapest first.
        n_as_good: How many candidates are shown as good as the best, itself among them.
        default_admitted: Whether the default keeps the cost cap and answers enough.
    """

    best: Candidate
    challenger: Candidate
    default: Candidate
    lead: Posterior
    front: tuple[Candidate, ...]
    n_as_good: int
    default_admitted: bool


def believed(a: FloatArray, b: FloatArray, *, prior: float | None = None) -> Posterior:
    """Return what is believed of the mean of ``a - b``.

    Args:
        a: Scores in [0, 1] of one configuration; shape ``[n_examples]``.
        b: Scores of the other on the same examples in the same order.
        prior: Standard deviation of the difference beforehand; by default from the spread of the scores, infinity for
            examples that had no say in what is compared.
    """
    difference = np.asarray(a - b, dtype=np.float64)
    n = len(difference)
    mean = float(difference.mean())
    variance = (float(((difference - mean) ** 2).sum()) + _UNSEEN) / n**2
    if prior is None:
        prior = _PRIOR * max(float(np.concatenate([a, b]).std()), 0.05)
    kept = 1.0 if math.isinf(prior) else prior**2 / (prior**2 + variance)
    return Posterior(mean=kept * mean, spread=math.sqrt(kept * variance))


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
            f"`max_cost_tokens` must be at least what one request costs, but is {max_cost_tokens:g}; "
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
        candidate,
        example_ids=tuple(example_ids),
        scores=candidate.scores[keep],
        tokens=candidate.tokens[keep],
        refused=candidate.refused & frozenset(example_ids),
    )


def changes(configuration: Configuration, default: Configuration) -> int:
    """Return how many values a configuration has other than the default's."""
    return sum(configuration.get(name) != value for name, value in default.items())


def select(
    candidates: Sequence[Candidate],
    *,
    default: Configuration,
    wanted: Wanted,
    believed_best: Sequence[Configuration] = (),
) -> Selection:
    """Choose among candidates that were all evaluated on the same examples, the default among them.

    Args:
        candidates: As said.
        default: The default configuration.
        wanted: What is asked of the recommended one.
        believed_best: Complete configurations, best first, by a model of more evidence than these examples; its first
            that can be taken is, unless these examples tell that another is better.

    Raises:
        BudgetError: None of them keeps the cost cap.
    """
    base = next(each for each in candidates if each.configuration == default)
    check_affordable(candidates, wanted.max_cost_tokens)
    admitted = [each for each in candidates if wanted.admits(each)] or affordable(candidates, wanted.max_cost_tokens)
    others = [each for each in admitted if each is not base] or [base]

    def simple(each: Candidate) -> tuple[float, ...]:
        return changes(each.configuration, default), each.cost_tokens, -each.utility

    def cheap(each: Candidate) -> tuple[float, ...]:
        return each.cost_tokens, changes(each.configuration, default), -each.utility

    best = max(others, key=lambda each: (each.utility, -each.cost_tokens, -changes(each.configuration, default)))
    places = {each.configuration: each for each in others}
    first = next((places[each] for each in believed_best if each in places), best)
    if not _told_apart(best, first):
        best = first
    as_good = [each for each in others if each is best or _as_good(each, best)]
    if wanted.min_utility is not None:
        least = wanted.min_utility - base.utility
        enough = [each for each in others if believed(each.scores, base.scores).mean >= least]
        others, as_good = enough or [best], [each for each in as_good if each in enough] or [best]
    if wanted.prefer == "utility":
        challenger = min([each for each in as_good if not _told_apart(best, each)] or as_good, key=simple)
    elif wanted.prefer == "balanced":
        challenger = _cheapest(as_good, cheap)
    else:
        safe = [each for each in others if believed(each.scores, base.scores).above(-MARGIN) >= 1 - DOUBT]
        challenger = _cheapest(safe or as_good, cheap)
    return Selection(
        best=best,
        challenger=challenger,
        default=base,
        lead=believed(challenger.scores, base.scores),
        front=tuple(front(candidates)),
        n_as_good=len(as_good),
        default_admitted=wanted.admits(base),
    )


def _cheapest(candidates: Sequence[Candidate], key: Callable[[Candidate], tuple[float, ...]]) -> Candidate:
    """Return the best of those that cost about as little as the cheapest."""
    limit = SAME_COST * min(each.cost_tokens for each in candidates)
    within = [each for each in candidates if each.cost_tokens <= limit]
    return min(within, key=lambda each: (-each.utility, *key(each)))


def _as_good(candidate: Candidate, best: Candidate) -> bool:
    """Whether a configuration is shown to lose no more than the margin."""
    return believed(candidate.scores, best.scores).above(-MARGIN) >= 1 - DOUBT


def _told_apart(best: Candidate, candidate: Candidate) -> bool:
    return believed(best.scores, candidate.scores).above(0.0) > 1 - DOUBT
