"""Search by an allocator: its orders, bought in waves that keep the engine's batch full.

The orders of a wave are given one after the other, each knowing the earlier ones as pending, noted together, and then
bought together. Evidence is taken in the order of the orders, not in that of arrival, and between two waves nothing is
under way: so a search that goes on after a kill gives the same orders again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infertune.allocators import Allocator, Offer
from infertune.allocators.order_check import check_order
from infertune.evaluation.coverage import Coverage
from infertune.selection.select import affordable, check_affordable
from infertune.space.names import TEMPERATURE, N
from infertune.study.plan import FINALS_SHARE
from infertune.study.rounds import logged
from infertune.study.search import SearchContext, SearchResult
from infertune.study.trial_log import LoggedTrial, order_as_json, order_from_json
from infertune.types import Configuration
from infertune.types.evidence import Candidate, Evidence, Order

WAVE_REQUESTS = 64  # under way at once: what a batch of the engines holds
WAVE_SHARE = 1 / 16  # of the search's budget, for what is decided together is decided with less evidence

NOTHING_WORTH_IT = "the search ended before its share of the budget: nothing more promised to be worth its tokens"
NOTHING_NEW = "the search ended before its share of the budget: all that was still wished for was tried before"


class AllocatorSearch:
    """See the module.

    Args:
        allocator: Decides.
    """

    def __init__(self, allocator: Allocator) -> None:
        self._allocator = allocator

    def run(self, given: SearchContext) -> SearchResult:
        """Buy waves of orders until the budget's share is used, or the allocator has no wish."""
        trials = given.log.trials()
        book = _Book()
        for trial in trials:
            _take(given, book, trial)
        if trials:
            self._show(given, book, [Configuration(trial.configuration) for trial in trials], len(trials))
        while True:
            wave = self._wave(given, book, len(trials))
            if not wave["orders"]:
                notes = [wave["why"]] if wave["why"] else []
                break
            orders = [order_from_json(each) for each in wave["orders"]]
            until = given.plan.search_until
            # The second condition, unlike the first, does not depend on how much was under way at the limit.
            if not given.evaluator.buy(orders, until=until) or given.account.share_used > until:
                notes = ["the budget ended within some orders, which are left out of the answer"]
                break
            for number, order in enumerate(orders, wave["start"]):
                if number < len(trials):
                    continue  # logged before a kill
                trials.append(_logged(given, number, order))
                given.log.append(given.space, trials[-1])
                _take(given, book, trials[-1])
            self._show(given, book, [order.configuration for order in orders], len(trials))
        if book.evidence:
            check_affordable(given.incumbents.candidates, given.cap_tokens)
        depths = self._ranked(given, book)
        return SearchResult(
            orders=tuple(book.orders),
            ranked=list(depths),
            notes=tuple(notes),
            depths=depths,
            believed=lambda orders: self._believed(given, book, orders),
        )

    def _wave(self, given: SearchContext, book: "_Book", n_trials: int) -> dict[str, Any]:
        """Return the wave under way, or decide on the next one and note it; one without orders is the end."""
        limits = [given.budget.tokens, given.budget.seconds, given.budget.money]
        known = given.log.noted("wave")
        if known is not None:
            under_way = known["start"] <= n_trials < known["start"] + len(known["orders"])
            ended = not known["orders"] and known["start"] == n_trials and known["budget"] == limits
            if under_way or ended:
                return dict(known)
        orders, why = self._decide(given, book)
        wave = {"start": n_trials, "orders": [order_as_json(each) for each in orders], "why": why, "budget": limits}
        given.log.note("wave", wave)
        return wave

    def _decide(self, given: SearchContext, book: "_Book") -> tuple[list[Order], str]:
        """Return the next wave, and why it is none where the budget is not the reason."""
        room = given.room(list(self._ranked(given, book)), book.orders)
        if room <= 0:
            return [], ""
        offer = _offer(given, book)
        coverage = Coverage(book.orders, given.evaluator.max_tokens)
        wave: list[Order] = []
        longer = book.longer_than(given)
        n_requests, share = 0, 0.0
        most = WAVE_SHARE * (given.plan.search_until - FINALS_SHARE)
        while n_requests < WAVE_REQUESTS and share < most:
            order = self._allocator.order(offer, book.evidence, wave)
            if order is None:
                return wave, "" if wave else NOTHING_WORTH_IT
            check_order(order, offer, who=type(self._allocator).__name__)
            if not coverage.lacks(order):
                return wave, "" if wave else NOTHING_NEW
            n_requests += len(order.examples)
            share += longer * _share(given, order)
            if share > room:
                return wave, ""
            wave.append(order)
            coverage.add(order)
        return wave, ""

    def _show(self, given: SearchContext, book: "_Book", changed: Sequence[Configuration], n_trials: int) -> None:
        pooled = [(each, book.pooled(given, each)) for each in dict.fromkeys(changed)]
        given.incumbents.add(pooled, n_trials, next(iter(self._ranking(given, book)), None))

    def _believed(self, given: SearchContext, book: "_Book", orders: Sequence[Order]) -> list[Configuration]:
        """Return the ranking with the evidence of further orders, in place of what there is of the same."""
        pieces = [given.evaluator.evidence(each) for each in orders]
        found = [each for each in pieces if each is not None]
        taken = {each.order.configuration: set(each.order.examples) for each in found}
        earlier = [_without(each, taken.get(each.order.configuration, set())) for each in book.evidence]
        offer = replace(_offer(given, book), n_examples=given.n_tune)
        return self._allocator.ranking(offer, [*(each for each in earlier if each.order.examples), *found])

    def _ranking(self, given: SearchContext, book: "_Book") -> list[Configuration]:
        """Return the allocator's ranking, made once for as much evidence; empty without any."""
        if book.evidence and book.n_ranked != len(book.orders):
            book.ranking = self._allocator.ranking(_offer(given, book), book.evidence)
            book.n_ranked = len(book.orders)
        return book.ranking

    def _ranked(self, given: SearchContext, book: "_Book") -> dict[Configuration, int]:
        """Return the configurations by the allocator's belief, with the n of the choice that it believes best.

        Those are left out that never seemed to keep the cap.
        """
        found = {given.request_part(each): int(each[N]) for each in self._ranking(given, book)}
        choices = given.incumbents.choices
        return {each: n for each, n in found.items() if affordable(choices.get(each, []), given.cap_tokens)}


