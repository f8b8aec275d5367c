"""Which engine settings to start next: each start is dear, so one change at a time, then what should help together.

A pure function of what was tried, so that a resumed search repeats its own proposals.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from infertune.space import Parameter, SearchSpace
from infertune.types import Configuration, Scalar

WORTH = 1.1  # times the fastest so far: what should be slower than that is not started
_MOST_COMBINED = 5000


def propose(space: SearchSpace, tried: Mapping[Configuration, float | None]) -> Configuration | None:
    """Return the next configuration, or None when nothing is left that is worth a start.

    First the default, then single changes of it: of each parameter in turn the next nearest value. Then combinations,
    by the seconds that they should take if single changes multiplied; a change whose effect is not known, such as one
    that needs another, counts as none.

    Args:
        space: Of engine settings, which can be enumerated.
        tried: Seconds per request; None for what failed.
    """
    default = space.default_configuration()
    singles = [_changed(space, default, {name: value}) for name, value in _singles(space, default)]
    first = next((each for each in (default, *singles) if each not in tried and space.allows(each)), None)
    if first is not None or tried[default] is None:
        return first
    seconds = {each: found for each, found in tried.items() if found is not None}
    fastest = min(seconds.values())

    def effect(name: str, value: Scalar) -> float:
        """Return how a single change multiplies the default's seconds; infinite where it failed."""
        if default.get(name, value) == value:
            return 1.0
        single = _changed(space, default, {name: value})
        return seconds.get(single, math.inf if single in tried else seconds[default]) / seconds[default]

    def predicted(configuration: Configuration) -> float:
        return seconds[default] * math.prod(effect(name, value) for name, value in configuration.items())

    kept = [_kept(parameter, effect) for parameter in space.parameters]
    combined = itertools.islice(space.replaced(kept).configurations(), _MOST_COMBINED)
    new = [each for each in combined if each not in tried and predicted(each) <= WORTH * fastest]
    return min(new, key=predicted, default=None)


def _kept(parameter: Parameter, effect: Callable[[str, Scalar], float]) -> Parameter:
    """Return a parameter with the default and those values that alone were worth it."""
    choices = [v for v in parameter.values() if v == parameter.default or effect(parameter.name, v) <= WORTH]
    return replace(parameter, kind="choice", choices=tuple(choices), low=None, high=None, step=None, log=False)


def _singles(space: SearchSpace, base: Configuration) -> Iterator[tuple[str, Scalar]]:
    """Yield the single changes of a configuration, of each parameter in turn the next nearest value."""
    columns = [
        [(parameter.name, value) for value in _by_distance(parameter, base[parameter.name])]
        for parameter in space.parameters
        if parameter.name in base
    ]
    for row in itertools.zip_longest(*columns):
        yield from (single for single in row if single is not None)


def _by_distance(parameter: Parameter, value: Scalar) -> list[Scalar]:
    values = parameter.values()
    here = values.index(value)
    return sorted((each for each in values if each != value), key=lambda each: abs(values.index(each) - here))


def _changed(space: SearchSpace, base: Configuration, changes: Mapping[str, Scalar]) -> Configuration:
    values = {**base, **changes}
    return space.assemble(lambda parameter: values.get(parameter.name, parameter.default))
