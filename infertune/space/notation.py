"""Reads changes to the search space, from the command line's ``--set`` and from a YAML file of the same meaning."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from infertune.errors import InvalidInputError, nearest
from infertune.files import yaml_file
from infertune.space.condition import Condition, Operator
from infertune.space.parameter import Parameter, Tier
from infertune.space.search_space import SearchSpace
from infertune.types import Scalar

_NUMBER = r"[-+]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,3})?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::({_NUMBER}|log))?")
_CONDITION = re.compile(r"\s*([\w.]+)\s*(==|!=|>=|<=|>|<|\bin\b)\s*(\S.*?)\s*")
_WORDS: dict[str, Scalar] = {"true": True, "false": False}


class _Range(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One parameter as a mapping in the file; ``values`` is in the notation of ``--set``."""

    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: tuple[Scalar, ...] = ()
    default: Scalar | None = None
    tier: Tier | None = None
    when: str = ""


_Entry = Scalar | tuple[Scalar, ...] | _Range


def changed(space: SearchSpace, settings: Sequence[str]) -> SearchSpace:
    """Return the space with the ranges, choices and fixed values of some ``--set`` arguments.

    Args:
        space: Names the parameters, by full name or alias.
        settings: Each ``name=low..high``, ``name=low..high:step``, ``name=low..high:log``, ``name=a,b,c`` or
            ``name=value``. A range of floats without a step is continuous. The default stays where it is inside,
            and moves to the nearest value otherwise.

    Raises:
        InvalidInputError: A name is unknown or given twice, a value means nothing, or nothing is left to search.
    """
    parameters: dict[str, Parameter] = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if not (name and equals and text):
            raise InvalidInputError(
                f"`settings` must be NAME=VALUES, as in temperature=0.2..1.2, but found '{setting}'"
            )
        try:
            parameter = space[name]
            if parameter.name in parameters:
                raise InvalidInputError(f"{parameter.name} must be given once, but is given twice")
            parameters[parameter.name] = _from_text(parameter, text)
        except InvalidInputError as error:
            raise InvalidInputError(f"`settings` {setting}: {error.text}") from None
    return _replaced(space, list(parameters.values()), where="`settings`")


def new(name: str, text: str, *, tier: Tier) -> Parameter:
    """Return a parameter whose values and their type are known only from the notation of ``--set``.

    The first value is the default. Values are numbers, or true and false, where all of them are; else texts.

    Raises:
        InvalidInputError: The text is no such notation.
    """
    match = _RANGE.fullmatch(text)
    values = [_scalar(end) for end in (match.groups()[:2] if match else text.split(","))]
    kinds = {type(value) for value in values}
    first: Scalar = ""
    if kinds == {int} or kinds == {bool}:
        first = values[0]
    elif kinds <= {int, float}:
        first = float(values[0])
    try:
        placeholder = Parameter(name=name, tier=tier, kind="choice", choices=(first,), default=first)
        return _from_text(placeholder, text)
    except InvalidInputError as error:
        raise InvalidInputError(f"`settings` {name}={text}: {error.text}") from None


def read(path: Path, space: SearchSpace) -> SearchSpace:
    """Return the space with the changes of a YAML file: a mapping of names to values.

    A value is a fixed value, a list of choices, a text in the notation of ``--set``, or a mapping with ``low``,
    ``high``, ``step`` and ``log``, or ``choices``; then also ``default``. A new parameter has a dotted name and
    says its ``tier``, and may have a condition: ``when: temperature > 0``.

    Raises:
        InvalidInputError: With the file and the key.
    """
    parameters: dict[str, Parameter] = {}
    for name, value in yaml_file.read(path, dict[str, Any]).items():
        kind: Any = _Range if isinstance(value, dict) else Scalar | tuple[Scalar, ...]
        entry: _Entry = yaml_file.convert(value, kind, where=f"{path}, '{name}'")
        try:
            parameter = _from_entry(space, name, entry)
            if parameter.name in parameters:
                raise InvalidInputError(f"{parameter.name} must be given once, but is given twice")
            if name not in space:
                space = space.replaced([parameter])  # the conditions of later ones may name it
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}, '{name}': {error.text}") from None
        parameters[parameter.name] = parameter
    return _replaced(space, list(parameters.values()), where=str(path))


def _replaced(space: SearchSpace, parameters: Sequence[Parameter], *, where: str) -> SearchSpace:
    try:
        return space.replaced(parameters)
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error.text}") from None


