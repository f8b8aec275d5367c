"""Votes among fresh samples, against all ways in which they can fall."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infertune.testing.expected_votes import likeliest, plurality, thinned


@st.composite
def some_chances(draw: st.DrawFn) -> np.ndarray:
    """Return chances of two to four answers for one example, some of them 0."""
    n = draw(st.integers(2, 4))
    weights = draw(arrays(np.float64, n, elements=st.sampled_from([0.0, 0.1, 0.3, 1.0])))
    weights[draw(st.integers(0, n - 1))] += 0.2
    return weights / weights.sum()


def by_enumeration(chances: np.ndarray, m: int) -> float:
    """Return the chance that answer 0 wins among m voters; the last of the chances may be that of no vote."""
    total = 0.0
    for votes in product(range(len(chances)), repeat=m):
        counts = np.bincount(votes, minlength=len(chances))
        if m and counts[0] == counts.max():
            total += np.prod(chances[list(votes)]) / (counts == counts.max()).sum()
    return total


@settings(max_examples=40, deadline=None)
@given(chances=some_chances())
def test_plurality_is_the_sum_over_all_votes(chances: np.ndarray) -> None:
    found = plurality(chances[:, None], 5)
    assert found.shape == (6, 1) and found[0] == 0
    for m in range(1, 6):
        assert found[m, 0] == pytest.approx(by_enumeration(chances, m), abs=1e-9)


def test_nine_voters_and_three_answers() -> None:
    chances = np.array([0.4, 0.35, 0.25])
    assert plurality(chances[:, None], 9)[9, 0] == pytest.approx(by_enumeration(chances, 9), abs=1e-9)


def test_who_gives_no_answer_does_not_vote() -> None:
    chances, answering, n = np.array([0.5, 0.3, 0.2]), 0.6, 4
    whole = np.append(chances * answering, 1 - answering)
    total = 0.0
    for votes in product(range(4), repeat=n):
        counts = np.bincount(votes, minlength=4)[:3]
        if counts[0] and counts[0] == counts.max():
            total += np.prod(whole[list(votes)]) / (counts == counts.max()).sum()
    found = thinned(plurality(chances[:, None], n), np.array([answering]), n)
    assert found[0] == pytest.approx(total, abs=1e-9)


def test_all_right_and_all_wrong() -> None:
    chances = np.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(plurality(chances, 9)[1:], np.tile([1.0, 0.0], (9, 1)), atol=1e-12)
    np.testing.assert_allclose(
        likeliest(chances, np.zeros((2, 2)), np.zeros(2), [1, 9]), np.tile([1.0, 0.0], (2, 1)), atol=1e-9
    )


def test_the_likeliest_of_samples_drawn() -> None:
    chances, logprobs, noise = np.array([0.3, 0.5, 0.2]), np.array([-1.0, -1.6, -3.0]), 0.8
    rng = np.random.default_rng(0)
    answers = rng.choice(3, (200_000, 5), p=chances)
    seen = logprobs[answers] + noise * rng.gumbel(size=answers.shape)
    found = likeliest(chances[:, None], logprobs[:, None], np.array([noise]), [1, 3, 5])[:, 0]
    assert found[0] == pytest.approx(0.3, abs=1e-3)
    for value, n in zip(found[1:], (3, 5), strict=True):
        best = np.take_along_axis(answers[:, :n], seen[:, :n].argmax(axis=1)[:, None], axis=1)
        assert value == pytest.approx(np.mean(best == 0), abs=0.004)


@pytest.mark.parametrize("n", [2, 9])
def test_with_equal_log_probabilities_it_is_a_sample(n: int) -> None:
    chances = np.array([[0.3], [0.7]])
    assert likeliest(chances, np.full((2, 1), -1.0), np.ones(1), [n])[0, 0] == pytest.approx(0.3, abs=1e-9)
