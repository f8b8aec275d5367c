"""Which engine settings to start next: each start is dear, so one change at a time, then what helped together.

A pure function of what was tried, so that a resumed search repeats its own proposals.
"""

from collections.abc import Iterator, Mapping

from infertune.configuration import Configuration
from infertune.parameter import Parameter
from infertune.space import SearchSpace
from infertune.types import Scalar


def propose(space: SearchSpace, tried: Mapping[Configuration, float | None]) -> Configuration | None:
    """Return the next configuration, or None when nothing is left.

    First the default; then single changes of it, of each parameter in turn its next nearest value; then all values
    together that were faster than the default; then single changes of the fastest, those first that helped before;
    then the rest.

    Args:
        space: Of engine settings, which can be enumerated.
        tried: Seconds per request; None for what failed.
    """
    return next((each for each in _in_order(space, tried) if each not in tried and space.allows(each)), None)


def _in_order(space: SearchSpace, tried: Mapping[Configuration, float | None]) -> Iterator[Configuration]:
    default = space.default_configuration()
    yield default
    singles = _singles(space, default)
    yield from (_changed(space, default, {name: value}) for name, value in singles)
    seconds = {each: found for each, found in tried.items() if found is not None}
    if default not in seconds:
        return

    def effect(single: tuple[str, Scalar]) -> float:
        return seconds.get(_changed(space, default, dict([single])), seconds[default])

    best_of: dict[str, tuple[str, Scalar]] = {}
    for single in sorted(singles, key=effect):
        if effect(single) < seconds[default]:
            best_of.setdefault(single[0], single)
    yield _changed(space, default, dict(best_of.values()))
    fastest = min(seconds, key=lambda each: seconds[each])
    around = list(_singles(space, fastest))
    known = {single: effect(single) for single in around}
    yield from (
        _changed(space, fastest, {name: value}) for name, value in sorted(around, key=lambda single: known[single])
    )
    yield from space.configurations()


def _singles(space: SearchSpace, base: Configuration) -> list[tuple[str, Scalar]]:
    """Return the single changes of a configuration, of each parameter in turn the next nearest value."""
    columns = [
        [(parameter.name, value) for value in _by_distance(parameter, base[parameter.name])]
        for parameter in space.parameters
        if parameter.name in base
    ]
    longest = max((len(column) for column in columns), default=0)
    return [column[index] for index in range(longest) for column in columns if index < len(column)]


def _by_distance(parameter: Parameter, value: Scalar) -> list[Scalar]:
    values = parameter.values()
    here = values.index(value)
    return sorted((each for each in values if each != value), key=lambda each: abs(values.index(each) - here))


def _changed(space: SearchSpace, base: Configuration, changes: Mapping[str, Scalar]) -> Configuration:
    values = {**base, **changes}
    return space.assemble(lambda parameter: values.get(parameter.name, parameter.default))
