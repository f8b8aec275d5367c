"""How far what is recommended may fall short of the best of the space, by all that is believed.

Of every configuration that is considered the difference to the recommended one has a mean and a standard deviation.
The bound is the largest mean and so many standard deviations (as Makarova et al. 2022, "Automatic termination for
hyperparameter optimization", equation 3, but for differences, in which what both have in common cancels).

It is a belief and no guarantee: `docs/design/search.md` says how often it failed on landscapes whose truth is known.
"""

from collections.abc import Sequence

import numpy as np

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.model import UtilityModel
from infertune.allocators.knowledge_gradient.options import Options
from infertune.allocators.knowledge_gradient.valuation import Valuation, judged
from infertune.allocators.surrogates.candidates import N_POOL, draws, neighbours, with_other_texts
from infertune.types import Configuration

DEVIATIONS = 3.0
_N_CLIMBS = 4  # from the highest bounds to those near by
_N_NEIGHBOURS = 128
_N_PARENTS = 6


def shortfall(offer: Offer, model: UtilityModel, options: Options) -> float:
    """Return the bound, in units of the scores; at least 0."""
    ours = judged(offer, model, model.configurations, options.cap_slack)
    best = ours.of([int(ours.value.argmax())])
    bounds = _bounds(model, ours, best)
    asked = _all(offer, best.configurations[0])
    for climb in range(_N_CLIMBS):
        if new := [each for each in dict.fromkeys(asked) if each not in bounds]:
            bounds |= _bounds(model, judged(offer, model, new, options.cap_slack), best)
        if offer.configurations:
            break
        highest = sorted(bounds, key=lambda each: -bounds[each])[:_N_PARENTS]
        asked = neighbours(offer.space.tier("request"), highest, offer.seed, climb, _N_NEIGHBOURS)
    return max(*bounds.values(), 0.0)


def _all(offer: Offer, best: Configuration) -> Sequence[Configuration]:
    """Return what can be had; of a space the whole pool, and the best with every other text."""
    if offer.configurations:
        return offer.configurations
    request = offer.space.tier("request")
    return [*draws(request, offer.seed, 0, N_POOL), *with_other_texts(request, best)]


def _bounds(model: UtilityModel, its: Valuation, best: Valuation) -> dict[Configuration, float]:
    """Return by how much each configuration may be better, under the choice for which that is most."""
    nothing_bought, one = [(0,)] * len(its.configurations), np.array([1])
    _, spread = model.changes(its.view, its.choices, nothing_bought, one, best.view, int(best.choice[0]))
    may_be = np.where(np.isfinite(its.values), its.values - best.value[0] + DEVIATIONS * spread, 0.0).max(axis=1)
    return dict(zip(its.configurations, may_be.tolist(), strict=True))
