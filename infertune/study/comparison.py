"""The finals: the default and the best few of the search on the same examples, more than the search had of each.

The first finalists are those of the search's ranking, and what one would try by hand with the prompt of the first. As
long as more than the confirmation's reserve is left, others follow, on the same examples: the best so far with one
change less, which shows what each change is worth, and the next in the ranking.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infertune.selection.select import affordable, on_common_examples
from infertune.selection.simpler import one_change_less, plain
from infertune.space.names import TEMPERATURE, N
from infertune.study.confirmation import Confirmation
from infertune.study.context import SearchContext, SearchResult
from infertune.study.decisions import decided
from infertune.study.finals import LEAST_FINALISTS, MOST_FINALISTS, RESERVE, FinalOrders, final_orders, first_few
from infertune.study.plan import FINALS_SHARE, N_FINALISTS
from infertune.study.trial_log import order_as_json, order_from_json
from infertune.types import Configuration
from infertune.types.evidence import Candidate, Order

MOST_STAGES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What the finals brought.

    Attributes:
        candidates: Every replay choice of every finalist, on common examples.
        believed: Complete configurations, best first, by the search's own model of all the evidence; may be empty.
    """

    candidates: tuple[Candidate, ...]
    believed: tuple[Configuration, ...]


class Comparison:
    """Buys and evaluates the finals of one study.

    Args:
        given: The study's circumstances.
        confirmation: Says what must be held back for it.
    """

    def __init__(self, given: SearchContext, confirmation: Confirmation) -> None:
        self._given = given
        self._confirmation = confirmation
        self._request = given.space.tier("request")

    def reserve(self, ranked: Sequence[Configuration], orders: Sequence[Order]) -> float:
        """Return the share of the budget to hold back for finals and confirmation, as things stand in a search."""
        finalists = self._finalists(ranked)[:N_FINALISTS]
        finals = self._orders(finalists, orders, {}, share=FINALS_SHARE)
        # What is tried last may be the best: there is always room for one that has nothing yet.
        newcomer = RESERVE * self._given.plan.n_finals * self._given.price(self._given.plan.n_samples)
        missing = max(N_FINALISTS - len(finalists), 1) * newcomer
        finals_share = min(finals.share + missing, max(FINALS_SHARE, finals.share, newcomer))
        return finals_share + max(self._confirm_reserve(ranked), self._confirmation.reserve(()))

    def run(self, found: SearchResult) -> Compared:
        """Return every replay choice of every finalist on common examples, and what the search then believes."""
        wanted = self._finalists(found.ranked)
        n_finalists = N_FINALISTS
        orders: list[Order] = []
        bought: list[Order] = []
        for stage in range(MOST_STAGES):
            left = 1.0 - self._given.account.share_used - self._confirm_reserve(found.ranked)
            made = self._decided(stage, found, wanted[:n_finalists], orders, left)
            if made is None:
                break
            orders = made
            bought.extend(made)
            self._given.evaluator.buy(orders)
            wanted = list(dict.fromkeys([*(each.configuration for each in orders), *self._simpler(orders), *wanted]))
            n_finalists = min(len(orders) + N_FINALISTS, MOST_FINALISTS)
        examples = orders[0].examples
        deepest = [max(_covering(each, bought), key=lambda order: order.n_samples) for each in orders]
        deepest = [replace(each, examples=examples) for each in deepest]
        found_of = [self._given.evaluated(each) for each in deepest]
        believed = found.believed(deepest) if found.believed else ()
        return Compared(
            candidates=tuple(on_common_examples([each for its in found_of for each in its])), believed=tuple(believed)
        )

    def _finalists(self, ranked: Sequence[Configuration]) -> list[Configuration]:
        """Return the default, the first two of the ranking, what is plain with the first's texts, and the others."""
        first = list(dict.fromkeys(ranked))
        plainer = plain(self._request, first[0]) if first else []
        return list(dict.fromkeys([self._given.default, *first[:2], *plainer, *first[2:]]))

    def _depths(self, found: SearchResult, finalists: Sequence[Configuration]) -> dict[Configuration, int]:
        """Return what is known of the samples that are of use; those of the best are, for what is simpler than it."""
        first = next((found.depths[each] for each in found.ranked if each in found.depths), None)
        return dict(found.depths) if first is None else {**dict.fromkeys(finalists, first), **found.depths}

    def _simpler(self, orders: Sequence[Order]) -> list[Configuration]:
        """Return what the best finalist would be with one change less."""
        found = [each for order in orders for each in self._given.evaluated(order)]
        within = affordable(found, self._given.cap_tokens) or found
        best = max(within, key=lambda each: (each.utility, -each.cost_tokens))
        return one_change_less(self._request, self._given.request_part(best.configuration))

    def _decided(
        self,
        stage: int,
        found: SearchResult,
        finalists: Sequence[Configuration],
        before: Sequence[Order],
        left: float,
    ) -> list[Order] | None:
        """Return the orders of a stage, noted before they are bought; None when there is no room for more."""

        def decide(known: Mapping[str, Any] | None) -> dict[str, Any]:
            earlier = [] if known is None else [order_from_json(each) for each in known["orders"]]
            landed, depths = [*found.orders, *before, *earlier], self._depths(found, finalists)
            made = self._orders(finalists, landed, depths, share=max(left, 0.0))
            if not before and made.n_examples < self._given.plan.n_finals:  # the best is dearer than was held back for
                share = max(left + self._confirm_reserve(found.ranked) / 2, 0.0)
                made = self._orders(finalists[:LEAST_FINALISTS], landed, depths, share=share)
            grown = len(made.orders) > len(before)
            return {"orders": [order_as_json(each) for each in made.orders] if grown else []}

        named = {"n_trials": self._given.incumbents.n_trials}
        made = decided(self._given.log, f"final orders {stage}", self._given.budget, named, decide)
        return [order_from_json(each) for each in made["orders"]] or None

    def _orders(
        self,
        finalists: Sequence[Configuration],
        landed: Sequence[Order],
        depths: Mapping[Configuration, int],
        *,
        share: float,
    ) -> FinalOrders:
        plan = self._given.plan
        return final_orders(
            finalists,
            landed,
            depths=depths,
            price=self._price,
            share=share,
            n_examples=plan.n_finals,
            n_tune=self._given.n_tune,
            n_kept=plan.n_kept,
            n_samples=plan.n_samples,
            max_tokens=self._given.evaluator.max_tokens,
            n_least=int(self._given.space.default_configuration()[N]),
        )

    def _price(self, order: Order) -> float:
        """Return what an example takes of the budget, judging by the dearest that is known of its configuration."""
        given = self._given
        its = given.incumbents.choices.get(order.configuration)
        n = 1 if order.configuration.get(TEMPERATURE) == 0.0 else order.n_samples
        if not its:
            return given.price(n)
        dearest = max(its, key=lambda each: each.cost_tokens)
        n_known = int(dearest.configuration[N])
        sample = max(given.sample_of(dearest.cost_tokens, n_known), given.sample_tokens)
        more = given.price(n, sample_tokens=sample) - given.price(n_known, sample_tokens=sample)
        return given.share_of(dearest.cost_tokens, n_known) + max(more, 0.0)

    def _confirm_reserve(self, ranked: Sequence[Configuration]) -> float:
        """Return what the confirmation of the default and of the best in the ranking takes."""
        known = self._given.incumbents.choices
        pair = []
        for configuration in first_few(self._given.default, ranked, 2):
            if its := known.get(configuration):
                within = affordable(its, self._given.cap_tokens) or its
                pair.append(max(within, key=lambda each: each.utility))
        return self._confirmation.reserve(pair)


def _covering(order: Order, bought: Sequence[Order]) -> Iterator[Order]:
    """Yield the orders of the same configuration that have all of its examples, itself among them."""
    wished = set(order.examples)
    yield from (each for each in bought if each.configuration == order.configuration and wished <= set(each.examples))
