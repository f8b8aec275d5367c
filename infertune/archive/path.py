"""The way from the default to the recommendation, one change at a time: what each is worth, and how sure that is.

The next step is always the change that is expected to add most to what was changed before. What a change adds on its
way and what is lost where it alone is taken back are two things, for settings help and hinder one another.
"""

import math
from dataclasses import dataclass

from scipy import special

from infertune.archive.surface import UtilitySurface
from infertune.space import SearchSpace
from infertune.types import Configuration, Scalar

_SPREADS = float(special.ndtri(0.975))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """An expected difference in utility, and what bounds it with 95%."""

    mean: float
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Whether it can be told from none."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change.

    Attributes:
        name: Of the setting.
        was: Its value before; None where it did not exist. ``now`` likewise.
        adds: What the step adds to what was changed before it; None where the model has no such combination.
        cost_tokens: What it adds to the tokens per request, likewise.
        worth: What the recommendation loses where this change alone is taken back; None where it cannot be, as n
            cannot under a vote.
    """

    name: str
    was: Scalar | None
    now: Scalar | None
    adds: Gain | None
    cost_tokens: float | None
    worth: Gain | None


def path(surface: UtilitySurface, default: Configuration, recommended: Configuration) -> list[Step]:
    """Return the steps, by what the model of the search expects; none where nothing is changed.

    Args:
        surface: Of the study.
        default: Where the path begins.
        recommended: Where it ends.
    """
    space = surface.space
    left = [name for name in dict.fromkeys([*recommended, *default]) if default.get(name) != recommended.get(name)]
    at, steps = default, []
    while left:
        reached = {name: _with(space, at, recommended, name) for name in left}
        moved = {name: there for name, there in reached.items() if there != at}
        if not moved:
            break
        gains = {name: _gain(surface, at, there) for name, there in moved.items()}
        name = max(gains, key=lambda each: (gain.mean if (gain := gains[each]) else -math.inf, each))
        there = moved[name]
        back = _with(space, recommended, default, name)
        steps.append(
            Step(
                name=name,
                was=at.get(name),
                now=there.get(name),
                adds=gains[name],
                cost_tokens=None if gains[name] is None else surface.tokens(there) - surface.tokens(at),
                worth=None if back == recommended else _gain(surface, back, recommended),
            )
        )
        at = there
        left = [each for each in left if at.get(each) != recommended.get(each)]
    return steps


def _gain(surface: UtilitySurface, before: Configuration, after: Configuration) -> Gain | None:
    mean, spread = surface.difference(before, after)
    if math.isnan(mean):
        return None
    return Gain(mean=mean, low=mean - _SPREADS * spread, high=mean + _SPREADS * spread)


def _with(space: SearchSpace, at: Configuration, other: Configuration, name: str) -> Configuration:
    """Return a configuration with one value of another, and what then exists beside it as that has it."""
    values = {**other, **at}
    if name in other:
        values[name] = other[name]
    return space.assemble(lambda each: values.get(each.name, each.default))
