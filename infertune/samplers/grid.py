"""Grid search: every configuration once, in an order that is random but fixed for the study."""

from collections.abc import Sequence
from math import prod

import numpy as np

from infertune.errors import InvalidInputError
from infertune.samplers import SpaceExhausted, Trial
from infertune.space import Parameter, SearchSpace
from infertune.types import Configuration

MAX_COMBINATIONS = 1_000_000


class GridSampler:
    """Goes through all combinations of the values, shuffled by the seed, so that any beginning is a fair sample."""

    def propose(self, space: SearchSpace, history: Sequence[Trial], seed: int) -> Configuration:
        """Return the first configuration of the study's order that the history lacks.

        Raises:
            InvalidInputError: A parameter is continuous, or there are more than a million combinations.
            SpaceExhausted: There is none left.
        """
        sizes = [_n_values(parameter) for parameter in space.parameters]
        n_combinations = prod(sizes)
        if n_combinations > MAX_COMBINATIONS:
            raise InvalidInputError(
                f"the sampler 'grid' must have at most {MAX_COMBINATIONS:,} combinations, but found "
                f"{n_combinations:,}; take some values out with `settings`, or use `search` random"
            )
        seen = {trial.configuration for trial in history}
        for number in np.random.default_rng(seed).permutation(n_combinations):
            configuration = _combination(space, np.unravel_index(number, sizes) if sizes else ())
            if configuration is not None and configuration not in seen and space.allows(configuration):
                return configuration
        raise SpaceExhausted


def _n_values(parameter: Parameter) -> int:
    if parameter.continuous:
        raise InvalidInputError(
            f"the sampler 'grid' must have a step for every range, but {parameter.name} has none: "
            f"give `settings` {parameter.alias}={parameter.low}..{parameter.high}:STEP"
        )
    return len(parameter.values())


def _combination(space: SearchSpace, indices: Sequence[int]) -> Configuration | None:
    """Return the configuration at a point of the grid, or None for a point that differs only in absent parameters."""
    index_of = {parameter.name: int(index) for parameter, index in zip(space.parameters, indices, strict=True)}
    configuration = space.assemble(lambda parameter: parameter.values()[index_of[parameter.name]])
    # Of the points that are one configuration, the one with all absent parameters at their first value stands for all.
    return configuration if all(i == 0 for name, i in index_of.items() if name not in configuration) else None
