"""Of very many configurations those that a model is made of, so that no decision takes longer than a moment.

What is learned of the best comes from the best and from an even spread. So the first that were bought are kept, which
cover the space, and of the others those with the highest means.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from infertune.types.evidence import Evidence

MOST = 384
FIRST = 96  # of them


def informative(pieces: Sequence[Evidence]) -> list[Evidence]:
    """Return at most `MOST` pieces of evidence, in their order; each has all examples of its configuration."""
    if len(pieces) <= MOST:
        return list(pieces)
    means = np.array([_mean(each) for each in pieces])
    means[:FIRST] = np.inf
    kept = np.sort(np.argsort(-means, kind="stable")[:MOST])
    return [pieces[at] for at in kept]


@lru_cache(maxsize=65536)
def _mean(piece: Evidence) -> float:
    """Return the mean score under the best of its choices."""
    return float(piece.scores.mean(axis=1).max())
