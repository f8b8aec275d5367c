"""Exact expected scores when n of the K stored samples of each example are drawn without replacement.

Every estimator maps a `SampleTable` to one value per example, shape ``[n_examples]``: the mean over all n-subsets of
the stored samples, computed in closed form. So it is unbiased for n fresh samples whenever n <= K, and the only error
left is that of having seen some examples and not others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from infertune.strategies.prompt_bill import n_prompts
from infertune.types.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleTable:
    """The stored samples of one configuration as a rectangle: a row for each example, a column for each sample.

    Attributes:
        answers: Number of the sample's answer among its example's distinct answers, at least 0; -1 where none could
            be extracted. Shape ``[n_examples, n_samples]``, as of all others.
        scores: Score of that answer in [0, 1]: equal answers of one example have equal scores, and -1 has 0.
        tokens: Generated tokens.
        logprobs: Mean raw log probability per token.
        prompt_tokens: Of each example's request; shape ``[n_examples]``.
        samples_per_prompt: As in `n_prompts`.
    """

    answers: IntArray
    scores: FloatArray
    tokens: IntArray
    logprobs: FloatArray
    prompt_tokens: FloatArray
    samples_per_prompt: int | None = None

    def __post_init__(self) -> None:
        shape = self.answers.shape
        if len(shape) != 2 or not shape[1]:
            raise ValueError(f"answers must have the shape [n_examples, n_samples >= 1], but have {shape}")
        for name in ("scores", "tokens", "logprobs"):
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} must have the shape {shape} of answers, but have {getattr(self, name).shape}"
                )
        if self.prompt_tokens.shape != shape[:1]:
            raise ValueError(f"prompt_tokens must have the shape {shape[:1]}, but have {self.prompt_tokens.shape}")
        if not np.all((self.scores >= 0) & (self.scores <= 1)):
            raise ValueError("scores must lie in [0, 1]")
        if np.any(self.scores[self.answers < 0]):
            raise ValueError("a sample without an answer must score 0")

    @property
    def n_samples(self) -> int:
        """Stored samples of each example, K."""
        return int(self.answers.shape[1])

    def cost(self, n: int) -> FloatArray:
        """Return the expected tokens of a request for n samples, prompts included; shape ``[n_examples]``."""
        prompts = n_prompts(n, self.samples_per_prompt) * self.prompt_tokens
        return np.asarray(prompts + n * self.tokens.mean(axis=1))


def concatenated(tables: Sequence[SampleTable]) -> SampleTable:
    """Return the rows of some tables, one table after the other; all have as many samples and are billed alike."""
    return SampleTable(
        answers=np.concatenate([table.answers for table in tables]),
        scores=np.concatenate([table.scores for table in tables]),
        tokens=np.concatenate([table.tokens for table in tables]),
        logprobs=np.concatenate([table.logprobs for table in tables]),
        prompt_tokens=np.concatenate([table.prompt_tokens for table in tables]),
        samples_per_prompt=tables[0].samples_per_prompt,
    )


def first(table: SampleTable) -> FloatArray:
    """Return the expected score of a single sample (mean@1)."""
    return np.asarray(table.scores.mean(axis=1))


def best_possible(table: SampleTable, n: int) -> FloatArray:
    """Return the expected highest score among n samples: pass@n, generalised to graded scores.

    For scores of 0 and 1 it is 1 - C(K - c, n) / C(K, n) with c right samples (Chen et al. 2021, arXiv:2107.03374,
    equation 1).
    """
    return np.sort(table.scores, axis=1) @ _highest_rank_weights(table.n_samples, n)


def best_of_n(table: SampleTable, n: int) -> FloatArray:
    """Return the expected score of the sample with the highest log probability among n; ties are drawn evenly."""
    order = np.argsort(table.logprobs, axis=1, kind="stable")
    logprobs = np.take_along_axis(table.logprobs, order, axis=1)
    scores = np.take_along_axis(table.scores, order, axis=1)
    weights = np.broadcast_to(_highest_rank_weights(table.n_samples, n), scores.shape)
    # Samples of equal log probability share their ranks' weight evenly, so each counts with its group's mean score.
    new_group = np.ones(scores.shape, dtype=bool)
    new_group[:, 1:] = logprobs[:, 1:] != logprobs[:, :-1]
    group = np.cumsum(new_group.ravel()) - 1
    group_scores = np.bincount(group, weights=scores.ravel()) / np.bincount(group)
    expected = (group_scores[group].reshape(scores.shape) * weights).sum(axis=1)
    return np.asarray(np.clip(expected, 0.0, 1.0))  # the weights sum to 1 but for rounding


def majority(table: SampleTable, n: int) -> FloatArray:
    """Return the expected score of a plurality vote among n samples (maj@n); ties are drawn evenly.

    Samples without an answer do not vote; when none votes the score is 0.

    For each level j, the votes of the winner, it sums over the ways in which the other answers stay at or below j.
    With c_a samples of answer a, the votes of each are taken as binomial(c_a, n / K) and the sum is conditioned on n
    votes in all, which gives the hypergeometric law of a draw without replacement, in numbers that stay near 1.
    Answers with j votes carry a factor y; integrating y over [0, 1] turns y^t into 1 / (t + 1), the winner's chance
    among t others tied with it. Gauss-Legendre nodes make that integral exact, for it is a polynomial.
    """
    _check(table.n_samples, n)
    counts, answer_scores = _tally(table)
    n_examples, n_samples = table.scores.shape
    votes = _binomials(n_samples, n)  # [count, votes]
    expected = np.zeros(n_examples)
    for level in range(1, min(n, int(counts.max(initial=0))) + 1):
        able = counts >= level  # answers that can reach the level; counts are descending, so they come first
        n_able = int(able.sum(axis=1).max())
        ties = min(n_able, n // level) - 1
        nodes, weights = _legendre(ties // 2 + 1)
        y, weights = (nodes + 1) / 2, weights / 2
        others = n_samples - np.where(able, counts, 0).sum(axis=1)  # below the level whatever is drawn
        ways = np.zeros((2, n_examples, len(y), n + 1))  # [0: winner's score not yet counted in | 1: counted in]
        ways[0] = votes[others][:, None, :]
        for answer in range(n_able):
            chance = votes[np.where(able[:, answer], counts[:, answer], 0), : level + 1]
            ways = _with_answer(ways, chance, y, answer_scores[:, answer])
        expected += ways[1, :, :, n] @ weights
    return np.asarray(np.clip(expected / votes[n_samples, n], 0.0, 1.0))


def _with_answer(ways: FloatArray, chance: FloatArray, y: FloatArray, scores: FloatArray) -> FloatArray:
    """Multiply the generating functions by one more answer: below the level, tied at it, or its winner."""
    level = chance.shape[1] - 1
    grown = ways * chance[:, 0, None, None]
    for n_votes in range(1, level):
        grown[..., n_votes:] += ways[..., :-n_votes] * chance[:, n_votes, None, None]
    at_level = ways[..., :-level] * chance[:, level, None, None]
    grown[..., level:] += at_level * y[:, None]
    grown[1, ..., level:] += at_level[0] * scores[:, None, None]
    return grown


def _tally(table: SampleTable) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the count and the score of each example's distinct answers, most frequent first, padded with 0."""
    same = (table.answers[:, :, None] == table.answers[:, None, :]) & (table.answers >= 0)[:, :, None]
    counts = same.sum(axis=2)
    is_first = same.argmax(axis=2) == np.arange(table.n_samples)
    counts = np.where(is_first & (counts > 0), counts, 0)
    order = np.argsort(-counts, axis=1, kind="stable")[:, : int((counts > 0).sum(axis=1).max(initial=0))]
    return np.take_along_axis(counts, order, axis=1), np.take_along_axis(table.scores, order, axis=1)


