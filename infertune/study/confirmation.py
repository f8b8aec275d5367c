"""The confirmation: two configurations on the examples of ``confirm``, as many as there are or the budget buys.

How far it goes depends on what it costs and never on what was scored, so that its intervals hold as they would for a
number of examples that was fixed beforehand. First come more examples. When all are there, further samples of each
take luck out of their scores: a vote among n is then expected over all ways to draw n of what is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from infertune.errors import BudgetError, EngineError
from infertune.evaluation.evaluator import Evaluator
from infertune.evaluation.parts import Part, evaluated, orders
from infertune.selection.select import on_common_examples
from infertune.selection.verdict import Verdict
from infertune.space.default_space import sampled
from infertune.space.names import N
from infertune.strategies.prompt_bill import n_prompts
from infertune.study.context import SearchContext
from infertune.study.finals import RESERVE
from infertune.study.plan import CONFIRM_SHARE
from infertune.study.trial_log import TrialLog
from infertune.types import Configuration
from infertune.types.evidence import Candidate

USUAL_SAMPLES = 9  # that are held back for, of each example of either configuration
FEW_SAMPLES = 4  # more of some examples, where there is no room for one more of all
MOST_MORE = 31  # samples than n, of an example


@dataclass(frozen=True, slots=True)
class ConfirmationStep:
    """What the confirmation holds after a purchase, and what the study had paid for its requests before, in tokens."""

    parts: tuple[Part, ...]
    paid_before: int = 0


def held(log: TrialLog) -> tuple[Part, ...]:
    """Return what the confirmation of a study's log holds in the end; nothing where there was none."""
    known = log.noted("confirm")
    parts = known["steps"][-1][0] if known is not None and known["steps"] else ()
    return tuple(Part(*part) for part in parts)