def _from_text(parameter: Parameter, text: str) -> Parameter:
    match = _RANGE.fullmatch(text)
    if match:
        low, high, step = match.groups()
        log = step == "log"
        return _ranged(parameter, float(low), float(high), step=float(step) if step and not log else None, log=log)
    if ".." in text:
        raise InvalidInputError(f"a range must be LOW..HIGH, LOW..HIGH:STEP or LOW..HIGH:log, but found '{text}'")
    texts = isinstance(parameter.default, str)
    return _chosen(parameter, [part.strip() if texts else _scalar(part) for part in text.split(",")])


def _from_entry(space: SearchSpace, name: str, entry: _Entry) -> Parameter:
    if not isinstance(entry, _Range):
        known = space[name]
        if isinstance(entry, str):
            return _from_text(known, entry)
        return _chosen(known, entry if isinstance(entry, tuple) else (entry,))
    if name in space:
        parameter = space[name]
        if entry.tier not in (None, parameter.tier) or entry.when:
            raise InvalidInputError(f"{parameter.name} must keep its tier and condition; they are for new parameters")
    else:
        parameter = _new(space, name, entry)
    if entry.choices:
        if any(value is not None for value in (entry.low, entry.high, entry.step)) or entry.log:
            raise InvalidInputError("choices must be given without low, high, step and log")
        parameter = _chosen(parameter, entry.choices)
    elif entry.low is not None and entry.high is not None:
        parameter = _ranged(parameter, entry.low, entry.high, step=entry.step, log=entry.log)
    else:
        raise InvalidInputError("there must be low and high, or choices")
    if entry.default is None:
        return parameter
    return replace(parameter, default=parameter.meaningful(entry.default))


def _new(space: SearchSpace, name: str, entry: _Range) -> Parameter:
    """Return a parameter with a name, tier, condition and type, whose values are then set like a known one's."""
    if entry.tier is None or "." not in name:
        names = [parameter.alias if "." not in name else parameter.name for parameter in space.parameters]
        raise InvalidInputError(
            f"no parameter is called '{name}'{nearest(name, names)}; a new one must have a dotted name and a tier"
        )
    ends = (entry.low, entry.high, entry.step)
    whole = all(end is None or end.is_integer() for end in ends)
    first: Scalar = entry.choices[0] if entry.choices else (0 if whole else 0.0)
    when = _condition(space, entry.when) if entry.when else None
    return Parameter(name=name, tier=entry.tier, kind="choice", choices=(first,), default=first, when=when)


def _condition(space: SearchSpace, text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if not match:
        raise InvalidInputError(f"a condition must be like 'temperature > 0' or 'prompt in a, b', but found '{text}'")
    name, operator, value = match.groups()
    parameter = space[name]
    texts = isinstance(parameter.default, str)
    values = [parameter.meaningful(part.strip() if texts else _scalar(part)) for part in value.split(",")]
    return Condition(parameter.name, _operator(operator), tuple(values) if operator == "in" else values[0])


def _operator(text: str) -> Operator:
    return text  # type: ignore[return-value]


def _scalar(text: str) -> Scalar:
    text = text.strip()
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"[-+]?[0-9]{1,40}", text):
        return int(text)
    return float(text) if re.fullmatch(_NUMBER, text) else text


def _chosen(parameter: Parameter, values: Sequence[Scalar]) -> Parameter:
    if not values:
        raise InvalidInputError(f"{parameter.name} must have at least one value, but has none")
    choices = tuple(parameter.meaningful(value) for value in values)
    chosen = replace(
        parameter, kind="choice", choices=choices, default=choices[0], low=None, high=None, step=None, log=False
    )
    return replace(chosen, default=chosen.nearest(parameter.default))


def _ranged(parameter: Parameter, low: float, high: float, *, step: float | None, log: bool) -> Parameter:
    whole = type(parameter.default) is int
    if isinstance(parameter.default, str | bool) or (parameter.tier == "replay" and not whole):
        raise InvalidInputError(f"{parameter.name} must be a list of choices, but found a range")
    start, end = (int(value) if whole and value.is_integer() else value for value in (low, high))
    ranged = replace(
        parameter,
        kind="int" if whole else "float",
        choices=(),
        default=parameter.meaningful(start),
        low=start,
        high=end,
        step=step,
        log=log,
    )
    return replace(ranged, default=ranged.nearest(parameter.default))
