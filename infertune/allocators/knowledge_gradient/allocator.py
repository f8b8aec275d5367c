"""The allocator ``value``: buys what promises most utility per token.

The utility and the cost of any configuration under every replay choice are modelled (`model`). An order changes what
is expected of its configuration's best choice within the cap, compared with the best one known (for that one itself:
with the second). How much, is known beforehand but for the sign, and so is what that is worth:

    s f(-|difference| / s),   f(z) = pdf(z) + z cdf(z)

with s the standard deviation of the change (the knowledge gradient; Frazier, Powell and Dayanik 2009, equation 14, for
two alternatives). Divided by the price it ranks new configurations and more examples of known ones alike.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy import special

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.active_testing import further
from infertune.allocators.knowledge_gradient.initial_design import first_order, window
from infertune.allocators.knowledge_gradient.model import UtilityModel
from infertune.allocators.knowledge_gradient.options import WHOLE, Options
from infertune.allocators.knowledge_gradient.shortfall import shortfall
from infertune.allocators.knowledge_gradient.valuation import Valuation, judged
from infertune.allocators.surrogates.candidates import draws, neighbours, with_other_texts
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Evidence, Order

N_DRAWN = 192
N_MUTATED = 64
N_PARENTS = 6
MOST_EXTENDED = 32  # the best of those known are considered for more examples
SURELY_FAILING = 2  # configurations
_HOPELESS = 10.0  # units below any worth that a choice can have, where there is none


class KnowledgeGradientAllocator:
    """See the module."""

    def __init__(self, options: Options = WHOLE) -> None:
        self._options = options

    def order(self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        """Return the order with the highest expected gain per token."""
        if pending and not evidence:
            return None  # the pilot says how many examples and samples the others get
        first = first_order(offer, evidence, pending, self._options)
        if first is not None or len(evidence) < 2:
            return first
        model = UtilityModel(offer, evidence, pending, self._options)
        asked = _asked(offer, evidence)
        known = model.configurations
        ours = judged(offer, model, known, self._options.cap_slack)
        ranked = np.argsort(ours.value)[::-1]
        best = int(ranked[0])
        options = np.array(offer.n_choices)
        busy = {each.configuration for each in pending}
        considered: list[tuple[FloatArray, Sequence[Configuration], Sequence[Sequence[int]]]] = []

        def consider(mine: Valuation, examples: Sequence[Sequence[int]], rival: Valuation, *, is_new: bool) -> None:
            """Add orders of some configurations with every number of samples."""
            its = rival.choice[0]
            change, total = model.changes(mine.view, mine.choices, examples, options, rival.view, int(its))
            if is_new and self._options.explore_full:
                change = np.broadcast_to(total[:, :, None], change.shape)
            difference = np.maximum(mine.values - rival.value[0], -_HOPELESS * model.unit)
            gained = _gain((difference if is_new else -np.abs(difference))[:, :, None], change).max(axis=1)
            counts = np.array([len(each) for each in examples])
            prices = mine.prices if self._options.any_samples else _last(mine.prices)
            considered.append((gained / (counts[:, None] * prices), mine.configurations, examples))

        def extend(rows: NDArray[np.intp], rival: int) -> None:
            open_ = [r for r in rows.tolist() if known[r] not in busy and len(asked[known[r]]) < offer.n_examples]
            if open_:
                more = [self._more(offer, evidence, known[row], asked[known[row]]) for row in open_]
                consider(ours.of(open_), more, ours.of([rival]), is_new=False)
            if self._options.pairing:
                unlike = [r for r in open_ if set(asked[known[rival]]) - set(asked[known[r]])]
                if unlike:
                    common = [_common(asked[known[row]], asked[known[rival]]) for row in unlike]
                    consider(ours.of(unlike), common, ours.of([rival]), is_new=False)

        if len(known) > 1:
            extend(ranked[:1], int(ranked[1]))
        extend(ranked[:MOST_EXTENDED], best)
        parents = [known[at] for at in ranked[:N_PARENTS]]
        drawn = _drawn(offer, parents, busy | set(asked), turn=len(evidence) + len(pending))
        hopeless = _hopeless(offer, evidence)
        drawn = [each for each in drawn if not hopeless & set(each.items())]
        if drawn:
            theirs = judged(offer, model, drawn, self._options.cap_slack)
            examples = window(offer, evidence, pending, self._options)
            consider(theirs, [examples] * len(drawn), ours.of([best]), is_new=True)
        if not considered:
            return None
        per_token, configurations, sets = max(considered, key=lambda each: float(each[0].max()))
        row, column = divmod(int(per_token.argmax()), per_token.shape[1])
        left = max(offer.budget_tokens - offer.spent_tokens, 0.0)
        if per_token[row, column] * left <= self._options.least_gain:
            return None
        return Order(configuration=configurations[row], examples=tuple(sets[row]), n_samples=int(options[column]))

    def recommend(self, offer: Offer, evidence: Sequence[Evidence]) -> Configuration:
        """Return the configuration and choice with the highest expected worth."""
        ranking = self.ranking(offer, evidence)
        return ranking[0] if ranking else offer.space.default_configuration()

    def ranking(self, offer: Offer, evidence: Sequence[Evidence]) -> list[Configuration]:
        """Return every known configuration with the choice of its highest expected worth, by that worth."""
        if len(evidence) < 2:
            # Of one piece nothing is learned: the cheapest choice is as good as any, and keeps the cap if one does.
            return [e.order.configuration.with_values(e.choices[e.tokens.mean(axis=1).argmin()]) for e in evidence]
        model = UtilityModel(offer, evidence, (), self._options)
        modelled = set(model.configurations)
        ranked: list[Configuration] = []
        for known in (model.configurations, [each for each in _known(evidence) if each not in modelled]):
            if known:
                theirs = judged(offer, model, known, self._options.cap_slack)
                best_first = np.argsort(-theirs.value, kind="stable")
                ranked += [known[at].with_values(model.choices[theirs.choice[at]]) for at in best_first]
        return ranked

    def shortfall(self, offer: Offer, evidence: Sequence[Evidence]) -> float:
        """Return how far the recommended configuration may fall short of the best one.

        Infinite until all of the beginning was tried, whatever that takes: of a prompt never met nothing is known.
        """
        whole = replace(offer, spent_tokens=0.0)
        if len(evidence) < 2 or first_order(whole, evidence, (), self._options) is not None:
            return math.inf
        return shortfall(offer, UtilityModel(offer, evidence, (), self._options), self._options)

    def _more(
        self, offer: Offer, evidence: Sequence[Evidence], configuration: Configuration, had: Sequence[int]
    ) -> tuple[int, ...]:
        """Return as many further examples as there are: those after the last one, or those in doubt."""
        if self._options.active:
            return further(offer, evidence, configuration, len(had))
        seen = set(had)
        rest = ((had[-1] + 1 + step) % offer.n_examples for step in range(offer.n_examples))
        return tuple(islice((each for each in rest if each not in seen), len(had)))


def _last(prices: FloatArray) -> FloatArray:
    """Return the prices ``[m, n_options]`` with all but the last finite one of each row infinite."""
    after = np.roll(prices, -1, axis=1)
    after[:, -1] = np.inf
    return np.where(np.isfinite(after), np.inf, prices)


def _known(evidence: Sequence[Evidence]) -> list[Configuration]:
    """Return every configuration that there is evidence of, once."""
    return list(dict.fromkeys(each.order.configuration for each in evidence))


def _asked(offer: Offer, evidence: Sequence[Evidence]) -> dict[Configuration, list[int]]:
    """Return the examples of every configuration that are not asked for again: those had, and those that failed."""
    found: dict[Configuration, list[int]] = {}
    for each in (*(each.order for each in evidence), *offer.failed):
        found.setdefault(each.configuration, []).extend(each.examples)
    return found


def _hopeless(offer: Offer, evidence: Sequence[Evidence]) -> set[tuple[str, Scalar]]:
    """Return the texts, such as too long a prompt, under which some configurations failed and none was answered."""
    if not offer.failed:
        return set()
    known = _known(evidence)
    failed = {each.configuration for each in offer.failed}.difference(known)
    counts = Counter(pair for each in failed for pair in each.items() if isinstance(pair[1], str))
    answered = {pair for each in known for pair in each.items()}
    return {pair for pair, n in counts.items() if n >= SURELY_FAILING and pair not in answered}


def _common(had: Sequence[int], others: Sequence[int]) -> tuple[int, ...]:
    """Return as many further examples as there are, or fewer: those that another configuration has had."""
    seen = set(had)
    return tuple([each for each in others if each not in seen][: len(had)])


def _drawn(
    offer: Offer, parents: Sequence[Configuration], seen: set[Configuration], *, turn: int
) -> list[Configuration]:
    """Return the new configurations that are considered."""
    if offer.configurations:
        return [each for each in offer.configurations if each not in seen]
    request = offer.space.tier("request")
    found = draws(request, offer.seed, turn, N_DRAWN) + neighbours(request, parents, offer.seed, turn, N_MUTATED)
    found += with_other_texts(request, parents[0])
    return [each for each in dict.fromkeys(found) if each not in seen]


def _gain(difference: FloatArray, s: FloatArray) -> FloatArray:
    z = difference / np.maximum(s, 1e-15)
    return np.asarray(np.maximum(s * (np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) + z * special.ndtr(z)), 0.0))
