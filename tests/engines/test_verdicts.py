"""The rules are wrong less than once in a thousand, whatever the distribution of texts: by exact sums and by draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from infertune.engines.probing import verdicts
from infertune.engines.probing.verdicts import (
    MAX_TAIL,
    N_DIVERSE,
    N_FEWER,
    N_NESTED,
    N_ROUNDS,
    N_SAME_SEED,
    N_SAMPLES,
    N_SEEDS,
    binomial_tail,
    different,
    narrower,
    repeats,
)

DISTRIBUTIONS = {
    "one likely text": [0.5] + [0.5 / 500] * 500,
    "a likelier one": [0.75] + [0.25 / 500] * 500,
    "few texts": [1 / 12] * 12,
    "some texts": [1 / 40] * 40,
    "a heavy tail": [1 / (i + 1) for i in range(300)],
}


@pytest.mark.parametrize("shape", DISTRIBUTIONS)
def test_an_ignored_truncation_does_not_look_honoured(shape: str) -> None:
    rng = np.random.default_rng(0)
    weights = np.array(DISTRIBUTIONS[shape])
    drawn = rng.choice(len(weights), size=(20_000, 2, N_SAMPLES), p=weights / weights.sum())
    n_texts = 1 + (np.diff(np.sort(drawn), axis=-1) != 0).sum(axis=-1)
    assert (n_texts[:, 0] - n_texts[:, 1] >= N_FEWER).mean() < 5e-4


def test_the_bound_for_every_distribution_is_the_stated_one() -> None:
    assert 3 * np.exp(-(N_FEWER**2) / N_SAMPLES) < 1.5e-4


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1), st.lists(st.sampled_from("abcdefgh"), min_size=1))
def test_texts_in_any_order_give_the_same_verdict(control: list[str], narrowed: list[str]) -> None:
    assert narrower(control, narrowed) == narrower(control[::-1], sorted(narrowed))


def test_a_control_of_few_texts_says_nothing() -> None:
    diverse = [str(i) for i in range(N_SAMPLES)]
    assert narrower(diverse, ["a"] * N_SAMPLES) == "honoured"
    assert narrower(diverse, diverse) == "ignored"
    assert narrower(["a"] * N_SAMPLES, ["a"] * N_SAMPLES) == "unclear"


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.2, 0.5, 1.0])
def test_an_ignored_setting_does_not_look_as_if_it_changed_texts(noise: float) -> None:
    """Texts turn by chance with any probability; three rounds of ten prompts, as the probe has them."""
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(4000):
        texts = [np.where(rng.random(30) < noise, rng.integers(1, 4, 30), 0).astype(str).tolist() for _ in range(3)]
        rounds = [different(*(text[: 10 * n] for text in texts), is_last=n == N_ROUNDS) for n in (1, 2, 3)]
        wrong += next((found for found in rounds if found != "unclear"), "unclear") == "honoured"
    assert wrong / 4000 < 3e-3  # 1e-3, and what 4,000 draws may add to it


def test_a_setting_that_changes_most_texts_is_seen_through_noise() -> None:
    first = list("aaaaaaaaaa")
    assert different(first, first, list("bbbbbbbbbb")) == "honoured"
    assert different(first, first, list("bbbbbbbbaa")) == "honoured"
    assert different(first, first, first) == "ignored"
    assert different(first, list("abaaaaaaaa"), list("aabaaaaaaa")) == "ignored"
    assert different(list("abcdefghij"), list("klmnopqrst"), list("uvwxyzABCD")) == "unclear"
    assert different(first, first, list("bbbbaaaaaa"), is_last=False) == "unclear"
    assert N_ROUNDS * MAX_TAIL < 1e-3


@pytest.mark.parametrize(("enough", "power"), [(N_SAME_SEED, 1), (N_NESTED, 0)])
def test_an_ignored_seed_does_not_look_honoured(enough: int, power: int) -> None:
    for p in np.linspace(0.01, 0.99, 99):
        is_diverse = binom.cdf(N_SAMPLES - N_DIVERSE + 1, N_SAMPLES, p)
        same = p**2 * (1 - p) ** power
        assert is_diverse * binomial_tail(enough, N_SEEDS, same) < 2e-4


def test_seeds_that_repeat_are_seen_through_noise() -> None:
    texts = [str(seed) for seed in range(N_SEEDS)]
    assert repeats(texts, texts)
    assert repeats(texts, [*texts[:5], *"xxxxxxx"])
    assert not repeats(texts, texts[::-1])
    assert not repeats(["a"] * N_SEEDS, ["a"] * N_SEEDS)


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0, 1))
def test_the_tail_is_scipys(k: int, n: int, p: float) -> None:
    assert verdicts.binomial_tail(k, n, p) == pytest.approx(binom.sf(k - 1, n, p), abs=1e-12)
