"""Reads a YAML file into a frozen struct, strictly: every unknown key and wrong type is named, with the file."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from infertune.errors import InvalidInputError, together
from infertune.files import text_file
from infertune.files.fitting import fit

T = TypeVar("T")
_MOST_BYTES = 2**24


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
    """Writes what `_Loader` reads back: a text that it would take for a number is quoted."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal values out each time."""
        return True


_Dumper.yaml_implicit_resolvers = {
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, ()), *_Loader.yaml_implicit_resolvers.get(first, ())]
    for first in yaml.SafeDumper.yaml_implicit_resolvers.keys() | _Loader.yaml_implicit_resolvers.keys()
}


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Represent a text: several lines as a block, which cannot begin with white space nor hold other ends of lines."""
    other_ends = re.search("[\r\x85\u2028\u2029]", text)
    can_be_block = "\n" in text and not text[0].isspace() and not other_ends
    style = "|" if can_be_block else '"' if "\n" in text or other_ends else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(value: Any, *, one_line: bool = False) -> str:
    """Return plain data as YAML, keys in their order: block by block, or in one line such as ``{a: 1}``."""
    text = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
        default_flow_style=one_line,
    )
    return re.sub(r"(?m)^\.\.\.\n\Z", "", str(text))  # PyYAML's mark of an end, after which nothing could follow


def read(path: Path, kind: type[T]) -> T:
    """Return the file's contents as ``kind``; raise InvalidInputError for anything that does not fit."""
    return parse(text_of(path), kind, where=str(path))


def text_of(path: Path) -> str:
    """Return the text of a file; one that cannot be read, or is far too long, is an InvalidInputError."""
    return text_file.text(path, most=_MOST_BYTES)


def write(path: Path, struct: msgspec.Struct, *, head: str) -> None:
    """Write a struct below a comment, whole or not at all; an earlier file of the same name is replaced."""
    write_text(path, head + dump(msgspec.to_builtins(struct)))


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; an earlier one of the same name is replaced."""
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from error


def check_place(path: Path, option: str) -> None:
    """Raise InvalidInputError unless a file can be written there, which is tried: rights do not tell all.

    Args:
        path: Of the file to be; what is there now stays as it is.
        option: That named it.
    """
    try:
        if not path.parent.is_dir():
            raise InvalidInputError(f"the folder of {option} must exist, but {path.parent} does not")
        if path.is_dir():
            raise InvalidInputError(f"{option} must be a file, but {path} is a folder")
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"the folder of {option} must be writable, but {path.parent} is not ({error.strerror})"
        ) from None


def check_writable(path: Path, kind: type[msgspec.Struct]) -> None:
    """Raise InvalidInputError unless ``--out`` can be written there: a new file, or an earlier one of this kind."""
    check_place(path, "`out`")
    if not path.exists():
        return
    try:
        read(path, kind)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"`out` must be a new file or an earlier answer, which it then replaces, but {path} is neither: "
            f"{error.text}"
        ) from None


def parse(text: str, kind: type[T], *, where: str) -> T:
    """Return YAML text as ``kind``; ``where`` names its origin in messages."""
    return convert(plain(text, where=where), kind, where=where)


def plain(text: str, *, where: str) -> Any:
    """Return what YAML text says as dicts, lists and scalars; text that is not YAML is an InvalidInputError."""
    try:
        return yaml.load(text, Loader=_Loader)
    except RecursionError:
        raise InvalidInputError(f"{where}: not valid YAML: it is nested too deep") from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InvalidInputError(f"{where}{line}: not valid YAML: {getattr(error, 'problem', None) or error}") from None


def convert(value: Any, kind: type[T], *, where: str) -> T:
    """Return plain data as ``kind``; everything that does not fit becomes one InvalidInputError with the key paths."""
    fitted, problems = fit(value, kind)
    if problems:
        raise together(problems, alone=f"{where}: ", head=f"{where} has {len(problems)} errors")
    found: T = fitted
    return found
