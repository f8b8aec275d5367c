"""The budget split: what a trial is, how many examples the finals compare, and what is held back from the search.

The search takes what finals and confirmation do not need. What these need is reckoned anew before each step of the
search, from what is in the bank by then (`infertune.study.finals`, `infertune.study.confirmation`);
here are only the caps on it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from infertune.errors import BudgetError
from infertune.strategies.prompt_bill import n_prompts

TARGET_TRIALS = 24  # fewer leave most prompts untried; more examples are then worth less than more trials
MIN_EXAMPLES = 24  # below this one example is worth over 4 points, and trials mostly measure luck
FLOOR_EXAMPLES = 8  # a budget that cannot buy this many for a few trials cannot buy an answer
MAX_EXAMPLES = 64
MIN_TRIALS = 4  # one round
CONFIRM_SHARE = 0.25  # most of a budget that is held back for the confirmation
FINALS_SHARE = 0.20  # likewise for the finals
N_FINALISTS = 6
N_COMPARED = 4  # of the finalists: for fewer than these, examples are given up
COST_SLACK = 1.25  # how far above a cost cap a few examples may seem to be: they say little about the mean of all
LEAST_KEPT = 36  # with fewer examples that are new to the finalists, the bound on regret says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the pilot's measurement of length makes of the budget.

    Attributes:
        n_examples: ``tune`` examples of each trial.
        n_samples: Stored samples of each example; larger n are left out of the search.
        n_finals: ``tune`` examples on which the finals compare; it never falls as the budget grows.
        n_kept: The last ``tune`` examples, so many, are kept from an allocator for the finals: examples that had no
            say in choosing the finalists flatter none of them.
        search_until: Share of the budget at which the search ends in any case.
    """

    n_examples: int
    n_samples: int
    n_finals: int
    n_kept: int
    search_until: float


def plan(
    *,
    budget_tokens: float,
    prompt_tokens: float,
    sample_tokens: float,
    n_choices: Sequence[int],
    n_tune: int,
    n_confirm: int,
    pilot_tokens: float = 0.0,
    samples_per_prompt: int | None = None,
) -> Plan:
    """Split a budget.

    The largest n that still leaves TARGET_TRIALS trials of MIN_EXAMPLES examples is chosen: stored samples answer
    every smaller n for nothing. A budget too small for that gives up large n first, then trials, then examples.

    Args:
        budget_tokens: The budget, in tokens or their equivalent.
        prompt_tokens: Mean prompt tokens of a request, over the templates.
        sample_tokens: Mean completion tokens of a sample.
        n_choices: The values of ``strategy.n`` worth buying.
        n_tune: Size of the ``tune`` split; n_confirm likewise.
        pilot_tokens: What the pilot, and a look at the server before it, took of the budget.
        samples_per_prompt: As in `n_prompts`.

    Raises:
        BudgetError: Not even MIN_TRIALS trials of FLOOR_EXAMPLES single samples can be bought.
    """

    def example_tokens(n: int) -> float:
        return n_prompts(n, samples_per_prompt) * prompt_tokens + n * sample_tokens

    def search_share(n: int) -> float:
        confirm = min(CONFIRM_SHARE, 2 * n_confirm * example_tokens(n) / budget_tokens)
        finals = min(FINALS_SHARE, N_FINALISTS * n_tune * example_tokens(n) / budget_tokens)
        return max(1 - confirm - finals - pilot_tokens / budget_tokens, 0.0)

    def examples_per_trial(n: int, n_trials: int) -> int:
        return int(search_share(n) * budget_tokens / (n_trials * example_tokens(n)))

    wanted = min(MIN_EXAMPLES, n_tune)
    rising = sorted(n_choices)
    n_samples = max((n for n in rising if examples_per_trial(n, TARGET_TRIALS) >= wanted), default=rising[0])
    n_examples = examples_per_trial(n_samples, TARGET_TRIALS)
    if n_examples < wanted:
        n_examples = max(n_examples, min(FLOOR_EXAMPLES, n_tune))
        if examples_per_trial(n_samples, MIN_TRIALS) < n_examples:
            needed = MIN_TRIALS * n_examples * example_tokens(n_samples) / (1 - CONFIRM_SHARE - FINALS_SHARE)
            needed = math.ceil(needed + pilot_tokens / (1 - CONFIRM_SHARE - FINALS_SHARE))
            raise BudgetError(
                f"the budget must buy {MIN_TRIALS} trials of {n_examples} examples and a confirmation, about "
                f"{needed:,} tokens at {example_tokens(n_samples):.0f} a request and {pilot_tokens:,.0f} before the "
                f"search, but it is {budget_tokens:,.0f}"
            )
    prices = [example_tokens(n) for n in rising if n <= n_samples]
    turning = [
        _least_budget(
            pilot_tokens + TARGET_TRIALS * wanted * price, 2 * n_confirm * price, N_FINALISTS * n_tune * price
        )
        for price in prices[1:]
    ]
    n_finals = _finals_examples(budget_tokens, prices, turning, n_tune)
    n_kept = min(n_finals, n_tune // 3)
    return Plan(
        n_examples=min(n_examples, MAX_EXAMPLES, n_tune),
        n_samples=n_samples,
        n_finals=n_finals,
        n_kept=n_kept if n_kept >= LEAST_KEPT else 0,
        search_until=1 - min(CONFIRM_SHARE, 2 * n_confirm * example_tokens(n_samples) / budget_tokens),
    )


def _least_budget(search: float, confirm: float, finals: float) -> float:
    """Return the least budget that leaves so much to the search; the others take their share, or less if they can."""
    return min(
        search / (1 - CONFIRM_SHARE - FINALS_SHARE),
        (search + confirm) / (1 - FINALS_SHARE),
        (search + finals) / (1 - CONFIRM_SHARE),
        search + confirm + finals,
    )


def _finals_examples(budget_tokens: float, prices: Sequence[float], turning: Sequence[float], n_tune: int) -> int:
    """Return the examples of the finals.

    It is what the finals' share buys of a few finalists with all samples. Where a larger budget is put into a larger
    n, that would be fewer: so it is never less than at the largest budget at which the smaller n was chosen.

    Args:
        budget_tokens: The budget.
        prices: Tokens of an example with each n up to the chosen one.
        turning: The least budget at which each n but the first is chosen.
        n_tune: Size of the ``tune`` split.
    """
    share = FINALS_SHARE / N_COMPARED
    found = max(share * budget / price for budget, price in zip([*turning, budget_tokens], prices, strict=True))
    return min(max(math.floor(found), FLOOR_EXAMPLES), n_tune)
