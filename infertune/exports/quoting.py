"""Texts of an answer inside the languages of its files: what stands in an answer can never be read as code."""

import json
import re
import shlex
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pprint import pformat
from typing import Any

from infertune import __version__
from infertune.exports.answer import Answer, Field, Piece

_COLUMNS = 100


def one_line(text: str) -> str:
    """Return a text without anything that could end a line or command a terminal."""
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))


def comment(sentences: Iterable[str]) -> str:
    """Return sentences as comments of Python, YAML, a shell or systemd, a paragraph each."""
    lines = []
    for each in sentences:
        said = re.sub("coding(?=[:=])", "coding ", one_line(each))  # no comment may say how Python reads the file
        wrapped = textwrap.wrap(said, _COLUMNS, break_long_words=False, break_on_hyphens=False)
        lines += [f"# {line}\n" for line in wrapped]
    return "".join(lines)


def head(answer: Answer, notes: Sequence[str], use: str = "") -> str:
    """Return the comment at the head of a file: what it is, how it is used, and what it cannot say."""
    whose = f"of the study '{answer.study}'" if answer.study else "of infertune tune-serving"
    return comment([f"The answer {whose}, written by infertune {__version__}.", *([use] if use else []), *notes])


def python(value: Any, *, indent: int = 0) -> str:
    """Return plain data as a literal of Python, over several lines where it is long."""
    text = pformat(value, width=_COLUMNS - indent, sort_dicts=False)
    return text.replace("\n", "\n" + " " * indent)  # no literal of a text has an end of line in it


def python_text(pieces: Sequence[Piece]) -> str:
    """Return an expression of Python for a text with fields, which are in a mapping ``fields``."""
    parts = [f"fields[{each.name!r}]" if isinstance(each, Field) else repr(each) for each in pieces]
    return " + ".join(parts) or "''"


def python_prompt(answer: Answer) -> str:
    """Return the body of a function of ``fields`` that returns the prompt: messages, or a text."""
    asked = answer.asked
    if not asked.is_chat:
        return f"    return {python_text(asked.turns[0].pieces)}\n"
    lines = [f'        {{"role": {each.role!r}, "content": {python_text(each.pieces)}}},\n' for each in asked.turns]
    return "    return [\n" + "".join(lines) + "    ]\n"


def python_arguments(values: Mapping[str, Any], *, indent: int = 4) -> str:
    """Return keyword arguments of a call, one a line; names that are no identifiers must not be among them."""
    assert all(name.isidentifier() for name in values)
    margin = " " * indent
    return "".join(f"{margin}{name}={python(value, indent=indent)},\n" for name, value in values.items())


def shell_lines(words: Sequence[str]) -> str:
    """Return a command for a POSIX shell, one flag with its value on a line."""
    return f"{folded(words, shlex.quote)}\n"


def folded(words: Sequence[str], quote: Any) -> str:
    """Return quoted words with a new line before each that looks like a flag."""
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and word.startswith("-") and not re.fullmatch(r"-\d+(\.\d+)?", word):
            lines.append([])
        lines[-1].append(quote(word))
    return " \\\n    ".join(" ".join(line) for line in lines)


def json_text(value: Any) -> str:
    """Return a file of JSON, in ASCII."""
    return json.dumps(value, indent=2) + "\n"
