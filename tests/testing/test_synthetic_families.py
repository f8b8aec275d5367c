"""What every family of synthetic models promises."""

from collections.abc import Callable

import numpy as np
import pytest

from infertune.strategies.estimators import best_of_n, first, majority
from infertune.testing.graded_model import GradedModel
from infertune.testing.labels_model import LabelsModel
from infertune.testing.softmax_model import SoftmaxModel
from infertune.testing.synthetic import MOST_SAMPLES, POPULATION, TUNE, Synthetic
from infertune.testing.synthetic_model import SyntheticModel
from infertune.types import Configuration

EXAMPLES = np.arange(200)
ARRAYS = ("answers", "scores", "tokens", "answer_tokens", "logprobs")


@pytest.fixture(scope="module", params=[SyntheticModel, SoftmaxModel, GradedModel, LabelsModel])
def family(request: pytest.FixtureRequest) -> Callable[..., Synthetic]:
    return request.param


@pytest.fixture(scope="module")
def model(family: Callable[..., Synthetic]) -> Synthetic:
    return family(0)


def request(model: Synthetic, **changed: object) -> Configuration:
    space = model.space.tier("request")
    names = {space[name].name: value for name, value in changed.items()}
    return space.assemble(lambda parameter: names.get(parameter.name, parameter.default))


def test_a_sample_is_the_same_whatever_else_is_asked_for(family: Callable[..., Synthetic]) -> None:
    model = family(3)
    configuration = request(model, temperature=0.7)
    whole = model.samples(configuration, EXAMPLES, n_samples=9)
    part = family(3).samples(configuration, np.array([17, 3]), n_samples=4)
    for name in ARRAYS:
        assert getattr(whole, name).shape == (200, 9)
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[[17, 3], :4])
    np.testing.assert_array_equal(part.prompt_tokens, whole.prompt_tokens[[17, 3]])


def test_each_seed_is_another_model(family: Callable[..., Synthetic]) -> None:
    scores = [family(seed).samples(request(family(seed)), EXAMPLES, n_samples=3).scores for seed in (0, 1)]
    assert not np.array_equal(*scores)


def test_tune_and_population_have_other_examples(model: Synthetic) -> None:
    tune, population = (
        model.samples(request(model), EXAMPLES, n_samples=3, split=split) for split in ("tune", "population")
    )
    assert not np.array_equal(tune.prompt_tokens, population.prompt_tokens)
    model.samples(request(model), np.array([TUNE - 1]), n_samples=MOST_SAMPLES)
    model.samples(request(model), np.array([POPULATION - 1]), n_samples=1, split="population")


def test_greedy_samples_are_equal_and_hot_ones_differ(model: Synthetic) -> None:
    def differing(temperature: float) -> float:
        found = model.samples(request(model, temperature=temperature), EXAMPLES, n_samples=9)
        return float(np.mean(found.tokens != found.tokens[:, :1])), float(np.mean(found.scores != found.scores[:, :1]))

    assert differing(0.0) == (0, 0)
    assert min(differing(0.8)) > 0
    greedy = model.samples(request(model, temperature=0.0), EXAMPLES, n_samples=9)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(greedy, name), np.repeat(getattr(greedy, name)[:, :1], 9, axis=1))


def test_scores_and_lengths_are_within_their_ranges(model: Synthetic) -> None:
    rng = np.random.default_rng(1)
    longest = model.space["max_tokens"].values()[-1]
    for _ in range(20):
        configuration = model.space.tier("request").sample(rng)
        found = model.samples(configuration, EXAMPLES, n_samples=5)
        assert 0 <= found.scores.min() and found.scores.max() <= model.scale
        assert found.tokens.min() >= 1 and found.tokens.max() <= longest
        assert np.all(found.answer_tokens <= found.tokens)
        assert not found.scores[found.answers < 0].any()
        assert np.isfinite(found.logprobs).all()


def test_settings_share_their_luck_unless_they_are_not_to(family: Callable[..., Synthetic]) -> None:
    """With common luck the scores of two similar settings agree more on each sample than they would by chance."""

    def disagreement(common_luck: bool) -> float:
        model = family(1, common_luck=common_luck)
        one, other = (
            model.samples(request(model, temperature=heat), np.arange(TUNE), n_samples=9).scores for heat in (0.8, 0.9)
        )
        return float(np.var(one - other))

    assert disagreement(True) < disagreement(False) / 2


def test_a_cut_never_helps_a_sample(model: Synthetic) -> None:
    whole = model.samples(request(model), EXAMPLES, n_samples=5)
    scores = []
    for max_tokens in model.space["max_tokens"].values():
        table = whole.table(int(max_tokens))
        assert table.tokens.max() <= max_tokens
        assert np.all(table.scores <= whole.scores)
        scores.append(float(table.scores.mean()))
    assert scores == sorted(scores) and scores[0] < scores[-1]


@pytest.mark.parametrize("seed", [0, 5])
def test_the_truth_is_what_the_estimators_tend_to(family: Callable[..., Synthetic], seed: int) -> None:
    """All samples of the population agree with it to their sampling error, for every voter, n and limit."""
    model, rng = family(seed), np.random.default_rng(seed)
    estimators = {"first": lambda table, n: first(table), "majority": majority, "best_of_n": best_of_n}
    limits = model.space["max_tokens"].values()
    for configuration in (request(model, temperature=0.6), model.space.tier("request").sample(rng)):
        truth = model.truth(configuration, n_examples=2048)
        whole = model.samples(configuration, np.arange(2048), n_samples=MOST_SAMPLES, split="population")
        tables = {limit: whole.table(int(limit)) for limit in (limits[1], limits[-1])}
        for choice, utility, cost_tokens in zip(truth.choices, truth.utility, truth.cost_tokens, strict=True):
            if choice["decoding.max_tokens"] in tables and choice["strategy.n"] != 5:
                n, table = int(choice["strategy.n"]), tables[choice["decoding.max_tokens"]]
                scores = estimators[str(choice["strategy.name"])](table, n)
                assert abs(scores.mean() - utility) < 0.015 * model.scale, choice
                expected = whole.prompt_tokens.mean() + n * table.tokens.mean()
                assert cost_tokens == pytest.approx(expected, rel=0.01)


def test_what_there_is_to_find_differs_from_seed_to_seed(family: Callable[..., Synthetic]) -> None:
    """The best of the same forty draws has other settings in other seeds, and is far above the middle one."""
    best = []
    for seed in range(4):
        model, rng = family(seed), np.random.default_rng(0)
        drawn = [model.space.tier("request").sample(rng) for _ in range(40)]
        found = [model.truth(each, n_examples=256).utility.max() for each in drawn]
        assert max(found) > np.median(found) + 0.05 * model.scale
        best.append(int(np.argmax(found)))
    assert len(set(best)) >= 3
