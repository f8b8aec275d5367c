"""How many examples and samples each trial gets, so that a budget buys enough trials and an honest confirmation."""

from collections.abc import Sequence
from dataclasses import dataclass

from infertune.errors import BudgetError

TARGET_TRIALS = 24  # fewer leave most prompts untried; more examples are then worth less than more trials
MIN_EXAMPLES = 24  # below this one example is worth over 4 points, and trials mostly measure luck
FLOOR_EXAMPLES = 8  # a budget that cannot buy this many for a few trials cannot buy an answer
MAX_EXAMPLES = 64
MIN_TRIALS = 4  # one round
CONFIRM_SHARE = 0.25
FINALS_SHARE = 0.20
COST_SLACK = 1.25  # how far above a cost cap a few examples may seem to be: they say little about the mean of all


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the pilot's measurement of length makes of the budget.

    Attributes:
        n_examples: ``tune`` examples of each trial.
        n_samples: Stored samples of each example; larger n are left out of the search.
        search_until: Share of the budget at which nothing further is begun.
        finals_until: Share at which the finals end; the rest is for the confirmation.
        n_finals: The last ``tune`` examples, so many, are kept from an allocator for the finals: examples that had no
            say in choosing the finalists flatter none of them.
    """

    n_examples: int
    n_samples: int
    search_until: float
    finals_until: float
    n_finals: int = 0


def plan(
    *,
    budget_tokens: float,
    prompt_tokens: float,
    sample_tokens: float,
    n_choices: Sequence[int],
    n_tune: int,
    n_confirm: int,
    n_finalists: int,
) -> Plan:
    """Divide a budget between search, finals and confirmation.

    The largest n that still leaves TARGET_TRIALS trials of MIN_EXAMPLES examples is chosen: stored samples answer
    every smaller n for nothing. A budget too small for that gives up large n first, then trials, then examples.

    Args:
        budget_tokens: The budget, in tokens or their equivalent.
        prompt_tokens: Mean prompt tokens of a request, over the templates.
        sample_tokens: Mean completion tokens of a sample.
        n_choices: The values of ``strategy.n`` worth buying.
        n_tune: Size of the ``tune`` split; n_confirm likewise.
        n_finalists: How many configurations the finals compare.

    Raises:
        BudgetError: Not even MIN_TRIALS trials of FLOOR_EXAMPLES single samples can be bought.
    """

    def example_tokens(n: int) -> float:
        return prompt_tokens + n * sample_tokens

    def divide(n: int, n_known: int = 0) -> tuple[float, float]:
        """Return search_until and finals_until; ``n_known`` examples of a finalist are its trial's already."""
        confirm = min(CONFIRM_SHARE, 1.2 * 2 * n_confirm * example_tokens(n) / budget_tokens)
        finals = min(FINALS_SHARE, n_finalists * (n_tune - n_known) * example_tokens(n) / budget_tokens)
        return 1 - confirm - finals, 1 - confirm

    def examples_per_trial(n: int, n_trials: int) -> int:
        return int(divide(n)[0] * budget_tokens / (n_trials * example_tokens(n)))

    smallest = min(n_choices)
    n_samples = next(
        (
            n
            for n in sorted(n_choices, reverse=True)
            if examples_per_trial(n, TARGET_TRIALS) >= min(MIN_EXAMPLES, n_tune)
        ),
        smallest,
    )
    n_examples = examples_per_trial(n_samples, TARGET_TRIALS)
    if n_examples < min(MIN_EXAMPLES, n_tune):
        n_examples = max(n_examples, min(FLOOR_EXAMPLES, n_tune))
        if examples_per_trial(n_samples, MIN_TRIALS) < n_examples:
            needed = MIN_TRIALS * n_examples * example_tokens(n_samples) / divide(n_samples)[0]
            raise BudgetError(
                f"the budget must buy {MIN_TRIALS} trials of {n_examples} examples and a confirmation, about "
                f"{needed:,.0f} tokens at {example_tokens(n_samples):.0f} a request, but it is {budget_tokens:,.0f}"
            )
    n_examples = min(n_examples, MAX_EXAMPLES, n_tune)
    search_until, finals_until = divide(n_samples, n_examples)
    return Plan(
        n_examples=n_examples,
        n_samples=n_samples,
        search_until=search_until,
        finals_until=finals_until,
        n_finals=min(
            int((finals_until - search_until) * budget_tokens / (n_finalists * example_tokens(n_samples))),
            n_tune // 3,
        ),
    )
