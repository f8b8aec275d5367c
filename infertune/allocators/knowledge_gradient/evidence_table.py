"""Evidence side by side, on one list of replay choices that not all of it has, and no longer example by example.

Greedy decoding has no n above 1, and where fewer samples were bought there is no large n. Every choice has a base, the
same with the least n, which all evidence has: samples are bought at full length. Of the bases costs are known too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from infertune.allocators.knowledge_gradient.choice_order import bases, ladder, places, rest, steps_down
from infertune.space import SearchSpace
from infertune.space.names import TEMPERATURE, N
from infertune.types import Configuration
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Evidence, Order

_LEAST_TOKENS = 1.0  # that are generated for a request
_LEAST_UNIT = 1e-6  # of scores
_LISTS: dict[tuple[Configuration, ...], tuple[Configuration, ...]] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvidenceTable:
    """N pieces of evidence on R choices, B of them bases.

    Attributes:
        n: ``strategy.n`` of each choice, ``[R]``.
        base: Place of each choice's base among the bases, likewise.
        is_base: Likewise.
        had: Whether a piece has the choice, ``[N, R]``.
        utilities: Of the bases, means over the examples, ``[N, B]``.
        scores: The same example by example, ``[B, m]`` of each piece.
        ladder: Which gains add up to that of a choice over its base, ``[R, R]``.
        gains: Of all choices over the next smaller n, ``[N, R]``; 0 where a piece has not the choice.
        variances: Of one example's score under a base, over all pieces, ``[B]``.
        gain_squares: Of single examples' gains about their piece's, summed over all that have the choice, ``[R]``.
        prompts: Mean prompt tokens of a request, ``[N]``.
        generated: Mean tokens generated for a request under each base, ``[N, B]``.
        growth: How many times as much as its base a choice generates, over all that have it, ``[R]``; of one that
            nothing has, as many times as n.
        unit: The largest score less the smallest; a number.
        sampling_variance: Of one sample's score about its example's expected one, over all; a number.
        length_variance: Of the logarithm of what is generated for one example, over all; a number.
        n_samples: Of each piece, ``[N]``; infinite for greedy decoding, which has no luck in sampling.
    """

    n: NDArray[np.intp]
    base: NDArray[np.intp]
    is_base: NDArray[np.bool_]
    had: NDArray[np.bool_]
    utilities: FloatArray
    scores: list[FloatArray]
    ladder: FloatArray
    gains: FloatArray
    variances: FloatArray
    gain_squares: FloatArray
    prompts: FloatArray
    generated: FloatArray
    growth: FloatArray
    unit: float
    sampling_variance: float
    length_variance: float
    n_samples: FloatArray

    @property
    def observed(self) -> FloatArray:
        """Mean utility of each piece under each choice, ``[N, R]``; NaN where it has not the choice."""
        return np.where(self.had, self.utilities[:, self.base] + self.gains @ self.ladder.T, np.nan)


def joined(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence with that of one configuration on the same choices put together; a matrix less large."""
    groups: dict[tuple[Configuration, int], list[Evidence]] = {}
    for each in evidence:
        groups.setdefault((each.order.configuration, id(_known(each))), []).append(each)
    return [_joined(tuple(group)) for group in groups.values()]


@lru_cache(maxsize=65536)
def _joined(group: tuple[Evidence, ...]) -> Evidence:
    if len(group) == 1:
        return group[0]
    examples = tuple(example for each in group for example in each.order.examples)
    return Evidence(
        order=replace(group[0].order, examples=examples),
        choices=group[0].choices,
        scores=np.concatenate([each.scores for each in group], axis=1),
        tokens=np.concatenate([each.tokens for each in group], axis=1),
        prompt_tokens=np.concatenate([each.prompt_tokens for each in group]),
    )


def common_choices(space: SearchSpace, evidence: Sequence[Evidence]) -> tuple[Configuration, ...]:
    """Return the replay choices of which all evidence has the base: every n, but no limit that some lacks."""
    return _common_choices(space, tuple({id(its): its for its in map(_known, evidence)}.values()))


@lru_cache(maxsize=64)
def _common_choices(space: SearchSpace, lists: tuple[tuple[Configuration, ...], ...]) -> tuple[Configuration, ...]:
    default = tuple(space.replay_choices(space.default_configuration()))
    common = set.intersection(*({rest(choice) for choice in each} for each in lists))
    every = dict.fromkeys(choice for each in (default, *lists) for choice in each)
    return tuple(choice for choice in every if rest(choice) in common)


