"""Two engines, each with a decoding, compared on the same examples of ``confirm``.

How much is bought depends on what it costs and never on what was scored. First come examples; when all are there,
further samples of each, which take luck out of the scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infertune.errors import EngineError
from infertune.evaluation.account import Account
from infertune.evaluation.evaluator import Evaluator
from infertune.evaluation.parts import Part, evaluated, orders
from infertune.evaluation.scoring import CachedScorer
from infertune.joint.context import EngineSide, JointContext
from infertune.selection.select import on_common_examples
from infertune.space.names import TEMPERATURE, N
from infertune.study.decisions import decided
from infertune.study.finals import RESERVE
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Candidate

SLACK = 1.01  # costs are means of the same configurations on the same split
MORE_SAMPLES = (0, 4, 8, 15)  # of each example, beside the n of its decoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both sides, in the name of one study.

    Attributes:
        given: The joint search.
        study: Who pays.
        new: Is asked first.
        old: What it has answered to any study is not bought again, nor is what the new one has.
    """

    given: JointContext
    study: str
    new: EngineSide
    old: EngineSide

    def share_to_compare(self) -> float:
        """Return the share of the budget that takes the new side where the old one is, by what that one cost."""
        prompt, sample = self._lengths(self.old)
        n_answered = sum(not n for n in self._lacking(self.old, 0))
        return RESERVE * n_answered * self.given.share_of(prompt, sample * _n_asked(self.new, 0))

    def buy(self, purpose: str, share: float) -> tuple[Part, ...]:
        """Buy what a share of the budget can complete on both sides, and return how far they then go.

        Args:
            purpose: Of the comparison; what was decided for it under this budget is not decided again.
            share: That may be spent now.

        Raises:
            EngineError: One of the engines fails.
        """
        log = self.given.log_of(self.study)
        sides = {"sides": [[dict(side.engine), dict(side.decoding)] for side in (self.new, self.old)]}

        def decide(known: Mapping[str, Any] | None) -> dict[str, Any]:
            return {"parts": [[part.n_examples, part.n_more] for part in self._affordable(share)]}

        made = decided(log, f"parts of {purpose}", self.given.budget, sides, decide)
        parts = tuple(Part(*part) for part in made["parts"])
        for side in (self.new, self.old):
            evaluator = self._evaluator(side)
            try:
                evaluator.buy(orders(evaluator, side.decoding, parts))
            finally:
                log.note("seconds", evaluator.account.seconds)
        return parts

    def compared(self, parts: Sequence[Part]) -> tuple[Candidate, Candidate]:
        """Return both on the examples that both have answered, as configurations of engine and decoding together.

        Raises:
            EngineError: There is no such example.
        """
        both = [each for side in (self.new, self.old) if (each := self._answered(side, parts)) is not None]
        if len(both) < 2:
            raise EngineError("no confirm example was answered under both engines")
        new, old = on_common_examples(both)
        return new, old

    def _affordable(self, share: float) -> list[Part]:
        """Return how far a share of the budget goes."""
        spent = self.given.bank.spent(self.study)
        billed = spent.tokens / max(spent.prompt_tokens + spent.completion_tokens, 1)  # a server may bill more
        left = max(share, 0.0) / (SLACK * max(billed, 1.0)) + 1e-9
        parts: list[Part] = []
        below: FloatArray = np.zeros(len(self.given.task.confirm))
        for n_more in MORE_SAMPLES:
            prices = self._prices(self.new, n_more) + self._prices(self.old, n_more)
            totals = np.cumsum(prices) + below.sum() - np.cumsum(below)  # of so many deeper, the others as they were
            n = int((totals <= left).sum())
            rest = [Part(part.n_examples - n, part.n_more) for part in parts if part.n_examples > n]
            parts = [*([Part(n, n_more)] if n else []), *rest]
            if n < len(prices):
                break
            below = prices
        return parts

    def _prices(self, side: EngineSide, n_more: int) -> FloatArray:
        """Return the share of the budget that each example of ``confirm`` still takes on one side."""
        prompt, sample = self._lengths(side)
        lacking = self._lacking(side, n_more)
        price = {n: self.given.share_of(prompt, n * sample) if n else 0.0 for n in set(lacking)}
        return np.array([price[n] for n in lacking])

    def _lacking(self, side: EngineSide, n_more: int) -> list[int]:
        """Return how many samples of each example the bank lacks."""
        evaluator = self._evaluator(side)
        every = Part(len(self.given.task.confirm), n_more)
        requests = [each for order in orders(evaluator, side.decoding, [every]) for each in evaluator.requests(order)]
        lacking = {each.example_id: len(each.samples) for each in self.given.bank.missing(side.facts, requests)}
        return [lacking.get(example.id, 0) for example in self.given.task.confirm]

    def _lengths(self, side: EngineSide) -> tuple[float, float]:
        """Return the mean tokens of a prompt and of a sample; of a side without any, some more than of the other."""
        for each in (side, self.old, self.new):
            slack = 1.0 if each is side else RESERVE
            evaluator = self._evaluator(each)
            landed = evaluator.responses(evaluator.order(each.decoding))
            if answered := [response for response in landed if response.generations]:
                n_samples = sum(len(response.generations) for response in answered)
                prompt = sum(response.prompt_tokens for response in answered) / len(answered)
                sample = sum(response.completion_tokens for response in answered) / n_samples
                return slack * prompt, slack * sample
        raise EngineError("no confirm example was answered under the default engine")

    def _answered(self, side: EngineSide, parts: Sequence[Part]) -> Candidate | None:
        whole = evaluated(self._evaluator(side), side.decoding, parts)
        return None if whole is None else replace(whole, configuration=whole.configuration.with_values(side.engine))

    def _evaluator(self, side: EngineSide) -> Evaluator:
        given = self.given
        account = Account(
            study=self.study,
            engine=given.engine(side),
            bank=given.bank,
            seconds=given.seconds(self.study),
        )
        scorer = CachedScorer(given.task)
        return Evaluator(
            scorer=scorer, examples=given.task.confirm, space=given.space, account=account, seed=given.seed
        )


def _n_asked(side: EngineSide, n_more: int) -> int:
    """Return the samples of an example: greedy ones are all alike, and further ones of no use."""
    return int(side.decoding[N]) + (n_more if side.decoding.get(TEMPERATURE) != 0.0 else 0)