class Confirmation:
    """Buys and evaluates the confirmation of one study.

    Args:
        evaluator: Of ``confirm``.
        given: The study's circumstances.
    """

    def __init__(self, evaluator: Evaluator, given: SearchContext) -> None:
        self._evaluator = evaluator
        self._n_examples = len(evaluator.examples)
        self._given = given

    def reserve(self, pair: Sequence[Candidate]) -> float:
        """Return the share of the budget to hold back for two configurations, judging by what they cost elsewhere.

        Args:
            pair: Those that are known of the two.
        """
        price = self._given.price
        share = (2 - len(pair)) * self._n_examples * price(USUAL_SAMPLES)
        for each in pair:
            n = int(each.configuration[N])
            sample = self._given.sample_of(each.cost_tokens, n)
            n_wanted = max(USUAL_SAMPLES, n) if sampled(each.configuration) else n
            more = price(n_wanted, sample_tokens=sample) - price(n, sample_tokens=sample)
            share += self._n_examples * (self._given.share_of(each.cost_tokens, n) + more)
        return min(RESERVE * share, CONFIRM_SHARE)

    def run(self, pair: Sequence[Candidate]) -> list[Candidate]:
        """Return the two configurations on the same examples; a pair of one is that one.

        Raises:
            BudgetError: The budget is spent.
            EngineError: No example was answered under both.
        """
        configurations = [each.configuration for each in pair]
        steps = self._steps(configurations)
        at = 0
        while at < len(steps) or self._extend(steps, pair):
            self._buy(configurations, steps[at])
            at += 1
        if not steps:
            twice = self._given.budget.times(2)
            raise BudgetError(f"the budget must leave room for a confirmation, but is spent; try {twice}")
        found = [evaluated(self._evaluator, each, steps[-1].parts) for each in configurations]
        answered = [each for each in found if each is not None]
        if len(answered) < len(pair):
            raise EngineError("no example of the confirmation was answered")
        return on_common_examples(answered)

    def budget_to_decide(self, verdict: Verdict, n_examples: int) -> float | None:
        """Return how many times this budget would about decide, where further examples of the task would.

        Args:
            verdict: On ``n_examples`` examples.
            n_examples: So many.
        """
        n_more = verdict.examples_to_decide
        if n_more is None or n_more > self._n_examples - n_examples:
            return None
        pair = self._given.share_of(verdict.seen.cost_tokens) + self._given.share_of(verdict.default.cost_tokens)
        return max(1 + n_more * pair, (n_examples + n_more) * pair / CONFIRM_SHARE)

    def _steps(self, configurations: Sequence[Configuration]) -> list[ConfirmationStep]:
        """Return what was decided of this pair before, which may be paid for."""
        known = self._given.log.noted("confirm")
        if known is None or known["configurations"] != [dict(each) for each in configurations]:
            return []
        return [ConfirmationStep(tuple(Part(*part) for part in parts), paid) for parts, paid in known["steps"]]

    def _extend(self, steps: list[ConfirmationStep], pair: Sequence[Candidate]) -> bool:
        """Decide on one more purchase and note it; return whether the budget has room for one."""
        account = self._given.account
        last = steps[-1] if steps else ConfirmationStep((Part(0),))
        prices = self._prices(pair, last.parts)
        left = (1.0 - account.share_used) / RESERVE
        if steps:
            # A server may bill more than it tells, such as the prompt once for every sample: so the last step showed.
            before = steps[-2].parts if len(steps) > 1 else (Part(0),)
            paid = self._paid_for(pair, last.parts) - last.paid_before
            left /= max(paid / max(prices.tokens(before, last.parts), 1.0), 1.0)
        parts = self._next(last.parts, prices, left)
        if parts is None:
            return False
        steps.append(ConfirmationStep(parts, self._paid_for(pair, parts)))
        noted = [[[[part.n_examples, part.n_more] for part in each.parts], each.paid_before] for each in steps]
        self._given.log.note(
            "confirm", {"configurations": [dict(each.configuration) for each in pair], "steps": noted}
        )
        return True

    def _next(self, last: tuple[Part, ...], prices: "_Prices", left: float) -> tuple[Part, ...] | None:
        """Return what a share of the budget still buys; None where that is nothing."""
        n_examples, n_had = last[0].n_examples, last[0].n_more
        n_left = self._n_examples - sum(part.n_examples for part in last)
        share = self._given.account.share_of
        if n_left:
            whole = share(*prices.whole)
            n_new = min(int(left / whole) or int(left * RESERVE / whole), n_left)
            return (Part(n_examples + n_new),) if n_new > 0 else None
        if not sum(prices.sample) or len(last) > 1:
            return None
        again, sample = share(prices.again, 0.0), share(*prices.sample)
        most = MOST_MORE if n_had else FEW_SAMPLES  # the first step shows what further samples are billed
        n_more = min(int((left / n_examples - again) / sample), most - n_had)
        if n_more > 0:
            return (Part(n_examples, n_had + n_more),)
        n_deeper = int(left / (again + FEW_SAMPLES * sample))  # no room for one more sample of all
        deeper = Part(n_deeper, n_had + FEW_SAMPLES), Part(n_examples - n_deeper, n_had)
        return deeper if 0 < n_deeper and n_had + FEW_SAMPLES <= MOST_MORE else None

    def _prices(self, pair: Sequence[Candidate], last: tuple[Part, ...]) -> "_Prices":
        lengths = [(each, *self._lengths(each, last)) for each in pair]
        n = {each.configuration: int(each.configuration[N]) for each in pair}
        hot = [(prompt, sample) for each, prompt, sample in lengths if sampled(each.configuration)]
        per_prompt = self._given.account.samples_per_prompt
        whole = [
            (n_prompts(n_bought, per_prompt) * prompt, n_bought * sample)
            for each, prompt, sample in lengths
            for n_bought in [n[each.configuration] if sampled(each.configuration) else 1]
        ]
        again = sum(prompt for prompt, _ in hot)
        return _Prices(
            whole=(sum(prompt for prompt, _ in whole), sum(sample for _, sample in whole)),
            again=0.0 if per_prompt == 1 else again,
            sample=(again / per_prompt if per_prompt else 0.0, sum(sample for _, sample in hot)),
        )

    def _lengths(self, candidate: Candidate, last: tuple[Part, ...]) -> tuple[float, float]:
        """Return the mean tokens of a prompt and of a sample, of this confirmation where there is some of it."""
        asked = orders(self._evaluator, candidate.configuration, last)
        answered = [each for order in asked for each in self._evaluator.responses(order) if each.generations]
        if answered:
            n_samples = sum(len(each.generations) for each in answered)
            prompt = sum(each.prompt_tokens for each in answered) / len(answered)
            return prompt, sum(each.completion_tokens for each in answered) / n_samples
        n = int(candidate.configuration[N])
        prompts = n_prompts(n, self._given.account.samples_per_prompt)
        prompt = min(self._given.prompt_tokens, (candidate.cost_tokens - n) / prompts)
        return prompt, (candidate.cost_tokens - prompts * prompt) / n

    def _paid_for(self, pair: Sequence[Candidate], parts: tuple[Part, ...]) -> int:
        """Return what the study has paid for both on some examples; a search that went on since is none of it."""
        requests = [
            request
            for each in pair
            for order in orders(self._evaluator, each.configuration, parts)
            for request in self._evaluator.requests(order)
        ]
        return self._given.account.paid_for(requests).tokens

    def _buy(self, configurations: Sequence[Configuration], step: ConfirmationStep) -> None:
        queues = [orders(self._evaluator, each, step.parts) for each in configurations]
        self._evaluator.buy([order for part in zip(*queues, strict=True) for order in part])


@dataclass(frozen=True, slots=True)
class _Prices:
    """Tokens of an example, of both configurations together.

    Attributes:
        whole: Prompt and completion tokens with n samples.
        again: Prompt tokens of asking for more samples, however many.
        sample: Prompt and completion tokens of one more sample.
    """

    whole: tuple[float, float]
    again: float
    sample: tuple[float, float]

    def tokens(self, before: tuple[Part, ...], after: tuple[Part, ...]) -> float:
        """Return what a purchase should cost."""
        n_before, n_after = (sum(part.n_examples for part in parts) for parts in (before, after))
        samples = sum(part.n_examples * part.n_more for part in after)
        samples -= sum(part.n_examples * part.n_more for part in before)
        asked = sum(part.n_examples for part in after if part.n_more > before[0].n_more)
        return (n_after - n_before) * sum(self.whole) + asked * self.again + samples * sum(self.sample)