@dataclass(slots=True)
class _Book:
    """What has landed, in the order of the orders."""

    orders: list[Order] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    pieces: dict[Configuration, list[Evidence]] = field(default_factory=dict)  # of it, by configuration
    failed: list[Order] = field(default_factory=list)
    ranking: list[Configuration] = field(default_factory=list)
    n_ranked: int = 0  # orders that the ranking knows

    def longer_than(self, given: SearchContext) -> float:
        """Return how many times as much as the pilot let expect was paid so far."""
        paid = sum(given.share_of(float(tokens)) for each in self.evidence for tokens in each.tokens.max(axis=0))
        expected = sum(_share(given, each.order) for each in self.evidence)
        return paid / expected if expected else 1.0

    def pooled(self, given: SearchContext, configuration: Configuration) -> list[Candidate]:
        pieces = self.pieces.get(configuration)
        return given.evaluator.pooled(pieces) if pieces else []

    def add(self, piece: Evidence) -> None:
        self.evidence.append(piece)
        self.pieces.setdefault(piece.order.configuration, []).append(piece)


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


def _share(given: SearchContext, order: Order) -> float:
    """Return the share of the budget that an order would take if its answers were as the pilot's."""
    n = 1 if order.configuration.get(TEMPERATURE) == 0.0 else order.n_samples
    return len(order.examples) * given.price(n)


def _take(given: SearchContext, book: _Book, trial: LoggedTrial) -> None:
    """Take a logged trial into the book; what failed then stays failed, though the finals may have got it since."""
    order = trial.order
    assert order is not None
    book.orders.append(order)
    answered = tuple(each for each in order.examples if each not in trial.unanswered)
    if trial.unanswered:
        book.failed.append(replace(order, examples=trial.unanswered))
    if answered:
        own = replace(order, examples=answered)
        piece = trial.evidence or given.evaluator.evidence(own)
        assert piece is not None
        book.add(piece)


def _logged(given: SearchContext, number: int, order: Order) -> LoggedTrial:
    piece = given.evaluator.evidence(order)
    found = given.evaluator.candidates(piece)
    answered = () if piece is None else piece.order.examples
    trial = logged(
        number,
        order.configuration,
        found,
        n_planned=len(order.examples),
        max_cost_tokens=given.cap_tokens,
        cause="" if found else given.evaluator.cause(order),
    )
    unanswered = tuple(each for each in order.examples if each not in answered)
    return replace(trial, order=order, unanswered=unanswered, evidence=piece)


def _offer(given: SearchContext, book: _Book) -> Offer:
    return Offer(
        space=given.space,
        n_examples=given.n_tune - given.plan.n_kept,
        n_choices=given.n_choices,
        cap_tokens=given.cap_tokens,
        budget_tokens=given.account.tokens_worth(given.plan.search_until),
        spent_tokens=given.account.spent.tokens,
        seed=given.seed,
        failed=tuple(book.failed),
    )
