"""The rules are wrong less than once in a thousand, whatever the distribution of texts: by exact sums and by draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from infertune.engines.probing import verdicts
from infertune.engines.probing.verdicts import (
    GROUPS,
    MAX_TAIL,
    N_ALIKE,
    N_FEW_SEEDS,
    N_NESTED,
    N_ROUNDS,
    N_SAME_SEED,
    N_SEEDS,
    Group,
    binomial_tail,
    different,
    is_diverse,
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


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: str(group.size))
@pytest.mark.parametrize("shape", DISTRIBUTIONS)
def test_an_ignored_truncation_does_not_look_honoured(shape: str, group: Group) -> None:
    rng = np.random.default_rng(0)
    weights = np.array(DISTRIBUTIONS[shape])
    drawn = rng.choice(len(weights), size=(20_000, 2, group.size), p=weights / weights.sum())
    n_texts = 1 + (np.diff(np.sort(drawn), axis=-1) != 0).sum(axis=-1)
    assert (n_texts[:, 0] - n_texts[:, 1] >= group.fewer).mean() < 5e-4


def test_the_bound_for_every_distribution_is_the_stated_one() -> None:
    each = [np.exp(-(group.fewer**2) / group.size) for group in GROUPS]
    assert each[0] < 3e-5 and each[1] < 5e-5
    assert 3 * sum(each) < 2.2e-4


@given(
    st.sampled_from(GROUPS),
    st.lists(st.sampled_from("abcdefgh"), min_size=1),
    st.lists(st.sampled_from("abcdefgh"), min_size=1),
)
def test_texts_in_any_order_give_the_same_verdict(group: Group, control: list[str], narrowed: list[str]) -> None:
    assert narrower(control, narrowed, group) == narrower(control[::-1], sorted(narrowed), group)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: str(group.size))
def test_a_control_of_few_texts_says_nothing(group: Group) -> None:
    diverse = [str(i) for i in range(group.size)]
    assert narrower(diverse, ["a"] * group.size, group) == "honoured"
    assert narrower(diverse, diverse, group) == "ignored"
    assert narrower(["a"] * group.size, ["a"] * group.size, group) == "unclear"


def test_what_half_of_the_samples_leave_open_is_asked_again_and_then_judged() -> None:
    few, many = GROUPS
    diverse = [str(i) for i in range(many.size)]
    assert narrower(diverse[: few.size], [str(i % 8) for i in range(few.size)], few) == "unclear"
    assert narrower(diverse, [str(i % 16) for i in range(many.size)], many) == "ignored"


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
    assert different(list("abcdefghij"), list("klmnopqrsj"), list("uvwxyzABCj")) == "unclear"
    assert different(list("abcdefghij"), list("klmnopqrsj"), list("uvwxyzABsz")) == "unclear"
    assert different(first, first, list("bbbbaaaaaa"), is_last=False) == "unclear"
    assert N_ROUNDS * MAX_TAIL < 1e-3


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: str(group.size))
@pytest.mark.parametrize(
    ("number", "enough", "power"),
    [(n, N_SAME_SEED, 1) for n in (N_FEW_SEEDS, N_SEEDS)] + [(n, enough, 0) for n, enough in N_NESTED.items()],
)
def test_an_ignored_seed_does_not_look_honoured(number: int, enough: int, power: int, group: Group) -> None:
    for p in np.linspace(0.01, 0.99, 99):
        diverse = binom.cdf(group.size - group.diverse + 1, group.size, p)
        same = p**2 * (1 - p) ** power
        assert diverse * binomial_tail(enough, number, same) < 2e-4


def test_six_of_one_text_settle_it_for_every_distribution() -> None:
    size = GROUPS[0].size
    probabilities = np.linspace(0, 1, 2001)
    assert (probabilities ** (N_ALIKE - 1) * binom.cdf(1, size, probabilities)).max() < 7e-5
    control = [str(i) for i in range(size)]
    assert narrower(control, ["a"] * N_ALIKE, GROUPS[0]) == "honoured"
    assert narrower(control, ["a"] * (N_ALIKE - 1), GROUPS[0]) == "unclear"
    assert narrower([*control[1:], "1"], ["a"] * N_ALIKE, GROUPS[0]) == "unclear"


def test_a_control_is_diverse_by_its_own_size() -> None:
    assert [is_diverse([str(i) for i in range(group.diverse)], group) for group in GROUPS] == [True, True]
    assert [is_diverse([str(i) for i in range(group.diverse - 1)], group) for group in GROUPS] == [False, False]


def test_seeds_that_repeat_are_seen_through_noise() -> None:
    texts = [str(seed) for seed in range(N_SEEDS)]
    assert repeats(texts, texts)
    assert repeats(texts, [*texts[:5], *"xxxxxxx"])
    assert not repeats(texts, texts[::-1])
    assert not repeats(["a"] * N_SEEDS, ["a"] * N_SEEDS)


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0, 1))
def test_the_tail_is_scipys(k: int, n: int, p: float) -> None:
    assert verdicts.binomial_tail(k, n, p) == pytest.approx(binom.sf(k - 1, n, p), abs=1e-12)
