"""What a study gives to its search, and what the search ends with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from infertune.budget import Budget
from infertune.evaluation.account import Account
from infertune.evaluation.evaluator import Evaluator
from infertune.space import SearchSpace
from infertune.strategies.prompt_bill import n_prompts
from infertune.study.plan import Plan
from infertune.study.progress import Incumbents
from infertune.study.trial_log import TrialLog
from infertune.types import Configuration
from infertune.types.evidence import Candidate, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchContext:
    """What a study gives to its search.

    Attributes:
        space: The whole search space.
        default: The request tier's values of its default configuration.
        n_tune: Number of examples.
        n_choices: Values of ``strategy.n`` that plan and cap leave, rising.
        cap_tokens: Most tokens per request of what is recommended; None is no limit.
        seed: The study's.
        prompt_tokens: Mean of a request, as the pilot saw it; ``sample_tokens`` of a sample.
        evaluator: Of ``tune``.
        incumbents: Is told what was found, trial by trial.
        reserve: Gives the share of the budget to hold back for finals and confirmation.
    """

    space: SearchSpace
    default: Configuration
    n_tune: int
    n_choices: tuple[int, ...]
    cap_tokens: float | None
    seed: int
    prompt_tokens: float
    sample_tokens: float
    plan: Plan
    budget: Budget
    account: Account
    evaluator: Evaluator
    log: TrialLog
    incumbents: Incumbents
    reserve: "Reserve"

    def limit(self, ranked: Sequence[Configuration], orders: Sequence[Order]) -> float:
        """Return the share of the budget at which the search must have ended, as things stand.

        Args:
            ranked: Values of the request tier, most worth a place in the finals first.
            orders: Everything that was bought.
        """
        return min(self.plan.search_until, 1.0 - self.reserve(self, ranked, orders))

    def price(self, n_samples: int, *, sample_tokens: float | None = None) -> float:
        """Return the share of the budget that a request of so many samples takes.

        Args:
            n_samples: At least 1.
            sample_tokens: Of each; by default as the pilot saw them.
        """
        prompts = n_prompts(n_samples, self.account.samples_per_prompt)
        length = self.sample_tokens if sample_tokens is None else sample_tokens
        return self.account.share_of(prompts * self.prompt_tokens, n_samples * length)

    def sample_of(self, cost_tokens: float, n_samples: int) -> float:
        """Return the tokens of a sample, judging by what a request costs."""
        prompts = n_prompts(n_samples, self.account.samples_per_prompt)
        return max((cost_tokens - prompts * self.prompt_tokens) / n_samples, 1.0)

    def share_of(self, cost_tokens: float, n_samples: int = 1) -> float:
        """Return the share of the budget that a request of so many tokens takes, its usual prompts among them."""
        prompts = n_prompts(n_samples, self.account.samples_per_prompt) * self.prompt_tokens
        return self.account.share_of(prompts, max(cost_tokens - prompts, 0.0))

    def evaluated(self, order: Order) -> list[Candidate]:
        """Return every replay choice on those of the order's examples that were answered; none, where none was."""
        return self.evaluator.candidates(self.evaluator.evidence(order))

    def request_part(self, configuration: Configuration) -> Configuration:
        """Return the request-tier values of a complete configuration."""
        return self.evaluator.request_part(configuration)


Reserve = Callable[[SearchContext, Sequence[Configuration], Sequence[Order]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search ends with.

    Attributes:
        orders: Everything that counts as bought, with what failed.
        ranked: Values of the request tier, most worth a place in the finals first; with repetitions, or empty.
        notes: What the user should know.
        depths: Samples of an example that are of use, of those ranked for which the search knows.
        believed: Gives complete configurations, best first, by the search's own model of all evidence, that of further
            orders included; None for a search without a model.
    """

    orders: tuple[Order, ...]
    ranked: Sequence[Configuration]
    notes: tuple[str, ...]
    depths: Mapping[Configuration, int] = field(default_factory=dict)
    believed: Callable[[Sequence[Order]], Sequence[Configuration]] | None = None
