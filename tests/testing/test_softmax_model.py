"""The decoding of the softmax model, its plateaus, and what votes do there."""

import numpy as np
import pytest

from infertune.decoding.decoded import decoded
from infertune.testing.softmax_model import SoftmaxModel
from infertune.types import Configuration, Scalar

EXAMPLES = np.arange(300)
ARRAYS = ("answers", "scores", "tokens", "answer_tokens", "logprobs")


@pytest.fixture(scope="module")
def model() -> SoftmaxModel:
    return SoftmaxModel(2)


def request(model: SoftmaxModel, **changed: Scalar) -> Configuration:
    """Return the default with other values, be they searched or not."""
    return model.space.tier("request").assemble(lambda parameter: changed.get(parameter.alias, parameter.default))


def by_hand(logits: np.ndarray, temperature: float, top_p: float, top_k: int, min_p: float) -> np.ndarray:
    chances = np.exp(logits / temperature)
    chances /= chances.sum()
    order = list(np.argsort(-chances))
    kept = order[: top_k or len(order)]
    left = sum(chances[kept])
    mass, nucleus = 0.0, []
    for token in kept:
        if mass < top_p * left:
            nucleus.append(token)
        mass += chances[token]
    nucleus = [token for token in nucleus if chances[token] >= min_p * chances.max()]
    found = np.zeros(len(logits))
    found[nucleus] = chances[nucleus] / sum(chances[nucleus])
    return found


@pytest.mark.parametrize("seed", range(20))
def test_settings_do_what_they_do_to_tokens(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 2.0, (4, 12))
    values = {
        "decoding.temperature": float(rng.choice([0.2, 0.7, 1.3])),
        "decoding.top_p": float(rng.choice([0.05, 0.5, 0.9, 1.0])),
        "decoding.top_k": int(rng.choice([0, 1, 3, 10, 50])),
        "decoding.min_p": float(rng.choice([0.0, 0.05, 0.4])),
    }
    found = decoded(logits, values)
    for row, its_logits in zip(found, logits, strict=True):
        np.testing.assert_allclose(row, by_hand(its_logits, *values.values()), atol=1e-12)


def test_whatever_leaves_the_likeliest_token_is_greedy_decoding(model: SoftmaxModel) -> None:
    same = [
        request(model, temperature=0.0),
        request(model, temperature=1.5, top_k=1),
        request(model, temperature=0.1, top_k=1, min_p=0.3),
        request(model, temperature=1.2, top_p=1e-6),
        request(model, temperature=0.9, min_p=1 - 1e-9),
    ]
    samples = [model.samples(each, EXAMPLES, n_samples=5) for each in same]
    truths = [model.truth(each, n_examples=512) for each in same]
    alone = [each["strategy.n"] == 1 for each in truths[1].choices]
    for found, truth in zip(samples[1:], truths[1:], strict=True):
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(found, name), getattr(samples[0], name))
        np.testing.assert_allclose(truth.utility[alone], truths[0].utility, rtol=1e-12)  # summed in another order
        np.testing.assert_allclose(truth.cost_tokens[alone], truths[0].cost_tokens, rtol=1e-12)
        votes = dict(zip(truth.choices, truth.utility, strict=True))
        for choice, utility in votes.items():
            one = choice.with_values({"strategy.n": 1, "strategy.name": "first"})
            assert utility == pytest.approx(votes[one], abs=1e-9), "a vote of equals is one of them"


def test_more_tokens_than_there_are_take_none_away(model: SoftmaxModel) -> None:
    one, other = (model.truth(request(model, top_k=k), n_examples=256) for k in (0, 50))
    np.testing.assert_array_equal(one.utility, other.utility)
    np.testing.assert_array_equal(one.cost_tokens, other.cost_tokens)


def test_heat_derails_and_truncation_prevents_it(model: SoftmaxModel) -> None:
    def unanswered(**changed: Scalar) -> float:
        return float(np.mean(model.samples(request(model, **changed), EXAMPLES, n_samples=9).answers < 0))

    assert unanswered(temperature=0.0) == unanswered(temperature=1.5, top_k=1) == 0
    assert unanswered(temperature=0.5) < unanswered(temperature=1.0) < unanswered(temperature=1.5)
    assert unanswered(temperature=1.5, min_p=0.1) < unanswered(temperature=1.5) / 3


def test_a_vote_helps_some_examples_and_harms_those_with_a_wrong_favourite(model: SoftmaxModel) -> None:
    """So the gain of a vote is a sum of both, and differs from seed to seed."""
    examples = np.arange(512)
    answers = model.samples(request(model, temperature=0.7), examples, n_samples=16).answers
    right = (answers == 0).mean(axis=1)
    votes = np.array([(answers == answer).sum(axis=1) for answer in range(10)])
    won = votes.argmax(axis=0) == 0
    assert np.mean(won & (right < 0.95)) > 0.05, "helped"
    assert np.mean(~won & (right > 0.05)) > 0.05, "harmed"
    gains = []
    for seed in range(4):
        truth = SoftmaxModel(seed).truth(request(model, temperature=0.8), n_examples=512)
        by_choice = {
            (c["strategy.name"], c["strategy.n"], c["decoding.max_tokens"]): u
            for c, u in zip(truth.choices, truth.utility, strict=True)
        }
        gains.append(by_choice["majority", 9, 256] - by_choice["first", 1, 256])
    assert max(gains) > 0.03 and max(gains) - min(gains) > 0.02


def test_lengths_differ_by_prompt_and_grow_with_heat(model: SoftmaxModel) -> None:
    def tokens(**changed: Scalar) -> float:
        return float(model.samples(request(model, **changed), EXAMPLES, n_samples=5).tokens.mean())

    assert tokens(temperature=0.0) < tokens(temperature=0.7) < tokens(temperature=1.5)
    by_prompt = [tokens(prompt=prompt) for prompt in model.space["prompt"].values()]
    assert max(by_prompt) > 1.5 * min(by_prompt)
