"""Which values go together: some of them completed by others, as conditions and constraints allow."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from infertune.space.condition import Condition, Constraint
from infertune.space.parameter import Parameter
from infertune.types import Scalar


def exists(parameter: Parameter, values: Mapping[str, Scalar]) -> bool:
    """Return whether a parameter exists beside the values of earlier ones."""
    when = parameter.when
    return when is None or (when.name in values and when.holds(values[when.name]))


def combinations(
    parameters: Sequence[Parameter],
    constraints: Sequence[Constraint],
    fixed: Mapping[str, Scalar],
    domain: Callable[[Parameter], Sequence[Scalar]],
) -> Iterator[dict[str, Scalar]]:
    """Yield the fixed values with each combination of the other parameters' that keeps all constraints.

    Args:
        parameters: In an order in which each depends on earlier ones only.
        constraints: Between them.
        fixed: Values of some.
        domain: Of another one, what it may be; where that is empty, it is left out.
    """

    def extend(values: dict[str, Scalar], rest: Sequence[Parameter]) -> Iterator[dict[str, Scalar]]:
        if not all(constraint.holds(values) for constraint in constraints):
            return
        for index, parameter in enumerate(rest):
            if parameter.name in fixed or not exists(parameter, values):
                continue
            choices = domain(parameter)
            if choices:
                for value in choices:
                    yield from extend({**values, parameter.name: value}, rest[index + 1 :])
                return
        yield values

    return extend(dict(fixed), parameters)


def telling_values(parameter: Parameter, conditions: Sequence[Condition]) -> tuple[Scalar, ...]:
    """Return the default, then values such that each side of every condition on the parameter has one."""
    named = [condition.value for condition in conditions if condition.name == parameter.name]
    if not named:
        return (parameter.default,)
    if parameter.kind == "choice":
        return tuple(dict.fromkeys((parameter.default, *parameter.choices)))
    constants = [each for value in named for each in (value if isinstance(value, tuple) else (value,))]
    assert parameter.low is not None and parameter.high is not None
    points = sorted({float(c) for c in constants if not isinstance(c, str)} | {parameter.low, parameter.high})
    middles = [(left + right) / 2 for left, right in itertools.pairwise(points)]
    return tuple(dict.fromkeys((parameter.default, *(parameter.nearest(point) for point in (*points, *middles)))))
