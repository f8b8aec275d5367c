"""A sampler as an allocator: each of its proposals is evaluated once and for all, on the same examples.

With a cost cap a trial begins with a few examples, and goes on where it may keep the cap.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from infertune.allocators import Offer
from infertune.samplers import Sampler, SpaceExhausted, Trial
from infertune.selection.select import affordable, finalists
from infertune.study.plan import COST_SLACK
from infertune.types import Configuration
from infertune.types.evidence import Candidate, Evidence, Order, candidates

GUARD_EXAMPLES = 4  # bought before the rest where a cost cap may rule the trial out


class SamplerAllocator:
    """See the module.

    Args:
        sampler: Proposes.
    """

    ends_because = "every configuration of the space was tried"

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def order(self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        """Return the rest of a trial that may keep the cap, else the beginning of the next; the first is the default.

        Returns:
            None when the space has no more.
        """
        found = _by_configuration(evidence)
        asked = {each.configuration for each in (*pending, *offer.failed)}
        n_whole = min(offer.n_per_trial, offer.n_examples)
        n_first = n_whole if offer.cap_tokens is None else min(GUARD_EXAMPLES, n_whole)
        for configuration, piece in found.items():
            begun = len(piece.order.examples) == n_first < n_whole
            if begun and configuration not in asked and _may_keep_cap(piece, offer.cap_tokens):
                return _order(configuration, offer, n_whole)
        tried = [*found, *(each.configuration for each in offer.failed if each.configuration not in found)]
        history = [
            _trial(number, configuration, found.get(configuration), offer.cap_tokens)
            for number, configuration in enumerate(dict.fromkeys(tried))
        ]
        for each in pending:
            if each.configuration not in found:
                history.append(_pending(len(history), each.configuration))
        request = offer.space.tier("request")
        if not history:
            return _order(request.default_configuration(), offer, n_first)
        try:
            return _order(self._sampler.propose(request, history, offer.seed), offer, n_first)
        except SpaceExhausted:
            return None

    def ranking(self, offer: Offer, evidence: Sequence[Evidence]) -> list[Configuration]:
        """Return the best choice of each configuration: in turns the best by utility, and the front from its best."""
        every = [each for piece in _by_configuration(evidence).values() for each in _choices(piece)]
        within = affordable(every, offer.cap_tokens)
        request = {parameter.name for parameter in offer.space.tier("request").parameters}
        best: dict[Configuration, Configuration] = {}
        for each in (*finalists(within), *sorted(every, key=lambda candidate: candidate.cost_tokens)):
            own = Configuration({name: value for name, value in each.configuration.items() if name in request})
            best.setdefault(own, each.configuration)
        return list(best.values())

    def recommend(self, offer: Offer, evidence: Sequence[Evidence]) -> Configuration:
        """Return the first of the ranking."""
        ranking = self.ranking(offer, evidence)
        return ranking[0] if ranking else offer.space.default_configuration()


def _order(configuration: Configuration, offer: Offer, n_examples: int) -> Order:
    return Order(configuration=configuration, examples=tuple(range(n_examples)), n_samples=max(offer.n_choices))


def _by_configuration(evidence: Iterable[Evidence]) -> dict[Configuration, Evidence]:
    """Return the evidence of each configuration on the most examples, in the order of their first."""
    found: dict[Configuration, Evidence] = {}
    for each in evidence:
        known = found.get(each.order.configuration)
        if known is None or len(each.order.examples) >= len(known.order.examples):
            found[each.order.configuration] = each
    return found


def _choices(piece: Evidence) -> list[Candidate]:
    ids = [str(number) for number in piece.order.examples]
    return candidates(piece.order.configuration, piece.choices, piece.scores, piece.tokens, ids)


def _may_keep_cap(piece: Evidence, cap_tokens: float | None) -> bool:
    return cap_tokens is None or float(piece.tokens.mean(axis=1).min()) <= COST_SLACK * cap_tokens


def _trial(number: int, configuration: Configuration, piece: Evidence | None, cap_tokens: float | None) -> Trial:
    """Return what a sampler is told: the best choice within the cap, or the cheapest where there is none."""
    if piece is None:
        return Trial(number=number, configuration=configuration, utility=None, constraint=0.0, state="failed")
    utilities, costs = piece.scores.mean(axis=1), piece.tokens.mean(axis=1)
    within = np.ones(len(costs), dtype=bool) if cap_tokens is None else costs <= cap_tokens
    if not within.any():
        within[costs.argmin()] = True
    return Trial(
        number=number,
        configuration=configuration,
        utility=float(utilities[within].max()),
        constraint=0.0 if cap_tokens is None else max(0.0, float(costs.min()) - cap_tokens),
        state="complete",
    )


def _pending(number: int, configuration: Configuration) -> Trial:
    return Trial(number=number, configuration=configuration, utility=None, constraint=0.0, state="pending")
