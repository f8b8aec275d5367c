"""The values of a parameter that are tried where not all can be: rungs, equally far apart in its own scale."""

from infertune.space import Parameter
from infertune.types import Scalar


def ladder(parameter: Parameter, n_rungs: int) -> list[Scalar]:
    """Return all values in order, or so many at most of a range of ratios or without a step."""
    if parameter.kind == "choice" or not (parameter.log or parameter.continuous):
        return list(parameter.values())
    return list(dict.fromkeys(parameter.from_unit((rung + 0.5) / n_rungs) for rung in range(n_rungs)))
