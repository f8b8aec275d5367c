"""Plain data into frozen structs and dataclasses, with everything that does not fit told at once and in words.

msgspec stops at the first misfit; a file with three slips would take three runs to put right. A struct may add a
method ``problems() -> list[str]`` for what types cannot say; it is asked once everything below the struct fits.
"""

import dataclasses
import math
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Never, Union, get_args, get_origin, get_type_hints

import msgspec

from infertune.errors import InvalidInputError, nearest

UNFIT: Any = object()
"""What stands for a value that does not fit."""

_LARGEST = 10**18  # JSON of other programs holds no larger one
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "a mapping"}


def fit(value: Any, kind: Any, *, path: str = "") -> tuple[Any, list[str]]:
    """Return plain data as ``kind``, or UNFIT, and every misfit; ``path`` is the key under which the data stand."""
    problems: list[str] = []
    return _fit(value, kind, path, problems), problems


def fit_fields(value: Any, kind: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the fields of a struct that fit, lists without the entries that do not, and every misfit."""
    problems: list[str] = []
    return _fields(value, kind, "", problems), problems


def _fit(value: Any, kind: Any, path: str, problems: list[str]) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, UnionType):
        return _union(value, inner, path, problems)
    if _is_struct(kind):
        return _struct(value, kind, path, problems)
    if origin is dict and isinstance(value, dict):
        found = {name: _fit(one, inner[1], _below(path, name), problems) for name, one in value.items()}
        for name in found:
            if not isinstance(name, str):
                problems.append(_said(path, f"must have keys that are text, but one is {_found(name)}; quote it"))
        return {name: one for name, one in found.items() if one is not UNFIT}
    if origin in (tuple, list) and isinstance(value, list) and (origin is list or inner[-1] is ...):
        entries = [_fit(one, inner[0], f"{path}[{at}]", problems) for at, one in enumerate(value)]
        return origin(one for one in entries if one is not UNFIT)
    return _leaf(value, kind, path, problems, expected=kind)


def _leaf(value: Any, kind: Any, path: str, problems: list[str], *, expected: Any) -> Any:
    try:
        if kind is Never:
            raise msgspec.ValidationError
        converted = msgspec.convert(value, kind)
    except (msgspec.ValidationError, InvalidInputError):
        hint = nearest(value, get_args(kind)) if get_origin(kind) is Literal and isinstance(value, str) else ""
        if kind is str and isinstance(value, bool | int | float):
            hint = "; quote it"
        problems.append(_said(path, f"must be {_expected(expected)}, but is {_found(value)}{hint}"))
        return UNFIT
    problem = half_character(value) if isinstance(value, str) else _no_number(value)
    if problem:
        problems.append(_said(path, problem))
    return UNFIT if problem else converted


def _no_number(value: Any) -> str:
    """Return why a number cannot be meant; empty where it can, and for anything else."""
    if type(value) is int and abs(value) >= _LARGEST:
        return "must have at most 18 digits"
    return "must be a number, but is NaN" if isinstance(value, float) and math.isnan(value) else ""


def half_character(text: str) -> str:
    r"""Return what is wrong with a text that holds half of a surrogate pair (``\ud83d`` alone), or an empty text."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"holds half a character: the lone surrogate \\u{ord(text[error.start]):04x}"
    return ""


def _union(value: Any, kinds: tuple[Any, ...], path: str, problems: list[str]) -> Any:
    """Fit the member that has the value's shape: a mapping, a list, or neither."""
    structs = [kind for kind in kinds if _is_struct(kind)]
    if isinstance(value, dict) and structs:
        return _struct(value, _meant(value, structs, path, problems), path, problems)
    shapes = [dict] if isinstance(value, dict) else [list, tuple] if isinstance(value, list) else []
    for kind in kinds:
        if get_origin(kind) in shapes:
            return _fit(value, kind, path, problems)
    leaves = tuple(kind for kind in kinds if not _is_struct(kind) and get_origin(kind) not in (dict, list, tuple))
    return _leaf(value, Union[leaves] if leaves else Never, path, problems, expected=Union[kinds])  # noqa: UP007


def _meant(value: dict[Any, Any], structs: list[Any], path: str, problems: list[str]) -> Any:
    """Return the only struct, or the one that the value's tag names, or UNFIT."""
    field = _tag_field(structs[0])
    if len(structs) == 1 and not (field and field in value):
        return structs[0]
    by_tag = {struct.__struct_config__.tag: struct for struct in structs}
    if field not in value:
        names = ", ".join(sorted(by_tag))
        problems.append(_said(path, f"must have the key '{field}', one of {names}{_instead(field, value)}"))
        return UNFIT
    tag = value[field]
    if not isinstance(tag, str) or tag not in by_tag:
        valid = _either(sorted(by_tag))
        close = nearest(str(tag), by_tag)
        hint = close if "did you mean" in close else ""
        problems.append(_said(_below(path, field), f"must be {valid}, but is {_found(tag)}{hint}"))
        return UNFIT
    return by_tag[tag]


def _struct(value: Any, kind: Any, path: str, problems: list[str]) -> Any:
    if kind is UNFIT:
        return UNFIT
    before = len(problems)
    fields = _fields(value, kind, path, problems)
    if len(problems) > before:
        return UNFIT
    try:
        made = kind(**fields)
        found = made.problems() if hasattr(made, "problems") else []
    except InvalidInputError as error:
        found = [str(error)]
    for problem in found:
        colon = "" if problem.startswith("must ") else ":"
        problems.append(f"'{path}'{colon} {problem}" if path else problem)
    return made if len(problems) == before else UNFIT


def _fields(value: Any, kind: Any, path: str, problems: list[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        problems.append(_said(path, f"must be {_expected(kind)}, but is {_found(value)}"))
        return {}
    known = {name: (field, required) for name, field, required in _known(kind)}
    tag = _tag_field(kind)
    unknown = [name for name in value if name not in known and not (tag and name == tag)]
    if dataclasses.is_dataclass(kind) or kind.__struct_config__.forbid_unknown_fields:
        place = f" under '{path}'" if path else ""
        problems += [f"unknown key '{name}'{place}{nearest(str(name), known)}" for name in unknown]
    lacking = [name for name, (_, required) in known.items() if required and name not in value]
    problems += [_said(path, f"must have the key '{name}'") for name in lacking]
    found = {
        name: _fit(value[name], field, _below(path, name), problems)
        for name, (field, _) in known.items()
        if name in value
    }
    return {name: one for name, one in found.items() if one is not UNFIT}


def _known(kind: Any) -> Iterator[tuple[str, Any, bool]]:
    """Yield name, type and whether it must be given of each field."""
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        for one in dataclasses.fields(kind):
            missing = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
            yield one.name, hints[one.name], missing
    else:
        for each in msgspec.structs.fields(kind):
            yield each.encode_name, each.type, each.required


def _is_struct(kind: Any) -> bool:
    return hasattr(kind, "__struct_config__") or (isinstance(kind, type) and dataclasses.is_dataclass(kind))


def _tag_field(kind: Any) -> str:
    return str(kind.__struct_config__.tag_field or "") if hasattr(kind, "__struct_config__") else ""


def _expected(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        kinds = [one for one in inner if one is not NoneType and not (one is int and float in inner)]
        return _either(list(dict.fromkeys(map(_expected, kinds))))
    if origin is Literal:
        return _either(list(map(str, inner)))
    if origin in (tuple, list):
        return "a list" if origin is list or inner[-1] is ... else f"a list of {len(inner)}"
    if _is_struct(kind):
        if tag := _tag_field(kind):
            return f"a mapping with the key {tag}"
        return f"a mapping with keys such as {', '.join([name for name, _, _ in _known(kind)][:3])}"
    return next((words for word, words in _WORDS.items() if word is (origin or kind)), str(kind))


def _found(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value if len(value) <= 40 else value[:37] + '...'}'"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return str(value)[:40]


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _instead(name: str, value: dict[Any, Any]) -> str:
    close = nearest(name, [key for key in value if isinstance(key, str)])
    return close.replace("did you mean", "it has") if "did you mean" in close else ""


def _below(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _said(path: str, text: str) -> str:
    return f"'{path}' {text}" if path else text