def aligned(
    evidence: Sequence[Evidence],
    choices: tuple[Configuration, ...],
    weights: Mapping[Configuration, FloatArray] = MappingProxyType({}),
) -> EvidenceTable:
    """Return the evidence on its common choices.

    Args:
        evidence: Each piece of it with all examples of its configuration.
        choices: That all of it has, see `common_choices`.
        weights: Of examples, by number, in the gains of some configurations (`active`).
    """
    n = np.array([int(choice[N]) for choice in choices])
    base_of = np.array(bases(choices))
    base = np.unique(base_of, return_inverse=True)[1]
    n_evidence, n_bases = len(evidence), int(base.max()) + 1
    had, gains = np.zeros((n_evidence, len(choices)), dtype=bool), np.zeros((n_evidence, len(choices)))
    gain_squares, of_choice, of_base = (np.zeros(len(choices)) for _ in range(3))
    utilities, generated, variances = (np.empty((n_evidence, n_bases)) for _ in range(3))
    scores: list[FloatArray] = [np.empty(0)] * n_evidence
    found = [_moments(each) for each in evidence]
    # There are few lists of choices and many pieces: what is done list by list costs nothing.
    rows_of: dict[int, list[int]] = {}
    for row, each in enumerate(evidence):
        rows_of.setdefault(id(_known(each)), []).append(row)
    for rows in rows_of.values():
        at, own, of_bases = places(choices, _known(evidence[rows[0]]))
        own_bases = np.unique(bases(_known(evidence[rows[0]])))
        its = [found[row] for row in rows]
        cells = np.array(rows)[:, None], at
        had[cells] = True
        gains[cells] = np.stack([_weighed(evidence[row], weights) for row in rows])[:, own]
        gain_squares[at] += np.sum([each.gain_squares for each in its], axis=0)[own]
        utilities[rows] = np.stack([each.utilities for each in its])[:, of_bases]
        whole = np.stack([each.generated for each in its])
        generated[rows] = whole[:, own_bases][:, of_bases]
        of_choice[at] += whole[:, own].sum(axis=0)
        of_base[at] += generated[rows][:, base[at]].sum(axis=0)
        variances[rows] = np.stack([each.variances for each in its])[:, of_bases]
        for row in rows:
            scores[row] = found[row].scores[of_bases]
    n_samples = np.array([n_samples_of(each.order) for each in evidence])
    return EvidenceTable(
        n=n,
        base=base,
        is_base=base_of == np.arange(len(choices)),
        had=had,
        utilities=utilities,
        scores=scores,
        ladder=ladder(choices),
        gains=gains,
        variances=variances.mean(axis=0),
        gain_squares=gain_squares,
        prompts=np.array([its.prompt for its in found]),
        generated=generated,
        growth=np.where(of_base > 0, of_choice / np.maximum(of_base, _LEAST_TOKENS), n / n[base_of]),
        unit=max(max(float(its.max()) for its in scores) - min(float(its.min()) for its in scores), _LEAST_UNIT),
        sampling_variance=_sampling_variance(found, n_samples),
        length_variance=float(np.mean([its.length_variance for its in found])),
        n_samples=n_samples,
    )


def n_samples_of(order: Order) -> float:
    """Return how many samples that may differ an order has; infinitely many of greedy decoding, which has no luck."""
    return float("inf") if order.configuration.get(TEMPERATURE) == 0.0 else float(order.n_samples)


@lru_cache(maxsize=65536)
def _known(each: Evidence) -> tuple[Configuration, ...]:
    """Return its choices, and of equal lists always the same, so that they can be told apart at once."""
    return _LISTS.setdefault(each.choices, each.choices)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Moments:
    """Of one piece of evidence, by base or by choice."""

    utilities: FloatArray
    scores: FloatArray
    variances: FloatArray
    gains: FloatArray
    gain_squares: FloatArray
    prompt: float
    generated: FloatArray
    is_binary: bool
    sampling_variance: float
    length_variance: float


@lru_cache(maxsize=65536)
def _moments(each: Evidence) -> _Moments:
    choices = _known(each)
    own = np.unique(bases(choices))
    gains = _gains(each)
    single = each.scores[own]
    n = n_samples_of(each.order)
    generated = np.maximum(each.tokens - each.prompt_tokens, _LEAST_TOKENS)
    n_right = single * (n if n < np.inf else 1.0)
    return _Moments(
        utilities=single.mean(axis=1),
        scores=single,
        variances=single.var(axis=1),
        gains=gains.mean(axis=1),
        gain_squares=gains.var(axis=1) * gains.shape[1],
        prompt=float(each.prompt_tokens.mean()),
        generated=generated.mean(axis=1),
        is_binary=bool(np.allclose(n_right, np.round(n_right), atol=1e-6) and single.max() <= 1.0),
        sampling_variance=float((single * (1 - single)).mean() * n / (n - 1)) if 1 < n < np.inf else 0.0,
        length_variance=float(np.log(generated[own]).var(axis=1).mean()),
    )


def _sampling_variance(found: Sequence[_Moments], n_samples: FloatArray) -> float:
    """Return the variance of one sample's score about its example's expected one.

    Of answers that are right or wrong each piece tells it. Of graded ones it follows from how much less means of more
    samples vary.
    """
    if all(each.is_binary for each in found):
        luck = [each.sampling_variance for each, n in zip(found, n_samples, strict=True) if 1 < n < np.inf]
        return float(np.mean(luck)) if luck else 0.0
    shares = 1.0 / n_samples - (1.0 / n_samples).mean()
    variances = np.array([each.variances.mean() for each in found])
    spread = float(shares @ shares)
    return max(float(shares @ variances) / spread, 0.0) if spread > 0 else 0.0


def _weighed(each: Evidence, weights: Mapping[Configuration, FloatArray]) -> FloatArray:
    """Return its mean gains; weighted, where its configuration has weights."""
    weight = weights.get(each.order.configuration)
    if weight is None:
        return _moments(each).gains
    return np.asarray((_gains(each) * weight[list(each.order.examples)]).mean(axis=1))


def _gains(each: Evidence) -> FloatArray:
    """Return what each of its choices gains over the next smaller n, example by example."""
    return np.asarray(each.scores - each.scores[np.array(steps_down(_known(each)))])
