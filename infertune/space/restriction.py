"""Takes out of a space what an engine does not honour, before anything is spent on values that mean nothing to it."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from infertune.errors import InvalidInputError
from infertune.space.extra_settings import is_extra
from infertune.space.names import MAX_TOKENS, PROMPT, PROMPT_KIND, N
from infertune.space.parameter import Parameter
from infertune.space.search_space import SearchSpace
from infertune.types import Decoding, Scalar, Unsupported

_NEUTRAL: Mapping[str, Scalar] = {
    f"decoding.{field.name}": getattr(Decoding(), field.name) for field in fields(Decoding)
}


def is_neutral(name: str, value: Scalar) -> bool:
    """Return whether a decoding setting changes nothing at a value."""
    return name in _NEUTRAL and value == _NEUTRAL[name] and name != MAX_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """A space without what means nothing to an engine, and a sentence on each thing that is gone."""

    space: SearchSpace
    notes: tuple[str, ...]


def narrowed(
    space: SearchSpace, unsupported: Sequence[Unsupported], *, kinds: Mapping[str, Collection[str]]
) -> Narrowed:
    """Return the space without the parameters and choices that an engine does not honour.

    A parameter stays at the value that changes nothing; an extra setting is gone altogether.

    Args:
        space: The user's.
        unsupported: `Engine.unsupported`.
        kinds: `Template.kinds` of each template of the task.

    Raises:
        InvalidInputError: Nothing is left to choose from.
    """
    notes = []
    for each in _by_template(unsupported, kinds):
        if each.name not in space:
            continue
        parameter = space[each.name]
        if each.below is not None or each.above is not None:
            within = _within(parameter, each)
            if within != parameter:
                space = space.replaced([within])
                notes.append(f"{parameter.alias} is searched in {within.domain} only: {each.reason}")
        elif each.value is not None:
            if not parameter.contains(each.value):
                continue
            space = space.replaced([_without(parameter, each)])
            notes.append(f"{parameter.alias}={each.value} is left out: {each.reason}")
        elif is_extra(parameter.name):
            space = replace(space, parameters=tuple(p for p in space.parameters if p.name != parameter.name))
            notes.append(f"{parameter.alias} is left out: {each.reason}")
        else:
            value = _neutral(parameter)
            if parameter.kind == "choice" and parameter.choices == (value,):
                continue
            space = space.fixed({parameter.name: value})
            notes.append(f"{parameter.alias} is not searched and stays at {_plain(value)}: {each.reason}")
    return Narrowed(space=space, notes=tuple(notes))


def check_supported(
    configuration: Mapping[str, Scalar],
    space: SearchSpace,
    unsupported: Sequence[Unsupported],
    *,
    kinds: Mapping[str, Collection[str]],
) -> None:
    """Raise InvalidInputError where a configuration sets what an engine does not honour.

    A parameter of the replay tier that cannot be recomputed can still be asked for as it is.
    """
    for each in _by_template(unsupported, kinds):
        if each.name not in configuration:
            continue
        parameter, value = space[each.name], configuration[each.name]
        if each.below is not None or each.above is not None:
            if not _is_within(value, each):
                raise InvalidInputError(f"{each.name} must not be {_plain(value)} on this engine: {each.reason}")
        elif each.value is not None:
            if value == each.value:
                raise InvalidInputError(f"{each.name} must not be {_plain(value)} on this engine: {each.reason}")
        elif is_extra(each.name) and value != 0:  # at 0, the off of such settings, there was nothing to be seen
            raise InvalidInputError(f"{each.name} must be left out on this engine: {each.reason}")
        elif not is_extra(each.name) and parameter.tier != "replay" and value != _neutral(parameter):
            raise InvalidInputError(
                f"{each.name} must be {_plain(_neutral(parameter))} on this engine, but is {_plain(value)}: "
                f"{each.reason}"
            )


def _by_template(unsupported: Sequence[Unsupported], kinds: Mapping[str, Collection[str]]) -> list[Unsupported]:
    """Return the list with each kind of prompt replaced by the templates of that kind."""
    found = []
    for each in unsupported:
        if each.name != PROMPT_KIND:
            found.append(each)
            continue
        names = [name for name, own in kinds.items() if each.value in own]
        found += [replace(each, name=PROMPT, value=name) for name in names]
    return found


def _neutral(parameter: Parameter) -> Scalar:
    """Return the value that changes nothing; of a limit the largest, of a number of samples the smallest."""
    if parameter.name == MAX_TOKENS:
        return max(parameter.values())
    if parameter.name == N:
        return min(parameter.values())
    return parameter.meaningful(_NEUTRAL[parameter.name]) if parameter.name in _NEUTRAL else parameter.default


def _is_within(value: Scalar, each: Unsupported) -> bool:
    low = -math.inf if each.below is None else each.below
    high = math.inf if each.above is None else each.above
    return not isinstance(value, int | float) or low <= value <= high


def _within(parameter: Parameter, each: Unsupported) -> Parameter:
    """Return the parameter without the values below or above those that are of use."""
    if parameter.continuous:
        low, high = parameter.low or 0.0, parameter.high or 0.0
        low = low if each.below is None else max(low, each.below)
        high = high if each.above is None else min(high, each.above)
        kept: tuple[Scalar, ...] = (low, high) if low <= high else ()
    else:
        kept = tuple(value for value in parameter.values() if _is_within(value, each))
    if not kept:
        raise InvalidInputError(
            f"{parameter.name} must have another value than {parameter.domain} on this engine, but has none: "
            f"{each.reason}"
        )
    default = parameter.default if _is_within(parameter.default, each) else min(kept, key=_distance(parameter.default))
    if parameter.kind == "choice":
        return replace(parameter, choices=kept, default=default)
    return replace(parameter, low=float(kept[0]), high=float(kept[-1]), default=default)


def _distance(value: Scalar) -> Callable[[Scalar], float]:
    return lambda other: abs(float(other) - float(value))


def _without(parameter: Parameter, each: Unsupported) -> Parameter:
    choices = tuple(value for value in parameter.values() if value != each.value)
    if not choices:
        raise InvalidInputError(
            f"{parameter.name} must have another value than {each.value} on this engine, but has none: {each.reason}"
        )
    fewer = replace(
        parameter, kind="choice", choices=choices, default=choices[0], low=None, high=None, step=None, log=False
    )
    return replace(fewer, default=fewer.nearest(parameter.default))


def _plain(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
