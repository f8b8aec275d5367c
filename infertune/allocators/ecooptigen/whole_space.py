"""A space as one that every parameter has a value in, for a search that knows neither conditions nor constraints."""

from collections.abc import Mapping, Sequence

from infertune.allocators.surrogates.coordinates import Coordinates
from infertune.space import Parameter, SearchSpace
from infertune.space.names import MAX_TOKENS, N
from infertune.types import Configuration, Scalar


class WholeSpace:
    """Request and replay tier together.

    Args:
        space: The whole space.
        configurations: Those of the request tier that can be had; empty when all can.
        n_choices: Values of ``strategy.n`` that can be had.

    Attributes:
        parameters: Those with more than one value, without the values that n = 1 brings about by itself.
    """

    def __init__(self, space: SearchSpace, configurations: Sequence[Configuration], n_choices: Sequence[int]) -> None:
        self._space = space
        self._request = space.tier("request")
        self._configurations = configurations
        self._n_choices = frozenset(n_choices)
        self._coordinates = Coordinates(self._request)
        self.parameters = tuple(each for each in map(self._searched, space.parameters) if _varies(each))

    def complete(self, values: Mapping[str, Scalar]) -> tuple[Configuration, Configuration] | None:
        """Return the configuration of the request tier and the replay choice that are nearest to some values.

        What does not exist beside the other values is left out. Of the replay choices that go with the rest, n counts
        first, then max_tokens; a voter that does not go with n gives way to one that does.

        Returns:
            None where the space's constraints leave nothing near.
        """
        rounded = {parameter.name: parameter.nearest(values[parameter.name]) for parameter in self.parameters}
        request = self._request.assemble(lambda parameter: rounded.get(parameter.name, parameter.default))
        if self._configurations:
            points = self._coordinates.points([request, *self._configurations])
            apart = self._coordinates.differences(points[:1], points[1:]).sum(axis=0)[0]
            request = self._configurations[int(apart.argmin())]
        choices = self._choices(request) if self._request.allows(request) else []
        if not choices:
            return None
        wanted = {parameter.name: parameter.default for parameter in self._space.parameters} | rounded
        return request, min(choices, key=lambda choice: _unlikeness(choice, wanted))

    def _choices(self, request: Configuration) -> list[Configuration]:
        return [each for each in self._space.replay_choices(request) if each[N] in self._n_choices]

    def _searched(self, parameter: Parameter) -> Parameter:
        """Return the parameter with the values that are worth proposing."""
        if parameter.tier != "replay":
            return parameter
        choices = [each for each in self._space.tier("replay").configurations() if each[N] in self._n_choices]
        several = [each for each in choices if each[N] != 1] or choices
        usual = {each[parameter.name] for each in (choices if parameter.name == N else several)}
        kept = tuple(value for value in parameter.values() if value in usual)
        return Parameter(name=parameter.name, tier="replay", kind="choice", choices=kept, default=kept[0])


def _varies(parameter: Parameter) -> bool:
    return parameter.continuous or len(parameter.values()) > 1


def _unlikeness(choice: Configuration, wanted: Mapping[str, Scalar]) -> tuple[float, ...]:
    first = (N, MAX_TOKENS)
    apart = [abs(float(choice[name]) - float(wanted[name])) for name in first]
    return *apart, float(sum(choice[name] != wanted[name] for name in choice if name not in first))
