"""What a search has found so far: the evidence of its orders, in the order in which they landed."""

import math
from collections.abc import Sequence
from dataclasses import replace

from infertune.allocators import Allocator, Offer
from infertune.evaluation.coverage import Coverage
from infertune.space.names import TEMPERATURE
from infertune.strategies.prompt_bill import n_prompts
from infertune.study.context import SearchContext
from infertune.study.logged_trial import LoggedTrial
from infertune.types import Configuration
from infertune.types.evidence import Candidate, Evidence, Order

_PARTS = 16


class Book:
    """Takes in the trials of one study.

    Args:
        given: The study's circumstances.
        allocator: Ranks.

    Attributes:
        orders: All of them, with what failed.
        evidence: Of what was answered.
        failed: Whole orders, or those of their examples, that were not.
        coverage: Of all orders.
    """

    def __init__(self, given: SearchContext, allocator: Allocator) -> None:
        self.orders: list[Order] = []
        self.evidence: list[Evidence] = []
        self.failed: list[Order] = []
        self.coverage = Coverage((), given.evaluator.max_tokens)
        self._given = given
        self._allocator = allocator
        self._pieces: dict[Configuration, list[Evidence]] = {}
        self._known = [(0, 0)]  # pieces of evidence, and failures, after each order
        self._ranking: tuple[int, list[Configuration]] = (0, [])  # with the number of orders that it knows
        self._shortfall: tuple[int, float] = (0, math.inf)  # likewise
        self._paid_tokens = self._expected_tokens = 0.0

    def take(self, trial: LoggedTrial) -> Configuration:
        """Take in a trial; what failed then stays failed, though the finals may have got it since."""
        order = trial.order
        if order is None:  # an earlier infertune wrote it
            n_samples = self._given.plan.n_samples
            configuration = Configuration(trial.configuration)
            order = Order(configuration=configuration, examples=tuple(range(trial.n_planned)), n_samples=n_samples)
        self.orders.append(order)
        self.coverage.add(order)
        answered = tuple(each for each in order.examples if each not in trial.unanswered)
        piece = trial.evidence
        if piece is None and answered:
            piece = self._given.evaluator.evidence(replace(order, examples=answered))
        if missing := set(order.examples).difference(() if piece is None else piece.order.examples):
            failed = tuple(each for each in order.examples if each in missing)
            self.failed.append(replace(order, examples=failed))
        if piece is not None:
            self.evidence.append(piece)
            self._pieces.setdefault(order.configuration, []).append(piece)
            self._paid_tokens += float(piece.tokens.max(axis=0).sum())
            self._expected_tokens += self.expected_tokens(piece.order)
        self._known.append((len(self.evidence), len(self.failed)))
        return order.configuration

    def pooled(self, configuration: Configuration) -> list[Candidate]:
        """Return every replay choice of a configuration, with all that is known of it."""
        pieces = self._pieces.get(configuration)
        return self._given.evaluator.pooled(pieces) if pieces else []

    def expected_tokens(self, order: Order) -> float:
        """Return what an order takes if its answers are as the pilot's."""
        n = _n_asked(order)
        prompts = n_prompts(n, self._given.account.samples_per_prompt)
        return len(order.examples) * (prompts * self._given.prompt_tokens + n * self._given.sample_tokens)

    def expected_share(self, order: Order) -> float:
        """Return the share of the budget that an order will take, if it is to the pilot as those so far were."""
        longer = self._paid_tokens / self._expected_tokens if self._expected_tokens else 1.0
        return longer * len(order.examples) * self._given.price(_n_asked(order))

    def offer(self, spent_tokens: float) -> Offer:
        """Return the circumstances of a decision, when the study has spent so many tokens."""
        given = self._given
        return Offer(
            space=given.space,
            n_examples=given.n_tune - given.plan.n_kept,
            n_per_trial=given.plan.n_examples,
            n_choices=given.n_choices,
            cap_tokens=given.cap_tokens,
            budget_tokens=given.account.tokens_worth(given.plan.search_until),
            spent_tokens=spent_tokens,
            seed=given.seed,
            failed=tuple(self.failed),
        )

    @property
    def due(self) -> int:
        """How many orders must be known to what takes long to make: all while they are few, then 15 of 16."""
        n = len(self.orders)
        return n - n % max(1, n // _PARTS)

    def ranking(self, *, to_the_end: bool = False) -> list[Configuration]:
        """Return the allocator's ranking: of late, or of all the evidence; empty without any.

        Which evidence it knows depends on how much there is, and not on when it was asked for.
        """
        n = len(self.orders) if to_the_end else self.due
        if self._ranking[0] != n:
            offer, evidence = self._as_of(n)
            self._ranking = n, self._allocator.ranking(offer, evidence) if evidence else []
        return self._ranking[1]

    @property
    def shortfall(self) -> float:
        """How far the recommended one may fall short, as the allocator believed of late; infinite without evidence."""
        n = self.due
        if self._shortfall[0] != n:
            offer, evidence = self._as_of(n)
            self._shortfall = n, self._allocator.shortfall(offer, evidence)  # type: ignore[attr-defined]
        return self._shortfall[1]

    def _as_of(self, n: int) -> tuple[Offer, Sequence[Evidence]]:
        """Return the circumstances and the evidence when so many orders had landed."""
        n_pieces, n_failed = self._known[n]
        offer = replace(self.offer(self._given.account.spent.tokens), failed=tuple(self.failed[:n_failed]))
        return offer, self.evidence[:n_pieces]

    def believed(self, orders: Sequence[Order]) -> list[Configuration]:
        """Return the ranking with the evidence of further orders, in place of what there is of the same examples."""
        pieces = [self._given.evaluator.evidence(each) for each in orders]
        found = [each for each in pieces if each is not None]
        taken = {each.order.configuration: set(each.order.examples) for each in found}
        earlier = [_without(each, taken.get(each.order.configuration, set())) for each in self.evidence]
        offer = replace(self.offer(self._given.account.spent.tokens), n_examples=self._given.n_tune)
        return self._allocator.ranking(offer, [*(each for each in earlier if each.order.examples), *found])


def n_samples(order: Order) -> int:
    """Return how many samples an order asks for, the greedy ones once."""
    return len(order.examples) * _n_asked(order)


def _n_asked(order: Order) -> int:
    return 1 if order.configuration.get(TEMPERATURE) == 0.0 else order.n_samples


def _without(piece: Evidence, examples: set[int]) -> Evidence:
    """Return the evidence on all but some examples."""
    keep = [at for at, example in enumerate(piece.order.examples) if example not in examples]
    if len(keep) == len(piece.order.examples):
        return piece
    return Evidence(
        order=replace(piece.order, examples=tuple(piece.order.examples[at] for at in keep)),
        choices=piece.choices,
        scores=piece.scores[:, keep],
        tokens=piece.tokens[:, keep],
        prompt_tokens=piece.prompt_tokens[keep],
    )
