"""The hyperparameters of what is modelled, from as much of the evidence as is enough, fitted anew now and then.

What hundreds of examples say of them changes little with a few more, and fitting takes longer than all the rest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.crossed_design import Crossed
from infertune.allocators.knowledge_gradient.crossed_process import CrossedHyperparameters, fit
from infertune.allocators.knowledge_gradient.evidence_table import EvidenceTable, aligned, common_choices, joined
from infertune.allocators.surrogates.coordinates import Coordinates
from infertune.space import SearchSpace
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Evidence

MOST_FITTED = 64  # pieces of evidence are enough
EVERY = 1.1  # times as much evidence, they are fitted again
_ALWAYS = 16  # up to so much evidence, at every piece
_N_NUMBERS = 2  # principal components of the choices, by which they are judged
# In units of the scores seen:
_LEAST_SPREAD = 0.02  # of utility between configurations
_LEAST_LUCK = 0.01  # variance of an example's score, however alike those seen were
_SAME = 1e-3  # standard deviation of a component, below which it says nothing
_MOST_SAMPLING = 0.9  # of an example's own variance, the share that more samples would take away


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """What more samples of an example are worth.

    Attributes:
        usual: Samples of an example, the harmonic mean over the evidence.
        share: Of an example's own variance with so many, what is the luck of sampling.
    """

    usual: float
    share: float

    def own(self, n_samples: FloatArray | NDArray[np.intp]) -> FloatArray:
        """Return an example's own variance, relative to that with as many samples as usual."""
        return np.asarray(1 - self.share + self.share * self.usual / n_samples)


def fitted(offer: Offer, evidence: Sequence[Evidence], *, difficulty: bool) -> tuple[CrossedHyperparameters, Sampling]:
    """Return what the first part of the evidence says, at most an eleventh less than all."""
    n = len(evidence)
    if n > _ALWAYS:
        n = int(_ALWAYS * EVERY ** int(np.log(n / _ALWAYS) / np.log(EVERY)))
    return _fitted(offer.space, offer.cap_tokens, offer.n_examples, difficulty, tuple(evidence[:n]))


@lru_cache(maxsize=16)
def _fitted(
    space: SearchSpace, cap_tokens: float | None, n_examples: int, difficulty: bool, evidence: tuple[Evidence, ...]
) -> tuple[CrossedHyperparameters, Sampling]:
    pieces = joined(evidence)
    side = aligned(pieces, common_choices(space, pieces))
    within = _within(side.prompts[:, None] + side.generated, cap_tokens)
    luck = max(float(side.variances[within].mean()), _LEAST_LUCK * side.unit**2)
    usual = 1.0 / float(np.mean(1.0 / side.n_samples)) if np.isfinite(side.n_samples).any() else 1.0
    sampling = Sampling(usual=usual, share=min(side.sampling_variance / (usual * luck), _MOST_SAMPLING))
    some = np.unique(np.linspace(0, len(pieces) - 1, min(len(pieces), MOST_FITTED)).astype(int)).tolist()
    axes = coordinates(space.tier("request"))
    points = axes.points([pieces[at].order.configuration for at in some])
    examples, n_examples = asked([pieces[at].order.examples for at in some], n_examples, difficulty=difficulty)
    mean, spread = level(side)
    scores = np.concatenate([(side.scores[at] - mean[:, None])[within] for at in some], axis=1).T
    process = fit(
        axes.differences(points, points),
        Crossed(examples, n_examples),
        sampling.own(side.n_samples[some]),
        scores @ _components((side.utilities - mean)[:, within], side.unit),
        luck / float((spread[within] ** 2).mean()),
        len(axes.labels),
    )
    return process, sampling


def level(side: EvidenceTable) -> tuple[FloatArray, FloatArray]:
    """Return the mean of all scores of every base, and the standard deviation between configurations; both ``[B]``."""
    every = np.concatenate(side.scores, axis=1)
    return every.mean(axis=1), np.maximum(side.utilities.std(axis=0), _LEAST_SPREAD * side.unit)


def asked(
    examples: Sequence[Sequence[int]], n_examples: int, *, difficulty: bool
) -> tuple[list[NDArray[np.intp]], int]:
    """Return the examples of each piece, and how many there are; each its own if common ones are not to be known."""
    step = 0 if difficulty else n_examples
    return [np.array(each) + step * row for row, each in enumerate(examples)], n_examples + step * len(examples)


def _within(costs: FloatArray, cap_tokens: float | None) -> NDArray[np.bool_]:
    """Return which bases some configuration can afford; all, where none can."""
    everything = np.ones(costs.shape[1], dtype=bool)
    if cap_tokens is None:
        return everything
    found = np.asarray(np.any(costs <= cap_tokens, axis=0))
    return found if found.any() else everything


def _components(centred: FloatArray, unit: float) -> FloatArray:
    """Return the directions of the first principal components, so long that these have variance 1."""
    _, sizes, right = np.linalg.svd(centred, full_matrices=False)
    deviations = sizes[:_N_NUMBERS] / math.sqrt(len(centred))
    n = max(int((deviations > _SAME * unit).sum()), 1)
    return np.asarray(right[:n].T / np.where(deviations[:n] > _SAME * unit, deviations[:n], _LEAST_SPREAD * unit))


@lru_cache(maxsize=8)
def coordinates(space: SearchSpace) -> Coordinates:
    """Return the axes of the request tier."""
    return Coordinates(space)
