import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from infertune.decoding.noise import LOUD, loud_tokens, position_keys, quiet_noise, sample_key


def all_noise(keys, vocabulary):
    """The noise of every token, by its definition."""
    noise = quiet_noise(keys[:, None], torch.arange(vocabulary))
    loud, heights = loud_tokens(keys, vocabulary)
    for row, (tokens, values) in enumerate(zip(loud, heights, strict=True)):
        inside = tokens < vocabulary
        noise[row, tokens[inside]] = values[inside]
    return noise


def keys(n, seed=0):
    return position_keys(torch.full((n,), sample_key(seed, "example", 0)), torch.arange(n))


def test_the_noise_of_all_tokens_is_standard_gumbel():
    noise = all_noise(keys(40), 25_000).double().numpy().ravel()
    assert stats.kstest(noise, stats.gumbel_r.cdf).pvalue > 1e-3
    # The loud tail apart, which the test above hardly sees.
    loud = noise[noise > LOUD]
    expected = -math.expm1(-math.exp(-LOUD)) * len(noise)
    assert abs(len(loud) - expected) < 4 * math.sqrt(expected)
    assert stats.kstest(np.exp(-loud) / math.exp(-LOUD), "uniform").pvalue > 1e-3


def test_the_noise_of_tokens_and_of_positions_is_uncorrelated():
    noise = all_noise(keys(400), 400).numpy()
    for axis in (0, 1):
        correlations = np.corrcoef(noise, rowvar=bool(axis))[np.triu_indices(400, 1)]
        assert abs(correlations.mean()) < 1e-3
        assert correlations.std() == pytest.approx(1 / math.sqrt(400), rel=0.05)


def test_quiet_noise_is_quiet_and_loud_noise_is_loud():
    assert (quiet_noise(keys(50)[:, None], torch.arange(1000)) <= LOUD).all()
    tokens, noise = loud_tokens(keys(50), 50_000)
    assert (noise >= LOUD).all()
    assert (tokens.diff(dim=-1) > 0).all() and (tokens >= 0).all()
    assert (tokens[:, -1] >= 50_000).all(), "every row lists its loud tokens to the last"


def test_noise_is_the_same_in_any_company():
    rows = keys(7)
    together, _ = loud_tokens(rows, 1000)
    alone, _ = loud_tokens(rows[3:4], 1000)
    assert torch.equal(together[3:4], alone)
    assert torch.equal(
        quiet_noise(rows[:, None], torch.arange(100))[3, 40:60], quiet_noise(rows[3], torch.arange(40, 60))
    )


@given(st.integers(0, 2**40), st.text(max_size=20), st.integers(0, 1000))
def test_keys_tell_seed_example_and_sample_apart(seed, example, sample):
    key = sample_key(seed, example, sample)
    assert -(2**63) <= key < 2**63
    assert key == sample_key(seed, example, sample)
    assert len({key, sample_key(seed + 1, example, sample), sample_key(seed, example, sample + 1)}) == 3
    assert key != sample_key(seed, example + "x", sample)


def test_keys_do_not_run_together():
    assert sample_key(1, "1", 1) != sample_key(11, "", 1) != sample_key(1, "", 11)


@pytest.mark.parametrize("vocabulary", [1, 2, 100, 300_000])
def test_any_vocabulary(vocabulary):
    tokens, noise = loud_tokens(keys(3), vocabulary)
    assert tokens.shape == noise.shape and torch.isfinite(noise).all()
