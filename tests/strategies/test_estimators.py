"""The estimators against brute force over all subsets, and against each other where they must meet."""

import itertools
from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.strategies.estimators import (
    SampleTable,
    best_of_n,
    best_possible,
    first,
    majority,
)

SCORES = (0.0, 0.25, 0.5, 1.0)


@st.composite
def tables(draw, max_samples: int = 8, max_answers: int = 5) -> SampleTable:
    n_examples = draw(st.integers(1, 3))
    n_samples = draw(st.integers(1, max_samples))
    worth = [
        draw(st.lists(st.sampled_from(SCORES), min_size=max_answers, max_size=max_answers)) for _ in range(n_examples)
    ]
    answers = np.array(
        [[draw(st.integers(-1, max_answers - 1)) for _ in range(n_samples)] for _ in range(n_examples)], dtype=np.int32
    )
    logprobs = [[-float(draw(st.integers(0, 3))) for _ in range(n_samples)] for _ in range(n_examples)]
    return make(answers, worth, logprobs)


def make(answers, worth, logprobs=None) -> SampleTable:
    answers = np.asarray(answers, dtype=np.int32)
    scores = np.where(answers < 0, 0.0, np.take_along_axis(np.asarray(worth, float), np.maximum(answers, 0), axis=1))
    return SampleTable(
        answers=answers,
        scores=scores,
        tokens=np.arange(1, answers.size + 1, dtype=np.int32).reshape(answers.shape),
        logprobs=np.zeros(answers.shape) if logprobs is None else np.asarray(logprobs),
        prompt_tokens=np.arange(7.0, 7 + len(answers)),
    )


def over_subsets(table: SampleTable, n: int, value) -> np.ndarray:
    """Mean of ``value(answers, scores, logprobs)`` over all n-subsets of each example's samples."""
    rows = zip(table.answers, table.scores, table.logprobs, strict=True)
    return np.array(
        [
            np.mean([value(a[list(s)], u[list(s)], p[list(s)]) for s in itertools.combinations(range(len(a)), n)])
            for a, u, p in rows
        ]
    )


def vote(answers, scores, logprobs) -> float:
    votes = {a: int(np.sum(answers == a)) for a in answers if a >= 0}
    tied = [a for a in votes if votes[a] == max(votes.values())]
    return float(np.mean([scores[answers == a][0] for a in tied])) if tied else 0.0


def likeliest(answers, scores, logprobs) -> float:
    return float(np.mean(scores[logprobs == logprobs.max()]))


