"""Takes out of a space what an engine does not honour, before anything is spent on values that mean nothing to it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from infertune.errors import InvalidInputError
from infertune.extra_settings import is_extra
from infertune.parameter import Parameter
from infertune.space import SearchSpace
from infertune.types import Decoding, Scalar, Unsupported

PROMPT_KIND = "prompt.kind"
"""Names in `Unsupported` what no engine knows by name: all templates of the kind ``chat``, ``plain`` or ``system``."""

_TEMPLATE = "prompt.template"
_NEUTRAL: Mapping[str, Scalar] = {
    f"decoding.{field.name}": getattr(Decoding(), field.name) for field in fields(Decoding)
}


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
        if each.value is not None:
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
        if each.value is not None:
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
        found += [replace(each, name=_TEMPLATE, value=name) for name in names]
    return found


def _neutral(parameter: Parameter) -> Scalar:
    """Return the value that changes nothing; of a limit the largest, of a number of samples the smallest."""
    if parameter.name == "decoding.max_tokens":
        return max(parameter.values())
    if parameter.name == "strategy.n":
        return min(parameter.values())
    return parameter.meaningful(_NEUTRAL[parameter.name]) if parameter.name in _NEUTRAL else parameter.default


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
