"""Reads a YAML file into a frozen struct, strictly: an unknown key or a wrong type names the file and the key."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
import yaml

from infertune.errors import InvalidInputError, nearest

T = TypeVar("T")

_WIDTH = 119  # of a written line, where a space lets it be broken


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of version 1.2: ``yes`` and ``no`` are words, ``1e-3`` is a number."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key given twice, which YAML forbids and PyYAML answers with the last one."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key '{key.value}' is given twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":float", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_FLOAT = (
    "tag:yaml.org,2002:float",
    re.compile(r"^([-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.inf|\.nan)$"),
    list("-+.0123456789"),
)
_Loader.add_implicit_resolver(*_FLOAT)


class _Dumper(yaml.SafeDumper):
    """Writes texts so that any YAML reader, `_Loader` too, gives them back as they are; several lines stay lines."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # A block cannot begin with white space, and every reader turns U+0085 in it into a plain line break.
    can_be_block = "\n" in text and not text[0].isspace() and not re.search("[\x85\u2028\u2029]", text)
    style = "|" if can_be_block else '"' if re.search("[\n\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_implicit_resolver(*_FLOAT)  # or 1e-3, a text, would be written without quotes
_Dumper.add_representer(str, _represent_text)


def read(path: Path, kind: type[T]) -> T:
    """Return the file's contents as ``kind``; raise InvalidInputError for anything that does not fit."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return parse(text, kind, where=str(path))


def write(path: Path, struct: msgspec.Struct, *, head: str) -> None:
    """Write a struct below a comment, whole or not at all; an earlier file of the same name is replaced."""
    plain = msgspec.to_builtins(struct)
    body = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(head + body)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error


def check_writable(path: Path, kind: type[msgspec.Struct]) -> None:
    """Raise InvalidInputError unless ``--out`` can be written there: a new file, or an earlier one of this kind."""
    if not path.parent.is_dir():
        raise InvalidInputError(f"the folder of --out must exist, but {path.parent} does not")
    if not os.access(path.parent, os.W_OK):
        raise InvalidInputError(f"the folder of --out must be writable, but {path.parent} is not")
    if not path.exists():
        return
    try:
        read(path, kind)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"--out must be a new file or an earlier answer, which it then replaces, but {path} is neither: {error}"
        ) from None


def parse(text: str, kind: type[T], *, where: str) -> T:
    """Return YAML text as ``kind``; ``where`` names its origin in messages."""
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InvalidInputError(f"{where}{line}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    return convert(value, kind, where=where)


def convert(value: Any, kind: type[T], *, where: str) -> T:
    """Return plain data as ``kind``; the first misfit becomes an InvalidInputError with its key path."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at ")
        key = path.strip("`").removeprefix("$").removeprefix(".")
        unknown = re.search(r"unknown field `(.*)`", problem)
        if unknown:
            name = unknown[1]
            valid = {each for struct in _structs_at(kind, key) for each in struct.__struct_encode_fields__}
            place = f" under '{key}'" if key else ""
            raise InvalidInputError(f"{where}: unknown key '{name}'{place}{nearest(name, valid)}") from None
        place = f" '{key}':" if key else ""
        raise InvalidInputError(f"{where}:{place} {problem[:1].lower()}{problem[1:]}") from None


def _structs_at(kind: Any, path: str) -> list[Any]:
    """Return the structs that may stand at a key path such as ``splits.tune`` or ``extraction[0]``."""
    found = _structs_in(kind)
    for name in re.findall(r"[A-Za-z_]\w*", path):
        found = [
            inner
            for struct in found
            if name in struct.__struct_encode_fields__
            for inner in _structs_in(get_type_hints(struct)[name])
        ]
    return found


def _structs_in(kind: Any) -> list[Any]:
    """Return the structs that a type is, or holds through containers and unions."""
    if hasattr(kind, "__struct_encode_fields__"):
        return [kind]
    return [struct for inner in get_args(kind) for struct in _structs_in(inner)]