@settings(max_examples=60, deadline=None)
@given(tables())
def test_majority_is_the_mean_over_all_subsets(table):
    for n in range(1, table.n_samples + 1):
        np.testing.assert_allclose(majority(table, n), over_subsets(table, n, vote), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_best_of_n_is_the_mean_over_all_subsets(table):
    for n in range(1, table.n_samples + 1):
        np.testing.assert_allclose(best_of_n(table, n), over_subsets(table, n, likeliest), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_best_possible_is_the_mean_over_all_subsets(table):
    for n in range(1, table.n_samples + 1):
        expected = over_subsets(table, n, lambda answers, scores, logprobs: scores.max())
        np.testing.assert_allclose(best_possible(table, n), expected, atol=1e-12)


@settings(deadline=None)
@given(tables(max_samples=12))
def test_one_sample_leaves_nothing_to_choose(table):
    for estimator in (majority, best_of_n, best_possible):
        np.testing.assert_allclose(estimator(table, 1), first(table), atol=1e-12)


@settings(deadline=None)
@given(tables(max_samples=12))
def test_no_strategy_beats_the_best_possible(table):
    for n in range(1, table.n_samples + 1):
        ceiling = best_possible(table, n) + 1e-12
        assert np.all(majority(table, n) <= ceiling) and np.all(best_of_n(table, n) <= ceiling)


@settings(deadline=None)
@given(n_samples=st.integers(1, 40), data=st.data())
def test_best_possible_of_right_and_wrong_is_pass_at_k(n_samples, data):
    n_right = data.draw(st.integers(0, n_samples))
    n = data.draw(st.integers(1, n_samples))
    table = make([[0] * n_right + [1] * (n_samples - n_right)], [[1.0, 0.0]])
    expected = 1 - comb(n_samples - n_right, n) / comb(n_samples, n)
    np.testing.assert_allclose(best_possible(table, n), [expected], atol=1e-12)


@pytest.mark.parametrize(("n_samples", "n"), [(64, 33), (64, 64), (101, 5), (257, 129)])
def test_majority_of_two_answers_is_a_hypergeometric_tail_for_large_tables(n_samples, n):
    n_right = n_samples // 2 + 3
    table = make([[0] * n_right + [1] * (n_samples - n_right)], [[1.0, 0.0]])
    ways = [comb(n_right, k) * comb(n_samples - n_right, n - k) for k in range(n + 1)]
    wins = 2 * sum(w for k, w in enumerate(ways) if 2 * k > n) + sum(w for k, w in enumerate(ways) if 2 * k == n)
    np.testing.assert_allclose(majority(table, n), [wins / (2 * comb(n_samples, n))], rtol=1e-11)


def test_many_tied_answers_share_the_win_evenly():
    table = make([np.arange(40)], [np.linspace(0, 1, 40)])
    for n in (2, 17, 40):
        np.testing.assert_allclose(majority(table, n), [0.5], atol=1e-12)


def test_examples_of_any_kind_do_not_disturb_each_other():
    rows = [[-1] * 9, [0] * 9, list(range(9)), [0, 0, 0, 1, 1, 1, 2, 2, -1], [0, 1, 1, -1, -1, -1, -1, -1, -1]]
    worth = np.random.default_rng(0).random((5, 9))
    together = make(rows, worth)
    for n in (1, 4, 9):
        apart = [majority(make([row], [value]), n)[0] for row, value in zip(rows, worth, strict=True)]
        np.testing.assert_allclose(majority(together, n), apart, atol=1e-13)


@pytest.mark.parametrize(
    ("samples_per_prompt", "n", "cost"),
    [(None, 3, [7 + 4.5, 8 + 10.5]), (1, 3, [21 + 4.5, 24 + 10.5]), (2, 3, [14 + 4.5, 16 + 10.5]), (2, 2, [10, 15])],
)
def test_a_request_costs_its_prompts_and_its_samples(samples_per_prompt, n, cost):
    table = replace(make([[0, 1], [1, 0]], [[1.0, 0.0]] * 2), samples_per_prompt=samples_per_prompt)
    np.testing.assert_allclose(table.cost(n), cost)


@pytest.mark.parametrize("n", [0, -1, 4])
def test_more_samples_than_stored_is_an_error(n):
    table = make([[0, 1, 1]], [[1.0, 0.0]])
    for estimator in (majority, best_of_n, best_possible):
        with pytest.raises(ValueError, match=f"3 stored samples of each example, but is {n}"):
            estimator(table, n)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.zeros((1, 3))}, "shape"),
        ({"scores": np.full((1, 2), 1.1)}, r"\[0, 1\]"),
        ({"scores": np.full((1, 2), np.nan)}, r"\[0, 1\]"),
        ({"answers": np.full((1, 2), -1, dtype=np.int32), "scores": np.ones((1, 2))}, "score 0"),
        ({"prompt_tokens": np.ones(2)}, "prompt_tokens"),
        ({"answers": np.zeros((1, 0), dtype=np.int32)}, "n_samples >= 1"),
    ],
)
def test_a_table_that_cannot_be_is_refused(change, message):
    whole = {
        "answers": np.zeros((1, 2), dtype=np.int32),
        "scores": np.ones((1, 2)),
        "tokens": np.ones((1, 2), dtype=np.int32),
        "logprobs": np.zeros((1, 2)),
        "prompt_tokens": np.ones(1),
    }
    with pytest.raises(ValueError, match=message):
        SampleTable(**(whole | change))
