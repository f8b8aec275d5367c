"""What votes among fresh samples come to, where the chance of every answer is known: exact, without drawing any.

Chances are ``[n_answers, n_examples]``, the right answer first; a sample's answer is one of these or none.
"""

import math
from collections.abc import Sequence

import numpy as np

from infertune.types.arrays import FloatArray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_LEAST, _MOST = 1e-3, 1e3  # of a ratio of likelihoods: beyond, the likelier one always wins


def plurality(chances: FloatArray, most: int) -> FloatArray:
    """Return how often the right answer wins a plurality vote of m voters, ties drawn evenly.

    Every voter gives an answer: the chances of each example sum to 1. With m! and x^m / m! counting the orders of the
    votes, the right answer has j of them and each other one fewer, or as many with a factor y. Integrating y over
    [0, 1] turns y^t into 1 / (t + 1), its chance among t others tied with it.

    Args:
        chances: As above.
        most: Voters.

    Returns:
        ``[most + 1, n_examples]``, by m from 0.
    """
    n_examples = chances.shape[1]
    terms = [chances**j / math.factorial(j) for j in range(most + 1)]
    wins = np.zeros((most + 1, n_examples))
    for level in range(1, most + 1):
        left = most - level  # votes of the others, at most
        if level > left:
            others = np.stack([(1 - chances[0]) ** m / math.factorial(m) for m in range(left + 1)])
        else:
            nodes, weights = np.polynomial.legendre.leggauss(left // level // 2 + 1)
            ways = np.zeros((left + 1, len(nodes), n_examples))
            ways[0] = 1.0
            y = (nodes[:, None] + 1) / 2
            for answer in range(1, len(chances)):
                grown = ways.copy()
                for votes in range(1, level + 1):
                    factor = terms[votes][answer] if votes < level else y * terms[votes][answer]
                    grown[votes:] += ways[:-votes] * factor
                ways = grown
            others = np.einsum("mye,y->me", ways, weights / 2)
        wins[level:] += terms[level][0] * others
    return np.asarray(wins * np.array([math.factorial(m) for m in range(most + 1)])[:, None])


def thinned(wins: FloatArray, answering: FloatArray, n: int) -> FloatArray:
    """Return how often the right answer wins among n voters of whom each answers with some chance.

    Args:
        wins: Of `plurality`.
        answering: Chances, ``[n_examples]``.
        n: Voters; where none answers, nothing wins.
    """
    return np.asarray(
        sum(math.comb(n, m) * answering**m * (1 - answering) ** (n - m) * wins[m] for m in range(1, n + 1))
    )


def likeliest(chances: FloatArray, logprobs: FloatArray, noise: FloatArray, ns: Sequence[int]) -> FloatArray:
    """Return how often the right answer is that of the likeliest of n samples, ``[len(ns), n_examples]``.

    A sample's log probability is that of its answer plus Gumbel noise. The likeliest of some samples then is one of
    them with chances in proportion to w = exp(logprob / noise), so that over the others' answers its chance is the
    integral over s in [0, 1] of the product of s^(w_other / w_own), here by 16 Gauss-Legendre nodes.

    Args:
        chances: With a last row for no answer; each example's sum to 1.
        logprobs: Same shape.
        noise: Scale of the noise, ``[n_examples]``; where it is 0 all samples have one answer.
        ns: Numbers of samples.
    """
    ratio = np.exp(np.clip((logprobs - logprobs[0]) / np.maximum(noise, 1e-9), np.log(_LEAST), np.log(_MOST)))
    found = np.zeros((len(ns), chances.shape[1]))
    for node, weight in zip((_NODES + 1) / 2, _WEIGHTS / 2, strict=True):
        other = np.einsum("ke,ke->e", chances, np.exp(np.log(node) * ratio))
        for row, n in enumerate(ns):
            found[row] += weight * n * chances[0] * other ** (n - 1)
    return found
