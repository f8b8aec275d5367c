"""Random search: every proposal is drawn uniformly, whatever came before (Bergstra and Bengio 2012)."""

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from infertune.samplers import Trial, first_unseen
from infertune.space import SearchSpace
from infertune.types import Configuration


class RandomSampler:
    """Draws uniformly: the floor that every other sampler has to beat."""

    def propose(self, space: SearchSpace, history: Sequence[Trial], seed: int) -> Configuration:
        """Return a uniform draw from what the history lacks."""
        rng = np.random.default_rng((seed, len(history)))
        return first_unseen((space.sample(rng) for _ in repeat(None)), space, history)
