"""How much each setting matters, over the whole space and for the recommendation.

Shares of variance: functional ANOVA of the search's own model (Hutter, Hoos and Leyton-Brown 2014), estimated from
pairs of points that share one coordinate or all but one (Jansen 1999; table 2 of Saltelli and others 2010).

A conclusion such as "temperature 0.5 is better than 1" may hold at the recommendation alone. How often it holds over
the rest of the space is its share of a multiverse (Steegen, Tuerlinckx, Gelman and Vanpaemel 2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.archive.surface import UtilitySurface
from infertune.space import Parameter, SearchSpace
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray

_N_POINTS = 1024
_LEAST_VARIANCE = 1e-12  # of what no setting changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """One setting.

    Attributes:
        alone: Share of the variance of utility that it explains alone, in [0, 1].
        total: Share with everything that it does together with other settings, in [0, 1], at least ``alone``.
        recommended: Its value in the recommendation; None where it has none there. ``default`` likewise.
        holds: Share of the rest of the space in which the recommended value is better than the default's; None where
            they are the same.
        gain: By how much, on average over the rest of the space.
    """

    name: str
    alone: float
    total: float
    recommended: Scalar | None
    default: Scalar | None
    holds: float | None
    gain: float | None


def importances(
    surface: UtilitySurface, recommended: Configuration, default: Configuration, *, seed: int = 0
) -> list[Importance]:
    """Return every setting that is searched, the most important first.

    Args:
        surface: Of the study.
        recommended: Its recommendation; ``default`` is its default.
        seed: Of the points.
    """
    searched = [each for each in surface.space.parameters if _varies(each)]
    rng = np.random.default_rng(seed)
    a, b = (rng.random((_N_POINTS, len(surface.space.parameters))) for _ in range(2))
    shares = _shares(surface, searched, a, b)
    found = []
    for parameter, (alone, total) in zip(searched, shares, strict=True):
        was, now = default.get(parameter.name), recommended.get(parameter.name)
        holds, gain = (None, None) if was == now else _multiverse(surface, parameter.name, now, was, a)
        found.append(
            Importance(
                name=parameter.name,
                alone=alone,
                total=total,
                recommended=now,
                default=was,
                holds=holds,
                gain=gain,
            )
        )
    return sorted(found, key=lambda each: each.total, reverse=True)


def _varies(parameter: Parameter) -> bool:
    return parameter.kind != "choice" or len(parameter.choices) > 1


def _shares(
    surface: UtilitySurface, searched: Sequence[Parameter], a: FloatArray, b: FloatArray
) -> list[tuple[float, float]]:
    """Return the share of variance of each parameter alone, and with all that it does together with others."""
    space = surface.space
    names = [each.name for each in space.parameters]
    of_a, of_b = (_at(surface, space, points) for points in (a, b))
    both = np.concatenate([of_a, of_b])
    variance = float(np.nanvar(both))
    if not variance > _LEAST_VARIANCE:
        return [(0.0, 0.0) for _ in searched]
    found = []
    for parameter in searched:
        column = names.index(parameter.name)
        mixed = a.copy()
        mixed[:, column] = b[:, column]
        of_mixed = _at(surface, space, mixed)
        total = float(np.nanmean((of_a - of_mixed) ** 2)) / (2 * variance)
        alone = 1.0 - float(np.nanmean((of_b - of_mixed) ** 2)) / (2 * variance)
        total = min(max(total, 0.0), 1.0)
        found.append((min(max(alone, 0.0), total), total))
    return found


def _multiverse(
    surface: UtilitySurface, name: str, now: Scalar | None, was: Scalar | None, points: FloatArray
) -> tuple[float | None, float | None]:
    """Return in what share of the rest of the space a value is better than another, and by how much on average."""
    if now is None or was is None:
        return None, None
    space = surface.space
    rest = [space.from_unit(point) for point in points.tolist()]
    pairs = [(_with(space, each, name, now), _with(space, each, name, was)) for each in rest]
    pairs = [(one, other) for one, other in pairs if one != other and name in one and name in other]
    if not pairs:
        return None, None
    gains = surface.means([one for one, _ in pairs]) - surface.means([other for _, other in pairs])
    gains = gains[~np.isnan(gains)]
    return (float((gains > 0).mean()), float(gains.mean())) if len(gains) else (None, None)


def _with(space: SearchSpace, configuration: Configuration, name: str, value: Scalar) -> Configuration:
    """Return a configuration with one value set, and with what then exists beside it at its default."""
    return space.assemble(lambda each: value if each.name == name else configuration.get(each.name, each.default))


def _at(surface: UtilitySurface, space: SearchSpace, points: FloatArray) -> FloatArray:
    return surface.means([space.from_unit(point) for point in points.tolist()])
