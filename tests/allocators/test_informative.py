"""Of thousands of configurations a model is made of few, and all of them are ranked."""

import math
from dataclasses import replace

from test_parts import REQUEST, evidence, offer

from infertune.allocators.knowledge_gradient.allocator import KnowledgeGradientAllocator
from infertune.allocators.knowledge_gradient.informative import FIRST, MOST, informative
from infertune.allocators.knowledge_gradient.options import Options
from infertune.allocators.surrogates.candidates import beginning, draws
from infertune.types.evidence import Evidence


def many(n: int) -> list[Evidence]:
    """Return evidence of n configurations, of which only some are drawn anew: to sample a thousand takes long."""
    real = [evidence(each, range(at, at + 4), 3) for at, each in enumerate(draws(REQUEST, 5, 0, 60))]
    configurations = draws(REQUEST, 5, 0, n)
    return [
        replace(real[at % len(real)], order=replace(real[at % len(real)].order, configuration=configuration))
        for at, configuration in enumerate(configurations)
        if (configuration["decoding.temperature"] == 0)
        == (real[at % len(real)].order.configuration["decoding.temperature"] == 0)
    ]


def test_few_are_all_kept() -> None:
    pieces = many(60)
    assert informative(pieces) == pieces


def test_the_first_and_the_best_are_kept_in_their_order() -> None:
    pieces = many(900)
    assert len(pieces) > MOST
    kept = informative(pieces)
    assert len(kept) == MOST
    assert kept[:FIRST] == pieces[:FIRST]
    places = [pieces.index(each) for each in kept]
    assert places == sorted(places)
    means = [float(each.scores.mean(axis=1).max()) for each in pieces]
    left_out = set(range(len(pieces))) - set(places)
    assert max(means[at] for at in left_out) <= min(means[at] for at in places[FIRST:])


def test_how_far_it_may_fall_short() -> None:
    """Nothing can be said before all that is obvious was tried, whatever was spent; then it falls with evidence."""
    allocator = KnowledgeGradientAllocator()
    circumstances = replace(offer(), budget_tokens=1e6, spent_tokens=6e5)
    begun = beginning(REQUEST, (), circumstances.seed, Options().n_start)
    tried = [*begun, *(each for each in draws(REQUEST, 5, 0, 40) if each not in begun)]
    pieces = [evidence(each, range(at, at + 24), 3) for at, each in enumerate(tried)]
    assert allocator.shortfall(circumstances, pieces[: len(begun) - 1]) == math.inf
    soon, late = allocator.shortfall(circumstances, pieces[: len(begun)]), allocator.shortfall(circumstances, pieces)
    assert 0 < late < soon < 1


def test_all_are_ranked_and_the_best_first() -> None:
    pieces = many(900)
    allocator = KnowledgeGradientAllocator()
    circumstances = replace(offer(), budget_tokens=1e7, spent_tokens=6e6)
    ranking = allocator.ranking(circumstances, pieces)
    request = [REQUEST.assemble(lambda p, each=each: each.get(p.name, p.default)) for each in ranking]  # type: ignore[misc]
    assert len(request) == len(set(request)) == len({each.order.configuration for each in pieces})
    kept = {each.order.configuration for each in informative(pieces)}
    assert set(request[: len(kept)]) == kept
    order = allocator.order(circumstances, pieces, ())
    assert order is not None
