"""Quasi-Monte-Carlo search: a scrambled Sobol sequence covers the space more evenly than random draws.

Sobol 1967; scrambled as in Matousek 1998, so that each seed gives a different sequence of the same evenness.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from infertune.samplers import N_DRAWS, Trial, first_unseen
from infertune.space import SearchSpace
from infertune.types import Configuration


class QMCSampler:
    """Follows one Sobol sequence through the whole study, with one coordinate for each parameter."""

    def propose(self, space: SearchSpace, history: Sequence[Trial], seed: int) -> Configuration:
        """Return the point of the sequence that has the proposal's number, or the next one that the history lacks."""
        return first_unseen(_sequence(space, seed, start=len(history)), space, history)


def _sequence(space: SearchSpace, seed: int, *, start: int) -> Iterator[Configuration]:
    """Yield the sequence from one of its points on; a point outside the constraints gives way to a random draw."""
    from scipy.stats import qmc

    sobol = qmc.Sobol(len(space.parameters), rng=np.random.default_rng(seed))
    points = sobol.random_base2((start + N_DRAWS).bit_length())[start : start + N_DRAWS]
    rng = np.random.default_rng((seed, start))
    for configuration in map(space.from_unit, points.tolist()):
        yield configuration if space.allows(configuration) else space.sample(rng)
