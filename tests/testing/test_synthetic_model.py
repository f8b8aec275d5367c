import numpy as np
import pytest

from infertune.strategies.estimators import best_of_n, first, majority
from infertune.testing.synthetic import MOST_SAMPLES
from infertune.testing.synthetic_model import MAX_TOKENS, SyntheticModel
from infertune.types import Configuration

EXAMPLES = np.arange(200)


@pytest.fixture(scope="module")
def model() -> SyntheticModel:
    return SyntheticModel(0)


def request(model: SyntheticModel, **changed: object) -> Configuration:
    space = model.space.tier("request")
    names = {space[name].name: value for name, value in changed.items()}
    return space.assemble(lambda parameter: names.get(parameter.name, parameter.default))


def test_a_sample_is_the_same_whatever_else_is_asked_for(model: SyntheticModel) -> None:
    configuration = request(model, temperature=0.7)
    whole = model.samples(configuration, EXAMPLES, n_samples=9)
    part = model.samples(configuration, np.array([17, 3]), n_samples=4)
    for name in ("answers", "tokens", "answer_tokens", "logprobs"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[[17, 3], :4])
    np.testing.assert_array_equal(part.prompt_tokens, whole.prompt_tokens[[17, 3]])


def test_each_seed_is_another_model() -> None:
    answers = [
        SyntheticModel(seed).samples(request(SyntheticModel(seed)), EXAMPLES, n_samples=3) for seed in (0, 1, 0)
    ]
    assert np.array_equal(answers[0].answers, answers[2].answers)
    assert not np.array_equal(answers[0].answers, answers[1].answers)


def test_greedy_samples_are_equal_and_hot_ones_differ(model: SyntheticModel) -> None:
    def differing(temperature: float) -> float:
        answers = model.samples(request(model, temperature=temperature), EXAMPLES, n_samples=9).answers
        return float(np.mean(answers != answers[:, :1]))

    assert differing(0.0) == 0
    assert 0 < differing(0.2) < differing(0.8)


def test_settings_share_their_luck(model: SyntheticModel) -> None:
    """The difference of two settings on the same examples varies less than a third as much as on different ones."""
    one, other = (
        first(model.samples(request(model, temperature=heat), np.arange(512), n_samples=9).table(256))
        for heat in (0.5, 0.7)
    )
    assert np.var(one - other) < (np.var(one) + np.var(other)) / 3


def test_a_cut_takes_the_answers_that_come_after_it(model: SyntheticModel) -> None:
    whole = model.samples(request(model, prompt="plain"), EXAMPLES, n_samples=5)
    shares = []
    for max_tokens in MAX_TOKENS:
        table = whole.table(max_tokens)
        assert table.tokens.max() <= max_tokens
        assert np.all((table.answers == whole.answers) | (table.answers == -1))
        shares.append(float(np.mean(table.answers >= 0)))
    assert shares == sorted(shares) and shares[0] < shares[-1]


@pytest.mark.parametrize("seed", [0, 5])
def test_the_truth_is_what_the_estimators_tend_to(seed: int) -> None:
    """Both are unbiased for the same figure, so with all 16 samples they agree to their sampling error."""
    model = SyntheticModel(seed)
    configuration = request(model, temperature=0.6)
    truth = model.truth(configuration, n_examples=2048)
    whole = model.samples(configuration, np.arange(2048), n_samples=MOST_SAMPLES, split="population")
    estimators = {"first": lambda table, n: first(table), "majority": majority, "best_of_n": best_of_n}
    for choice, utility, cost_tokens in zip(truth.choices, truth.utility, truth.cost_tokens, strict=True):
        if choice["decoding.max_tokens"] in (16, 256):
            n, table = int(choice["strategy.n"]), whole.table(int(choice["decoding.max_tokens"]))
            scores = estimators[str(choice["strategy.name"])](table, n)
            assert abs(scores.mean() - utility) < 0.012, choice
            assert cost_tokens == pytest.approx(whole.prompt_tokens.mean() + n * table.tokens.mean())


def test_what_there_is_to_find_differs_from_seed_to_seed() -> None:
    """Prompts, voters and temperatures each win somewhere, so no fixed guess does well everywhere."""
    best = []
    for seed in range(6):
        model = SyntheticModel(seed)
        truths = [
            (model.truth(configuration, n_examples=512), configuration)
            for configuration in (
                request(model, prompt=prompt, temperature=temperature)
                for prompt in model.space["prompt"].values()
                for temperature in (0.0, 0.5, 1.0)
            )
        ]
        truth, configuration = max(truths, key=lambda pair: pair[0].utility.max())
        best.append((configuration["prompt.template"], configuration["decoding.temperature"]))
        assert truth.utility.max() > 0.05 + np.median([each.utility.max() for each, _ in truths])
    assert len({prompt for prompt, _ in best}) >= 3
    assert len({temperature for _, temperature in best}) >= 2