@cache
def _legendre(n_nodes: int) -> tuple[FloatArray, FloatArray]:
    """Return the nodes and weights of Gauss-Legendre quadrature: there are few, and finding them costs as much as all
    that is done with them.
    """
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return nodes, weights


@cache
def _binomials(n_samples: int, n: int) -> FloatArray:
    """Return the probabilities ``[count, votes]`` of up to n votes from up to n_samples, each cast with n / K."""
    chance = n / n_samples
    table = np.zeros((n_samples + 1, n + 1))
    table[0, 0] = 1.0
    for count in range(n_samples):
        table[count + 1] = table[count] * (1 - chance)
        table[count + 1, 1:] += table[count, :-1] * chance
    return table


@cache
def _highest_rank_weights(n_samples: int, n: int) -> FloatArray:
    """Return the probability that the highest of n drawn samples has rank 0 .. K - 1: C(rank, n - 1) / C(K, n)."""
    _check(n_samples, n)
    ranks = np.arange(n, n_samples)
    falling = np.cumprod(((ranks - n + 1) / ranks)[::-1]) if n < n_samples else np.empty(0)
    weights = np.zeros(n_samples)
    weights[n - 1 :] = n / n_samples * np.concatenate([falling[::-1], [1.0]])
    return weights


def _check(n_samples: int, n: int) -> None:
    if not 1 <= n <= n_samples:
        raise ValueError(f"n must be from 1 to the {n_samples} stored samples of each example, but is {n}")
