"""What the allocator `value` orders before it can model anything, and how many examples a new configuration gets."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.options import Options
from infertune.allocators.surrogates.candidates import beginning, obvious
from infertune.space.default_space import sampled
from infertune.types.evidence import Evidence, Order

PILOT_EXAMPLES = 4
LEAST_EXAMPLES = 4
MOST_START = 24
TRIALS_PER_OBVIOUS = 4  # new configurations for each that one would try by hand: many prompts get few examples each
MOST_SHARE = 0.5  # of the search's budget, for the beginning


def first_order(
    offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order], options: Options
) -> Order | None:
    """Return the next order of the fixed beginning; None when as much of it as was planned has landed.

    Until then, more workers get more of it: a model of next to nothing is no better than an even spread. It ends where
    it has taken its share of the budget: with many prompts, what is left is better spent on the promising ones.
    """
    if len(evidence) >= options.n_start and offer.spent_tokens > MOST_SHARE * offer.budget_tokens:
        return None
    request = offer.space.tier("request")
    begun = {each.configuration for each in [*(each.order for each in evidence), *pending, *offer.failed]}
    planned = beginning(request, offer.configurations, offer.seed, options.n_start)
    if len(evidence) < len(planned):
        planned = beginning(request, offer.configurations, offer.seed, len(planned) + len(pending) + 1)
    for each in planned:
        if each not in begun:
            return Order(
                configuration=each,
                examples=window(offer, evidence, pending, options),
                n_samples=_first_samples(offer, evidence, sum(map(sampled, begun)), options),
            )
    return None


def window(offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order], options: Options) -> tuple[int, ...]:
    """Return the examples of a new configuration: as many as let the budget buy the wanted number of those.

    They follow those of the last new one, so that few share them.
    """
    n = PILOT_EXAMPLES
    if evidence:
        price = float(np.median([_price(each) for each in evidence]))
        n_obvious = sum(map(len, obvious(offer.space.tier("request"), offer.configurations)))
        n_trials = max(options.target_trials, TRIALS_PER_OBVIOUS * n_obvious)
        wanted = offer.budget_tokens / (n_trials * price)
        n = int(min(max(wanted, LEAST_EXAMPLES), MOST_START))
    n = min(n, offer.n_examples)
    n_begun = len({each.configuration for each in [*(each.order for each in evidence), *pending]})
    offset = int(options.rotate * n_begun * n)
    return tuple((offset + index) % offer.n_examples for index in range(n))


def _first_samples(offer: Offer, evidence: Sequence[Evidence], n_sampled: int, options: Options) -> int:
    """Return how many samples are worth buying while the cost of a configuration is not known.

    Of those ``n_sampled`` begun that are not greedy only some are sampled in full: enough to tell what more samples
    gain.
    """
    most = offer.n_choices[-1]
    if offer.cap_tokens is not None:
        least = min((_price(each) / each.order.n_samples for each in evidence), default=float("inf"))
        within = [n for n in offer.n_choices if n * least <= options.cap_slack * offer.cap_tokens]
        most = max(within, default=offer.n_choices[0])
    few = [n for n in offer.n_choices if n <= options.few_samples]
    in_full = n_sampled < options.n_start and n_sampled % options.full_every == 0
    return most if in_full else min(most, max(few, default=most))


@lru_cache(maxsize=65536)
def _price(each: Evidence) -> float:
    """Return what an example took on average, all its samples at full length."""
    return float(each.tokens.max(axis=0).mean())
