"""Examples chosen by disagreement: whose scores are drawn, and that weighted means stay unbiased."""

from itertools import permutations

import numpy as np
import pytest

from benchmarks.search.methods.allocated import Allocated
from benchmarks.search.problem import SyntheticProblem
from benchmarks.search.race import Method, Setting, run
from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.active_testing import further, unbiased, weighted, weights
from infertune.allocators.knowledge_gradient.allocator import KnowledgeGradientAllocator
from infertune.allocators.knowledge_gradient.evidence_table import aligned
from infertune.allocators.knowledge_gradient.options import Options
from infertune.testing.synthetic_model import SyntheticModel
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order

N_EXAMPLES = 60
SPACE = SyntheticModel(1).space
CHOICES = (Configuration({"strategy.name": "majority_vote", "strategy.n": 1}),)


def setting(top_p: float) -> Configuration:
    return SPACE.tier("request").default_configuration().with_values({"decoding.top_p": top_p})


def offer(seed: int = 0, failed: tuple[Order, ...] = ()) -> Offer:
    return Offer(
        space=SPACE,
        n_examples=N_EXAMPLES,
        n_choices=(1, 3),
        cap_tokens=None,
        budget_tokens=1e6,
        spent_tokens=0.0,
        seed=seed,
        failed=failed,
    )


def piece(configuration: Configuration, examples: tuple[int, ...], scores: object) -> Evidence:
    whole = np.ones((1, len(examples)))
    order = Order(configuration=configuration, examples=examples, n_samples=1)
    return Evidence(
        order=order, choices=CHOICES, scores=whole * scores, tokens=9.0 * whole, prompt_tokens=np.ones(len(examples))
    )


@pytest.mark.parametrize("n_drawn", [1, 2, 3, 4])
def test_the_weighted_mean_is_unbiased(n_drawn: int) -> None:
    """Over every order in which examples can be drawn, with its probability; one that failed is no part of it."""
    population, scores = [0, 1, 2, 4, 5], np.array([1.0, 0.3, 0.0, np.nan, 0.8, 0.1])
    chances = [np.array([0.2, 1.0, 0.5, np.nan, 0.05, 0.4]), np.array([0.9, 0.1, 0.5, np.nan, 0.3, 0.4])]
    mean = expected = total = 0.0
    for drawn in permutations(population, 1 + n_drawn):
        left, probability = set(population) - {drawn[0]}, 1 / len(population)
        for number, example in enumerate(drawn[1:]):
            its = chances[number > 0]
            probability *= its[example] / sum(its[each] for each in left)
            left.remove(example)
        pieces = [drawn[:1], drawn[1:2], drawn[2:]]
        found = unbiased(population, pieces, chances)
        total += probability
        expected += probability * float((found * scores[list(drawn)]).mean())
        mean += probability * float(scores[list(drawn)].mean())
    assert total == pytest.approx(1.0)
    assert expected == pytest.approx(scores[population].mean(), abs=1e-12)
    if 1 + n_drawn < len(population):
        assert abs(mean - scores[population].mean()) > 0.001, "a plain mean is not"


def test_who_was_drawn_evenly_or_has_all_is_not_weighted() -> None:
    even = np.full(6, 0.7)
    np.testing.assert_allclose(unbiased(range(6), [(3, 1), (5,)], [even]), 1.0)
    np.testing.assert_allclose(unbiased(range(3), [(2,), (0, 1)], [np.array([0.1, 0.9, 0.5])]), 1.0)


def test_doubtful_examples_are_drawn_and_none_twice() -> None:
    """Ten others agree on the even examples and are divided on the odd."""
    whole = tuple(range(N_EXAMPLES))
    doubtful = np.arange(N_EXAMPLES) % 2 == 1
    others = [piece(setting(0.5 + 0.04 * k), whole, np.where(doubtful, k % 2, 1.0)) for k in range(10)]
    mine = setting(1.0)
    failed = Order(configuration=mine, examples=(7,), n_samples=1)
    odd = []
    for seed in range(40):
        evidence = [*others, piece(mine, (0, 1, 2, 3), 1.0)]
        drawn = further(offer(seed, (failed,)), evidence, mine, 8)
        assert drawn == further(offer(seed, (failed,)), evidence, mine, 8)
        assert len(set(drawn)) == 8 and not set(drawn) & {0, 1, 2, 3, 7}
        odd.append(np.mean(doubtful[list(drawn)]))
    # Their standard deviations are 0.5 and, with ten of ten and the prior of two, 0.2.
    assert np.mean(odd) == pytest.approx(0.71, abs=0.06)
    assert len(further(offer(), evidence, mine, 1000)) == N_EXAMPLES - 4


def test_estimates_are_those_of_all_examples() -> None:
    """Over many draws; the plain mean, of examples that are harder than most, is too low."""
    rng = np.random.default_rng(0)
    whole = tuple(range(N_EXAMPLES))
    rates = np.where(np.arange(N_EXAMPLES) < 40, 1.0, 0.4)
    others = [piece(setting(0.5 + 0.04 * k), whole, rng.random(N_EXAMPLES) < rates) for k in range(10)]
    mine = setting(1.0)
    plain, found = [], []
    for seed in range(300):
        first = tuple(rng.permutation(N_EXAMPLES)[:8].tolist())
        begun = [*others, piece(mine, first, rates[list(first)])]
        more = further(offer(seed), begun, mine, 8)
        evidence = [*begun, piece(mine, more, rates[list(more)])]
        joined = [*others, piece(mine, first + more, rates[list(first + more)])]
        its = weights(offer(seed), evidence)
        assert set(its) == {mine}
        side = weighted(aligned(joined, CHOICES, its), joined, its, N_EXAMPLES)
        offset = (sum(each.scores[0] for each in others) + 2.0 * rates.mean()) / 12.0
        plain.append(rates[list(first + more)].mean() - rates.mean())
        found.append(side.utilities[-1, 0] - (offset[list(first + more)].mean() - offset.mean()) - rates.mean())
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(plain) < -0.05
    assert abs(np.mean(found)) < 0.01 + 3 * error


def test_a_search_by_it_keeps_to_the_rules() -> None:
    methods: list[Allocated] = []

    def make(setting: Setting) -> Method:
        methods.append(Allocated(setting, KnowledgeGradientAllocator(Options(active=True))))
        return methods[0]

    problem = SyntheticProblem(2, 600.0, 0)
    assert run(make, Setting(problem=problem, budget_tokens=60_000, n_workers=2)).tokens > 50_000
    seen: dict[Configuration, list[int]] = {}
    for each in methods[0]._evidence:
        seen.setdefault(each.order.configuration, []).extend(each.order.examples)
    assert all(len(set(its)) == len(its) for its in seen.values())
    asked = sorted(each.order.examples for each in methods[0]._evidence)
    gaps = [np.diff(its) for its in asked if len(its) > 4]
    assert any((np.abs(gap) > 1).sum() > 1 for gap in gaps), "some orders are no window"
