"""The full space as a peer sees it, a list of values for each parameter, and the way back to a configuration.

A library has no notion of tiers: n, max_tokens and the voter are parameters like all others. What only exists under a
condition, or is fixed by another value, is an axis all the same and ignored where it does not count: at temperature 0
there is one sample, and one sample has no voter. So no proposal is ever wasted on what does not exist.
"""

import itertools
from collections.abc import Mapping, Sequence

from benchmarks.search.ladder import ladder
from benchmarks.search.methods.trials import recorded
from benchmarks.search.peers.protocol import Axis
from benchmarks.search.problem import Problem
from infertune.space import Parameter
from infertune.space.extra_settings import is_extra
from infertune.types import Configuration, Scalar

N_RUNGS = 100  # of a range that has no step: peers choose among values
_FIRST = "first"


class Axes:
    """Those of one problem.

    Attributes:
        axes: Of every parameter with more than one value that is not an extra setting.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._values = {
            each.name: _values(each)
            for each in problem.space.parameters
            if not is_extra(each.name) and len(_values(each)) > 1
        }
        self.axes = [Axis(name, list(values), _ordered(values)) for name, values in self._values.items()]

    def configuration(self, point: Sequence[int]) -> Configuration:
        """Return the complete configuration that a point stands for.

        Where only recorded configurations can be bought, the request tier is that of the nearest one, tried or not:
        the landscape has steps then, but keeps its shape, which an index of configurations would not, and every peer
        models the space that it is made for.
        """
        return self._complete({axis.name: axis.values[at] for axis, at in zip(self.axes, point, strict=True)})

    def default(self) -> Configuration:
        """Return what is recommended by who has seen nothing."""
        return self._complete(self._problem.space.default_configuration())

    def _complete(self, wanted: Mapping[str, Scalar]) -> Configuration:
        space = self._problem.space
        request = space.tier("request").assemble(lambda p: wanted.get(p.name, p.default))
        request = recorded(self._problem, request, set())
        values = {p.name: wanted.get(p.name, p.default) for p in space.parameters if p.tier == "replay"}
        if request["decoding.temperature"] == 0:
            values["strategy.n"] = 1
        if values["strategy.n"] == 1:
            values["strategy.name"] = _FIRST
        return request.with_values(values)


def _values(parameter: Parameter) -> tuple[Scalar, ...]:
    # `first` is what n = 1 means; as a voter of more it would not exist.
    return tuple(each for each in ladder(parameter, N_RUNGS) if parameter.name != "strategy.name" or each != _FIRST)


def _ordered(values: Sequence[Scalar]) -> bool:
    """Whether the values are a scale. Where a choice has 0 among positive numbers, it switches off."""
    numbers = [each for each in values if isinstance(each, int | float) and not isinstance(each, bool)]
    steps = {round(b - a, 9) for a, b in itertools.pairwise(numbers)}
    return len(numbers) == len(values) and (len(steps) == 1 or min(numbers) > 0)
