"""Graded scores of any scale, and what votes and cuts make of texts that are all different."""

import numpy as np
import pytest

from infertune.testing.graded_model import MAX_TOKENS, GradedModel
from infertune.types import Configuration, Scalar

EXAMPLES = np.arange(300)


@pytest.fixture(scope="module")
def model() -> GradedModel:
    return GradedModel(1)


def request(model: GradedModel, **changed: Scalar) -> Configuration:
    return model.space.tier("request").assemble(lambda parameter: changed.get(parameter.alias, parameter.default))


@pytest.mark.parametrize("scale", [0.02, 1.0, 50.0])
def test_the_scale_is_a_factor_and_nothing_else(model: GradedModel, scale: float) -> None:
    other = GradedModel(1, scale=scale)
    rng = np.random.default_rng(0)
    for _ in range(5):
        configuration = model.space.tier("request").sample(rng)
        one, scaled = model.truth(configuration, n_examples=256), other.truth(configuration, n_examples=256)
        np.testing.assert_allclose(scaled.utility / scale, one.utility / model.scale)
        np.testing.assert_array_equal(scaled.cost_tokens, one.cost_tokens)
        mine, its = (each.samples(configuration, EXAMPLES, n_samples=3) for each in (model, other))
        np.testing.assert_allclose(its.scores / scale, mine.scores / model.scale)


def test_seeds_draw_scales_from_hundredths_to_one() -> None:
    scales = [GradedModel(seed).scale for seed in range(40)]
    assert 0.02 <= min(scales) < 0.04 and 0.5 < max(scales) <= 1


def test_a_table_holds_no_scores_above_one() -> None:
    large = GradedModel(1, scale=50.0)
    with pytest.raises(ValueError, match=r"scores must lie in \[0, 1\]"):
        large.samples(request(large), EXAMPLES, n_samples=3).table(MAX_TOKENS[-1])


def test_scores_are_graded_and_answers_differ(model: GradedModel) -> None:
    found = model.samples(request(model, temperature=0.8), EXAMPLES, n_samples=5)
    assert len(np.unique(found.scores)) == found.scores.size
    assert all(len(set(row)) == 5 for row in found.answers.tolist())


def test_a_vote_is_worth_a_single_sample(model: GradedModel) -> None:
    truth = model.truth(request(model, temperature=0.8), n_examples=1024)
    worth = {tuple(choice.values()): utility for choice, utility in zip(truth.choices, truth.utility, strict=True)}
    for choice, utility in zip(truth.choices, truth.utility, strict=True):
        if choice["strategy.name"] == "majority":
            one = choice.with_values({"strategy.n": 1, "strategy.name": "first"})
            assert utility == worth[tuple(one.values())]


def test_the_likeliest_gains_a_little_for_most_seeds() -> None:
    gains = []
    for seed in range(12):
        model = GradedModel(seed)
        truth = model.truth(request(model, temperature=1.0), n_examples=1024)
        worth = {
            (choice["strategy.name"], choice["strategy.n"]): utility
            for choice, utility in zip(truth.choices, truth.utility, strict=True)
            if choice["decoding.max_tokens"] == MAX_TOKENS[-1]
        }
        gains.append(worth["best_of_n", 9] / worth["first", 1] - 1)
    assert sum(gain > 0.01 for gain in gains) >= 6 and min(gains) < 0 and max(gains) < 0.5


def test_a_cut_text_is_worth_a_part(model: GradedModel) -> None:
    whole = model.samples(request(model), EXAMPLES, n_samples=3)
    table = whole.table(128)
    cut = whole.tokens > 128
    assert cut.mean() > 0.3 and (table.answers >= 0).all()
    assert np.all(table.scores[cut] < whole.scores[cut]) and np.all(table.scores[cut] > 0)
    np.testing.assert_array_equal(table.scores[~cut], whole.scores[~cut])


def test_lengths_have_tails_of_the_examples_own() -> None:
    model = GradedModel(0)
    tokens = model.samples(request(model, temperature=1.0), np.arange(512), n_samples=16).tokens
    spread = np.log(tokens).std(axis=1)
    assert np.percentile(spread, 90) > 2 * np.percentile(spread, 10)
    assert tokens.mean() > 1.1 * np.median(tokens)


def test_min_p_bears_temperature() -> None:
    """Across the ridge much is lost that a step along it keeps, for most seeds."""
    kept = []
    for seed in range(8):
        model = GradedModel(seed)

        def utility(temperature: float, min_p: float, model: GradedModel = model) -> float:
            return float(
                model.truth(request(model, temperature=temperature, min_p=min_p), n_examples=128).utility.max()
            )

        best = {t: max(range(11), key=lambda step: utility(t, step / 20)) for t in (0.4, 1.0, 1.6)}
        kept.append(best[0.4] <= best[1.0] <= best[1.6] and best[0.4] < best[1.6])
    assert sum(kept) >= 6
