# ruff: noqa: D102  (the names of the tests say what they test)
"""What every strategy must do, as a class of pytest tests. Subclass it beside a fixture that gives your strategy::

@pytest.fixture
def strategy():
    return MyStrategy()

class TestMyStrategy(StrategyContract):
    pass
"""

import itertools

import numpy as np
import pytest

from infertune.strategies import Strategy
from infertune.strategies.estimators import SampleTable
from infertune.types.arrays import FloatArray

_KINDS = ("ordinary", "all agree", "all differ", "nobody answers", "equal log probabilities", "right or wrong")


class StrategyContract:
    """The tests: above all, that ``expected`` is the mean of what ``choose`` gives."""

    n_samples = 5
    """Stored samples of each example; the reference goes through all their orders."""

    @pytest.mark.parametrize("kind", _KINDS)
    def test_expected_is_the_mean_over_every_ordered_draw(self, strategy: Strategy, kind: str) -> None:
        table = sample_table(kind, n_samples=self.n_samples)
        for n in self.settings(strategy):
            expected = strategy.expected(table, n).scores
            np.testing.assert_allclose(expected, mean_chosen_score(strategy, table, n), atol=1e-12)

    @pytest.mark.parametrize("kind", _KINDS)
    def test_expected_scores_are_scores(self, strategy: Strategy, kind: str) -> None:
        table = sample_table(kind, n_examples=40, n_samples=12)
        for n in self.settings(strategy, 12):
            expected = strategy.expected(table, n).scores
            assert expected.shape == (40,) and expected.dtype == np.float64
            assert np.all((expected >= 0) & (expected <= 1))

    @pytest.mark.parametrize("kind", _KINDS)
    def test_a_request_costs_its_prompt_and_what_is_generated(self, strategy: Strategy, kind: str) -> None:
        table = sample_table(kind, n_examples=40, n_samples=12)
        for n in self.settings(strategy, 12):
            tokens = strategy.expected(table, n).tokens
            assert tokens.shape == (40,) and tokens.dtype == np.float64
            assert np.all(np.isfinite(tokens)) and np.all(tokens >= table.prompt_tokens + table.tokens.min(axis=1))

    def test_the_order_and_numbering_of_samples_mean_nothing(self, strategy: Strategy) -> None:
        table = sample_table("ordinary", n_examples=20, n_samples=9)
        order = np.random.default_rng(1).permutation(9)
        shuffled = SampleTable(
            answers=np.where(table.answers < 0, -1, 7 * table.answers + 3)[:, order].astype(np.int32),
            scores=table.scores[:, order],
            tokens=table.tokens[:, order],
            logprobs=table.logprobs[:, order],
            prompt_tokens=table.prompt_tokens,
        )
        for n in self.settings(strategy, 9):
            np.testing.assert_allclose(strategy.expected(shuffled, n), strategy.expected(table, n), atol=1e-12)

    def test_of_one_sample_there_is_nothing_to_choose(self, strategy: Strategy) -> None:
        if strategy.samples_needed(1) != 1:
            pytest.skip("this strategy needs more samples")
        table = sample_table("ordinary", n_samples=self.n_samples)
        np.testing.assert_allclose(strategy.expected(table, 1).scores, table.scores.mean(axis=1), atol=1e-12)
        assert strategy.choose(["a"], [-1.0]) == "a"
        assert strategy.choose([None], [-1.0]) is None

    def test_too_few_stored_samples_are_an_error(self, strategy: Strategy) -> None:
        table = sample_table("ordinary", n_samples=3)
        n = next(n for n in range(1, 100) if strategy.samples_needed(n) > 3 or n == 99)
        if strategy.samples_needed(n) <= 3:
            pytest.skip("this strategy never needs more samples")
        with pytest.raises(ValueError, match="3"):
            strategy.expected(table, n)

    def test_needs_grow_with_n_and_are_stated_before_they_are_paid(self, strategy: Strategy) -> None:
        needs = [strategy.samples_needed(n) for n in range(1, 20)]
        assert needs == sorted(needs) and needs[0] >= 1

    def settings(self, strategy: Strategy, n_samples: int | None = None) -> list[int]:
        """Return the values of ``strategy.n`` that so many stored samples can answer."""
        held = n_samples or self.n_samples
        found = [n for n in range(1, held + 1) if strategy.samples_needed(n) <= held]
        assert found, f"n_samples must be so many that there is something to compare, but {held} answer no n"
        return found


def sample_table(kind: str, *, n_examples: int = 4, n_samples: int) -> SampleTable:
    """Return a table of made-up samples, the same at every call."""
    source = np.random.default_rng(_KINDS.index(kind))
    shape = (n_examples, n_samples)
    answers = source.integers(-1, 3, shape)
    if kind == "all agree":
        answers = np.zeros(shape, dtype=np.int64)
    elif kind == "all differ":
        answers = np.tile(np.arange(n_samples), (n_examples, 1))
    elif kind == "nobody answers":
        answers = np.full(shape, -1)
    worth = source.random((n_examples, n_samples + 3))
    if kind == "right or wrong":
        worth = np.round(worth)
    scores = np.where(answers < 0, 0.0, np.take_along_axis(worth, np.maximum(answers, 0), axis=1))
    logprobs = -source.integers(1, 4, shape).astype(np.float64)
    if kind == "equal log probabilities":
        logprobs[:] = -1.0
    tokens = source.integers(1, 50, shape).astype(np.int32)
    return SampleTable(
        answers=answers.astype(np.int32),
        scores=scores,
        tokens=tokens,
        logprobs=logprobs,
        prompt_tokens=source.integers(1, 90, n_examples).astype(np.float64),
    )


def mean_chosen_score(strategy: Strategy, table: SampleTable, n: int) -> FloatArray:
    """Return each example's mean score of ``strategy.choose`` over all ordered draws of the samples it needs."""
    means = []
    for answers, scores, logprobs in zip(table.answers, table.scores, table.logprobs, strict=True):
        worth: dict[str | None, float] = {None: 0.0}
        names = [None if number < 0 else str(number) for number in answers]
        worth.update(zip(names, scores.tolist(), strict=True))
        chosen = [
            worth[strategy.choose([names[i] for i in draw], [float(logprobs[i]) for i in draw])]
            for draw in itertools.permutations(range(len(names)), strategy.samples_needed(n))
        ]
        means.append(float(np.mean(chosen)))
    return np.array(means)
