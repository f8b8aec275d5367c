"""Further examples on which configurations disagree, and the weights that keep estimates unbiased all the same.

What everybody or nobody solves tells configurations apart no more, so an example is drawn in proportion to the
standard deviation of its score, as far as the others know it (Active Testing; Kossen et al. 2021, arXiv:2103.05331).
A plain mean would then be one over the doubtful examples. The score that is drawn m-th of M, of N examples, with
probability q among those left, has the weight

    1 + (N - M) / (N - m) (1 / ((N - m + 1) q) - 1)

under which the mean is unbiased (Farquhar, Gal and Rainforth 2021, arXiv:2101.11665, the levelled estimator). What is
weighted is the difference to what the others have on the example, so that a weight multiplies little and the model
still knows common examples as common. Gains of more samples are weighted too; costs are not.

An allocator keeps nothing, so a probability is found again from what was known when the configuration had last been
asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.evidence_table import EvidenceTable
from infertune.types import Configuration
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Evidence

_PRIOR = 2.0  # scores of the mean that each example is taken to have had, so that nothing is certain
_STREAM = 9  # of the study's seed


def further(offer: Offer, evidence: Sequence[Evidence], configuration: Configuration, n: int) -> tuple[int, ...]:
    """Return up to n examples that a configuration with evidence has not had, drawn one after the other."""
    places = [at for at, each in enumerate(evidence) if each.order.configuration == configuration]
    had = [example for at in places for example in evidence[at].order.examples]
    open_ = _open(offer, configuration, had)
    chances = _doubt(evidence[: places[-1] + 1], configuration, offer.n_examples)[open_]
    rng = np.random.default_rng((offer.seed, _STREAM, places[0], len(had)))
    # The largest of these are a draw one after the other without replacement (Gumbel's trick).
    keys = np.log(chances) + rng.gumbel(size=len(open_))
    return tuple(open_[at] for at in np.argsort(-keys)[:n].tolist())


def weights(offer: Offer, evidence: Sequence[Evidence]) -> dict[Configuration, FloatArray]:
    """Return the weight of each example, by its number, for every configuration that was asked more than once."""
    places: dict[Configuration, list[int]] = {}
    for at, each in enumerate(evidence):
        places.setdefault(each.order.configuration, []).append(at)
    found = {}
    for configuration, its in places.items():
        if len(its) > 1:
            pieces = [evidence[at].order.examples for at in its]
            doubts = [_doubt(evidence[: at + 1], configuration, offer.n_examples) for at in its[:-1]]
            population = [*pieces[0], *_open(offer, configuration, pieces[0])]
            found[configuration] = np.ones(offer.n_examples)
            found[configuration][[e for piece in pieces for e in piece]] = unbiased(population, pieces, doubts)
    return found


def unbiased(population: Sequence[int], pieces: Sequence[Sequence[int]], chances: Sequence[FloatArray]) -> FloatArray:
    """Return the weights of examples, their mean score being that of the population in expectation.

    Args:
        population: Examples that could have been drawn, N of them.
        pieces: Examples in the order in which they were drawn; those of the first were drawn evenly.
        chances: In proportion to which each of the other pieces was drawn, by number of the example.
    """
    n, drawn = len(population), sum(map(len, pieces))
    left = np.zeros(max(population) + 1, dtype=bool)
    left[list(population)] = True
    left[list(pieces[0])] = False
    found = [np.ones(len(pieces[0]))]
    number = len(pieces[0])
    for piece, its in zip(pieces[1:], chances, strict=True):
        of_piece = []
        for example in piece:
            number += 1
            q = its[example] / its[: len(left)][left].sum()
            left[example] = False
            share = (n - drawn) / (n - number) if drawn < n else 0.0  # who has all needs no weights
            of_piece.append(1.0 + share * (1.0 / ((n - number + 1) * q) - 1.0))
        found.append(np.array(of_piece))
    return np.concatenate(found)


def weighted(
    side: EvidenceTable, pieces: Sequence[Evidence], of: Mapping[Configuration, FloatArray], n: int
) -> EvidenceTable:
    """Return evidence side by side with its scores so weighted that plain means of them are unbiased.

    Args:
        side: Of the pieces.
        pieces: Those.
        of: Weights, by configuration and number of the example.
        n: Examples there are.
    """
    sums, counts = np.zeros((side.utilities.shape[1], n)), np.zeros(n)
    for each, scores in zip(pieces, side.scores, strict=True):
        sums[:, list(each.order.examples)] += scores
        counts[list(each.order.examples)] += 1
    level = _level(sums, counts)
    found, utilities = list(side.scores), side.utilities.copy()
    for row, (each, scores) in enumerate(zip(pieces, side.scores, strict=True)):
        if each.order.configuration in of:
            examples = list(each.order.examples)
            expected = _expected(sums[:, examples] - scores, counts[examples] - 1, level)
            found[row] = expected + of[each.order.configuration][examples] * (scores - expected)
            utilities[row] = found[row].mean(axis=1)
    return replace(side, scores=found, utilities=utilities)


def _open(offer: Offer, configuration: Configuration, had: Sequence[int]) -> list[int]:
    """Return the examples that a configuration could yet be asked."""
    taken = set(had).union(*(each.examples for each in offer.failed if each.configuration == configuration))
    return [each for each in range(offer.n_examples) if each not in taken]


def _doubt(evidence: Sequence[Evidence], configuration: Configuration, n_examples: int) -> FloatArray:
    """Return the standard deviation of each example's score, as far as other configurations tell, each at its best."""
    sums, counts = np.zeros(n_examples), np.zeros(n_examples)
    for each in evidence:
        if each.order.configuration != configuration:
            examples = list(each.order.examples)
            sums[examples] += each.scores[each.scores.mean(axis=1).argmax()]
            counts[examples] += 1
    mean = _expected(sums, counts, _level(sums, counts))
    return np.sqrt(mean * (1.0 - mean))


def _level(sums: FloatArray, counts: FloatArray) -> FloatArray:
    """Return the mean over all examples, which is never quite 0 or 1."""
    return np.asarray((sums.sum(axis=-1, keepdims=True) + 1.0) / (counts.sum() + 2.0))


def _expected(sums: FloatArray, counts: FloatArray, level: FloatArray) -> FloatArray:
    """Return what is expected of a score of each example, after so many of them with these sums."""
    return np.asarray((sums + _PRIOR * level) / (counts + _PRIOR))
