"""The search of a study: several orders are under way at once, and what is known when one lands decides on the next.

An order is noted, with how much evidence it knew, before anything is bought for it, so that a study that goes on
makes none of its decisions anew, whatever the order of arrival. Orders count as they land. On an engine whose samples
never depend on their company (it tells its ``batch_size``) they count in the order in which they were placed, and how
far decisions run ahead of what has landed depends on the orders alone: such a search repeats itself to the last digit.

What is under way keeps the engine busy: on a server as much as it takes, and as many requests more as land during a
decision; otherwise the oldest order and two batches. It is never more than a sixteenth of the search's budget, for
orders that are decided together are decided with less evidence.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

from infertune.allocators import Allocator
from infertune.allocators.order_check import check_order
from infertune.bank.usage import Usage
from infertune.errors import EngineError
from infertune.evaluation.purchases import Purchases
from infertune.selection.select import affordable, check_affordable
from infertune.space.names import N
from infertune.study.book import Book, n_samples
from infertune.study.context import SearchContext, SearchResult
from infertune.study.landed import logged
from infertune.study.logged_trial import LoggedTrial
from infertune.study.order_journal import OrderJournal
from infertune.study.plan import FINALS_SHARE
from infertune.types import Configuration, Request
from infertune.types.evidence import Order

MOST_SHARE = 1 / 16  # of the search's budget, under way at once
BATCHES = 2  # under way beside the oldest order, so that its last samples hold nobody up

NOTHING_WORTH_IT = "the search ended before its share of the budget: nothing more promised to be worth its tokens"
NOTHING_NEW = "the search ended before its share of the budget: all that was still wished for was tried before"
SURE_ENOUGH = "the search ended early: nothing is believed to be more than {tolerance:g} better than what it found"
CUT_SHORT = "the budget ended within some orders, which are left out of the answer"


class Search:
    """Asks an allocator for orders and tells it what they brought, until the search's share of the budget is used.

    Args:
        allocator: Decides.
        given: The study's circumstances; its log says where the search stands.
        batch_size: Of an engine that answers a request the same in any company; None for others.
    """

    def __init__(self, allocator: Allocator, given: SearchContext, batch_size: int | None) -> None:
        self._allocator = allocator
        self._given = given
        self._book = Book(given, allocator)
        trials = given.log.trials()
        for changed in dict.fromkeys([self._book.take(trial) for trial in trials]):
            given.incumbents.add(changed, self._book.pooled(changed), len(trials))
        given.incumbents.show(next(iter(self._book.ranking()), None))
        self._journal = OrderJournal(given.log, trials, given.budget, batch_size)
        self._under_way = self._journal.under_way
        self._ended = self._journal.ended  # why, or None
        self._complete: list[int] = []  # and not taken in
        self._waits = False  # for what is under way: the allocator has no wish until more is known
        self._purchases = Purchases(given.evaluator)
        self._seconds_deciding, self._n_decided, self._n_answered = 0.0, 0, 0
        self._began = time.monotonic()

    def run(self) -> SearchResult:
        """Go from wherever the log says the search stands to its end.

        Raises:
            BudgetError: Nothing that was tried keeps the cost cap.
            EngineError: Most requests fail, or the engine left some unanswered.
        """
        if self._ended is None:
            self._bought()
        notes = [self._ended] if self._ended else []
        if unspent := self._journal.unspent:
            notes.append(f"about {self._given.account.tokens_worth(unspent):,.0f} tokens of the budget stay unspent")
            self._given.account.hold_back(unspent)
        if self._book.evidence:
            check_affordable(self._given.incumbents.candidates, self._given.cap_tokens)
        depths = self._ranked(to_the_end=True)
        self._given.incumbents.show(next(iter(self._book.ranking(to_the_end=True)), None))
        return SearchResult(
            orders=tuple(self._book.orders),
            ranked=list(depths),
            notes=tuple(notes),
            depths=depths,
            believed=self._book.believed,
        )

    def _bought(self) -> None:
        """Buy what is under way and what is decided on, until the end."""
        for placed in self._under_way.values():
            self._purchases.add(placed.number, placed.order, self._paid_for(placed.order) - placed.paid_before)
        self._advance()
        while self._ended is None:
            n_answered = self._n_answered
            for _ in self._purchases.answers(self._requests()):
                self._n_answered += 1
                self._advance()
            if self._ended is None and self._n_answered == n_answered:
                raise EngineError("the engine must answer every request, but left some unanswered")
        unspent = max(self._until() - self._given.account.share_used, 0.0) if self._sure_enough else 0.0
        self._journal.end(self._ended, unspent)

    def _requests(self) -> Iterator[Request | None]:
        """Yield what to send as the engine has room for it; None where that depends on what is in flight."""
        while True:
            self._advance()
            if self._ended is None and not self._affords_next():
                self._ended = CUT_SHORT
            if self._ended is not None:
                return
            yield self._purchases.next()

    def _advance(self) -> None:
        """Decide as far as possible and take in what is complete, by turns: no decision knows more than it must."""
        while True:
            while self._wants_more():
                self._place()
            self._complete.extend(self._purchases.complete())
            number = self._next_complete()
            if number is None or not self._take_in(number):
                return

    def _wants_more(self) -> bool:
        if self._ended is not None or self._waits:
            return False
        pending = [placed.order for placed in self._under_way.values()]
        if not pending:
            return True
        most = MOST_SHARE * (self._given.plan.search_until - FINALS_SHARE)
        if sum(map(self._book.expected_share, pending)) >= most:
            return False
        if self._journal.batch_size is not None:
            return sum(map(n_samples, pending[1:])) < BATCHES * (self._journal.batch_size - 1)
        landing = self._n_answered / max(time.monotonic() - self._began, 1e-9)
        return self._purchases.n_queued <= landing * self._seconds_deciding / max(self._n_decided, 1)

    def _affords_next(self) -> bool:
        """Whether the order whose request is sent next, and those before it, have paid for less than there is."""
        number = self._purchases.next_order
        return number is None or self._share_up_to(number) < self._given.plan.search_until

    def _share_up_to(self, number: int) -> float:
        """Return the share of the budget that was used but for what later orders have paid."""
        later = [self._purchases.paid(each) for each in self._under_way if each > number]
        return self._given.account.share_without(later)

    def _place(self) -> None:
        """Ask for the next order, note it and begin to buy it; without one wait for what is under way, or end."""
        began = time.monotonic()
        order, why = self._decided()
        if order is not None:
            number = self._journal.place(order, knew=len(self._book.orders), paid_before=self._paid_for(order))
            self._purchases.add(number, order, Usage())
        elif self._under_way:
            self._waits = True
        else:
            self._ended = why
        self._n_decided += 1
        self._seconds_deciding += time.monotonic() - began

    def _decided(self) -> tuple[Order | None, str]:
        """Return the next order; or why there is none, where the budget is not the reason."""
        given, book = self._given, self._book
        if self._sure_enough:
            return None, SURE_ENOUGH.format(tolerance=given.budget.tolerance)
        pending = [placed.order for placed in self._under_way.values()]
        spent = [self._purchases.paid(number) for number in self._under_way]
        room = self._until() - given.account.share_without(spent) - sum(map(book.expected_share, pending))
        if room <= 0:
            return None, ""
        offer = book.offer(given.account.spent.tokens - sum(each.tokens for each in spent))
        order = self._allocator.order(offer, book.evidence, pending)
        if order is None:
            return None, getattr(self._allocator, "ends_because", NOTHING_WORTH_IT)
        check_order(order, offer, who=type(self._allocator).__name__)
        if order.configuration in {each.configuration for each in pending} or not book.coverage.lacks(order):
            return None, NOTHING_NEW
        return (order if book.expected_share(order) <= room else None), ""

    @property
    def _sure_enough(self) -> bool:
        """Whether nothing is believed to be more than the tolerance better than what is recommended."""
        tolerance = self._given.budget.tolerance
        return tolerance is not None and self._book.shortfall <= tolerance

    def _until(self) -> float:
        """Return the share of the budget at which the search ends; reckoned now and then, and noted."""
        due, known = self._book.due, self._journal.limit
        if known is None or known[0] != due:
            return self._journal.set_limit(due, self._given.limit(list(self._ranked()), self._book.orders))
        return known[1]

    def _take_in(self, number: int) -> bool:
        """Take in an order that is complete; return whether the budget had paid for it before it ended."""
        if self._share_up_to(number) > self._given.plan.search_until:
            self._ended = CUT_SHORT
            return False
        trial = self._landed(number, self._under_way[number].order)
        self._given.log.append(self._given.space, trial)
        self._complete.remove(number)
        self._purchases.close(number)
        del self._under_way[number]
        self._waits = False
        self._show(self._book.take(trial))
        return True

    def _next_complete(self) -> int | None:
        if self._journal.batch_size is None:
            return next(iter(self._complete), None)
        oldest = next(iter(self._under_way), None)
        return oldest if oldest in self._complete else None

    def _landed(self, number: int, order: Order) -> LoggedTrial:
        given = self._given
        piece = given.evaluator.evidence(order)
        found = given.evaluator.candidates(piece)
        trial = logged(
            len(self._book.orders),
            order.configuration,
            found,
            n_planned=len(order.examples),
            max_cost_tokens=given.cap_tokens,
            cause="" if found else given.evaluator.cause(order),
        )
        answered = () if piece is None else piece.order.examples
        unanswered = tuple(each for each in order.examples if each not in answered)
        return replace(trial, placed=number, order=order, unanswered=unanswered, evidence=piece)

    def _show(self, changed: Configuration) -> None:
        incumbents = self._given.incumbents
        incumbents.add(changed, self._book.pooled(changed), len(self._book.orders))
        if self._book.due == len(self._book.orders):
            incumbents.show(next(iter(self._book.ranking()), None))

    def _ranked(self, *, to_the_end: bool = False) -> dict[Configuration, int]:
        """Return the configurations by the allocator's belief, with the n of the choice that it believes best.

        Those are left out that never seemed to keep the cap.
        """
        given = self._given
        found = {given.request_part(each): int(each[N]) for each in self._book.ranking(to_the_end=to_the_end)}
        choices = given.incumbents.choices
        return {each: n for each, n in found.items() if affordable(choices.get(each, []), given.cap_tokens)}

    def _paid_for(self, order: Order) -> Usage:
        return self._given.account.paid_for(self._given.evaluator.requests(order))
