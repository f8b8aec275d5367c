"""The draw against its definition: every rule applied to the whole vocabulary by transformers' own warpers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from infertune.decoding.draw import Settings, draw
from infertune.decoding.noise import position_keys, sample_key
from infertune.types import Decoding
from tests.decoding.test_noise import all_noise

CPU = torch.device("cpu")


def warped(logits, decoding, history):
    """One row of log-probabilities under transformers' warpers, in transformers' order."""
    scores = logits[None].float()
    ids = history[None]
    if decoding.repetition_penalty != 1:
        scores = RepetitionPenaltyLogitsProcessor(decoding.repetition_penalty)(ids, scores)
    scores = TemperatureLogitsWarper(decoding.temperature)(ids, scores)
    if decoding.top_k:
        scores = TopKLogitsWarper(decoding.top_k)(ids, scores)
    if decoding.top_p < 1:
        scores = TopPLogitsWarper(decoding.top_p)(ids, scores)
    if decoding.min_p:
        scores = MinPLogitsWarper(decoding.min_p)(ids, scores)
    return scores[0]


def keys_of(n, seed=0):
    return position_keys(torch.full((n,), sample_key(seed, "e", 0)), torch.arange(n))


decodings = st.builds(
    Decoding,
    temperature=st.floats(0.1, 3),
    top_p=st.one_of(st.just(1.0), st.floats(0.01, 0.999)),
    top_k=st.one_of(st.just(0), st.integers(1, 300)),
    min_p=st.one_of(st.just(0.0), st.floats(0.001, 0.9)),
    repetition_penalty=st.one_of(st.just(1.0), st.floats(0.5, 2)),
)


@given(st.lists(decodings, min_size=1, max_size=8), st.integers(0, 10**6), st.floats(0.1, 8))
@hypothesis_settings(max_examples=150, deadline=None)
def test_draws_are_those_of_the_definition(rows, seed, spread):
    vocabulary = 200
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((len(rows), vocabulary), generator=generator, dtype=torch.float64).float() * spread
    history = torch.randint(vocabulary, (len(rows), 12), generator=generator)
    keys = keys_of(len(rows), seed)
    chosen, logprobs = draw(logits, Settings.of(rows, CPU), keys, history)
    noise = all_noise(keys, vocabulary)
    for row, decoding in enumerate(rows):
        expected = (warped(logits[row], decoding, history[row]) + noise[row]).argmax()
        assert chosen[row] == expected
        assert logprobs[row] == pytest.approx(float(logits[row].log_softmax(-1)[expected]), abs=1e-4)


def test_greedy_takes_the_best_whatever_the_truncations_and_the_lowest_id_of_equals():
    logits = torch.tensor([[0.0, 3.0, 1.0, 3.0], [2.0, 1.0, 2.0, 0.0]])
    settings = Settings.of([Decoding(temperature=0, top_k=3, top_p=0.2, min_p=0.5)] * 2, CPU)
    chosen, logprobs = draw(logits, settings, keys_of(2), torch.zeros((2, 1), dtype=torch.int64))
    assert chosen.tolist() == [1, 0]
    assert logprobs[0] == pytest.approx(float(logits[0].log_softmax(-1)[1]))


def test_greedy_obeys_the_repetition_penalty():
    logits = torch.tensor([[1.0, 3.0, 2.9], [-1.0, -3.0, -0.9]])
    settings = Settings.of([Decoding(temperature=0, repetition_penalty=1.5)] * 2, CPU)
    chosen, _ = draw(logits, settings, keys_of(2), torch.tensor([[1, 1], [2, 2]]))
    assert chosen.tolist() == [2, 0]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_are_the_probabilities(temperature):
    n = 20_000
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -3.0, 1.5] + [-4.0] * 300)
    settings = Settings.of([Decoding(temperature=temperature)] * n, CPU)
    chosen, _ = draw(logits.expand(n, -1), settings, keys_of(n), torch.zeros((n, 1), dtype=torch.int64))
    counts = np.bincount(chosen.numpy(), minlength=len(logits))
    expected = n * torch.softmax(logits / temperature, -1).double().numpy()
    merged = [(counts[i], expected[i]) for i in range(6)] + [(counts[6:].sum(), expected[6:].sum())]
    observed, wanted = (np.array(column) for column in zip(*merged, strict=True))
    assert stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue > 1e-3


def test_equal_scores_at_the_edge_of_the_nucleus_stay_together():
    logits = torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]]).expand(4000, -1)
    settings = Settings.of([Decoding(top_p=0.6)] * 4000, CPU)
    chosen, _ = draw(logits, settings, keys_of(4000), torch.zeros((4000, 1), dtype=torch.int64))
    assert set(chosen.tolist()) == {0, 1, 2, 3}


def test_two_settings_with_one_seed_mostly_agree():
    n = 3000
    logits = torch.randn((n, 1000), generator=torch.Generator().manual_seed(0)) * 4
    history = torch.zeros((n, 1), dtype=torch.int64)
    near, far = (
        draw(logits, Settings.of([Decoding(temperature=t)] * n, CPU), keys_of(n), history)[0] for t in (1.0, 0.9)
    )
    other, _ = draw(logits, Settings.of([Decoding(temperature=0.9)] * n, CPU), keys_of(n, seed=1), history)
    assert (near == far).float().mean() > 0.85 > 0.6 > (near == other).float().mean()


def test_a_row_is_drawn_alike_in_any_company():
    generator = torch.Generator().manual_seed(0)
    logits = (torch.randn((40, 3000), generator=generator) * 3).bfloat16()
    rows = [
        Decoding(temperature=0.3 + i / 20, top_p=1 - (i % 3) / 10, top_k=(i % 4) * 9, min_p=(i % 5) / 50)
        for i in range(40)
    ]
    history = torch.randint(3000, (40, 5), generator=generator)
    chosen, logprobs = draw(logits, Settings.of(rows, CPU), keys_of(40), history)
    for i in range(0, 40, 7):
        one, logprob = draw(logits[i : i + 1], Settings.of(rows[i : i + 1], CPU), keys_of(40)[i : i + 1], history[[i]])
        assert one[0] == chosen[i] and logprob[0] == logprobs[i]
    assert math.isfinite(float(logprobs.sum()))
