"""The greedy choice takes, at each step, what adds most to the determinant; brute force agrees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.statistics.diverse import diverse, word_features


def greedy(kernel: np.ndarray, n: int) -> list[int]:
    """Choose by determinants, from their definition."""
    chosen: list[int] = []
    for _ in range(n):
        worth = {
            each: np.linalg.det(kernel[np.ix_([*chosen, each], [*chosen, each])])
            for each in range(len(kernel))
            if each not in chosen
        }
        chosen.append(max(worth, key=lambda each: worth[each]))
    return chosen


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_as_brute_force(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(8, 12))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    quality = rng.uniform(0.5, 1.5, size=8)
    kernel = quality[:, None] * (features @ features.T) * quality
    assert diverse(features, quality, n) == greedy(kernel, n)


def test_copies_are_left_out() -> None:
    texts = ["red apple", "red apple", "green pear", "green pear", "red apple"]
    chosen = diverse(word_features(texts), np.ones(5), 5)
    assert sorted(texts[number] for number in chosen) == ["green pear", "red apple"]


def test_better_ones_come_first_among_equally_unlike() -> None:
    assert diverse(np.eye(4), np.array([0.1, 0.9, 0.5, 0.7]), 3) == [1, 3, 2]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=12))
def test_features_have_length_one(texts: list[str]) -> None:
    found = word_features(texts)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(texts)))


def test_nothing_of_nothing() -> None:
    assert diverse(np.zeros((0, 3)), np.zeros(0), 3) == []
