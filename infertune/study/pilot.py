"""The pilot: a few examples under every template say how long prompts and answers are here, and what a budget buys.

The first requests of all may wait for what happens once: a connection, a compilation, a disk. Of a budget in seconds
the pace is therefore that of the second round; what is spent is counted as ever.
"""

from collections.abc import Sequence

from infertune.budget import Budget
from infertune.errors import BudgetError, EngineError
from infertune.evaluation.evaluator import Evaluator
from infertune.strategies.prompt_bill import n_prompts
from infertune.study.plan import COST_SLACK
from infertune.types import Configuration, Response
from infertune.types.evidence import Order

PILOT_EXAMPLES = 4  # under each template, where there are few
PILOT_REQUESTS = 20  # enough to know the usual length: many templates get fewer examples each
MOST_SAMPLES = 64  # bought to learn what a token costs in seconds or money, where the bank had the first ones


def pilot(
    configurations: Sequence[Configuration],
    evaluator: Evaluator,
    budget: Budget,
) -> list[Response]:
    """Return the answers that a few examples get under each configuration.

    Args:
        configurations: Values of the request tier.
        evaluator: Of the examples of which the first few are taken.
        budget: What a token takes of seconds or money is known only after some were bought, and the bank may have had
            the first ones.

    Raises:
        BudgetError: It was spent before.
        EngineError: None was answered.
    """
    account = evaluator.account
    n_each = min(PILOT_EXAMPLES, max(1, PILOT_REQUESTS // len(configurations)), len(evaluator.examples))
    measures_pace = budget.seconds is not None or budget.money is not None
    n_rounds = 1 if budget.seconds is None else 2
    for n_samples in range(1, MOST_SAMPLES + 1):
        orders = [
            Order(configuration=each, examples=tuple(range(n_each)), n_samples=n_samples) for each in configurations
        ]
        evaluator.buy(orders)
        if not measures_pace or (account.share_used > 0 and n_samples >= n_rounds):
            break
        if n_samples == 1:
            account.start_pace()
    landed = [response for order in orders for response in evaluator.responses(order)]
    answered = [response for response in landed if response.generations]
    if not answered and account.share_used >= 1:
        raise BudgetError(
            f"the budget must leave room for a pilot, but {account.spent.tokens:,} tokens were spent before; try "
            f"{budget.times(5 * account.share_used)}"
        )
    if not answered:
        said = next((response.error for response in landed if response.error), "the budget was spent before")
        raise EngineError(f"no request of the pilot was answered: {said}")
    return answered


def check_cap(answered: Sequence[Response], cap_tokens: float | None) -> None:
    """Refuse a cost cap that the shortest prompt alone breaks: no search can find what keeps it."""
    least = 1 + min(response.prompt_tokens for response in answered)
    if cap_tokens is not None and cap_tokens < least:
        raise BudgetError(
            f"`max_cost_tokens` must be at least what one request costs, but is {cap_tokens:g}; "
            f"the shortest prompt and one token of answer are {least} tokens per request"
        )


def n_worth_buying(
    answered: Sequence[Response],
    choices: Sequence[int],
    cap_tokens: float | None,
    samples_per_prompt: int | None = None,
) -> list[int]:
    """Return the values of n that the cap admits, judging by the shortest answer; at least the smallest."""
    if cap_tokens is None:
        return list(choices)
    shortest = min(answered, key=lambda response: response.prompt_tokens + response.completion_tokens)

    def cost(n: int) -> int:
        return n_prompts(n, samples_per_prompt) * shortest.prompt_tokens + n * shortest.completion_tokens

    return [n for n in choices if cost(n) <= COST_SLACK * cap_tokens] or list(choices[:1])
