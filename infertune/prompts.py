"""Prompt templates: named YAML files, chat or plain, zero- or few-shot, filled by strict substitution.

``{question}`` stands for a field; ``{{`` and ``}}`` are literal braces. A field's value is inserted as it is and
never read as a template again. A name the example lacks, or a field the template ignores, is an error: silently
dropping an input is the commonest way to measure the wrong thing.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from infertune import yamlfile
from infertune.data import shipped
from infertune.errors import InvalidInputError, nearest
from infertune.types import Message, Prompt

_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]")


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of a chat template, its content with ``{fields}``."""

    role: Literal["system", "user", "assistant"]
    content: str


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A prompt template as its file says it.

    Attributes:
        kind: ``chat`` renders ``messages``; ``plain`` renders ``text``.
        messages: Turns of a chat template; those that are not ``system`` are repeated for each shot.
        text: The question part of a plain template, which ends where the model's answer begins.
        preamble: Text before everything else in a plain template.
        separator: What ends a shot in a plain template.
        examples: Few-shot shots: the fields' values, and ``answer``, what the model should have said.
    """

    name: str
    kind: Literal["chat", "plain"]
    messages: tuple[Turn, ...] = ()
    text: str = ""
    preamble: str = ""
    separator: str = "\n\n"
    examples: tuple[dict[str, str], ...] = ()
    description: str = ""

    @property
    def digest(self) -> str:
        """Identity of what the template renders; its name and description do not matter."""
        shape = (self.kind, self.messages, self.text, self.preamble, self.separator, self.examples)
        return hashlib.sha256(msgspec.json.encode(shape, order="sorted")).hexdigest()[:16]

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields that an example must have."""
        parts = [self.text, *(turn.content for turn in self.messages)]
        return frozenset(match[1] for part in parts for match in _TOKEN.finditer(part) if match[1])

    def render(self, fields: Mapping[str, str]) -> Prompt:
        """Return the prompt for one example."""
        return render(self, fields)


def substitute(text: str, fields: Mapping[str, str], *, where: str) -> str:
    """Return ``text`` with every ``{name}`` replaced; an unknown name or a lone brace is an InvalidInputError."""

    def value(match: re.Match[str]) -> str:
        token, name = match[0], match[1]
        if token in ("{{", "}}"):
            return token[0]
        if name is None:
            raise InvalidInputError(f"{where}: a lone '{token}' must be doubled, '{token}{token}', to be literal")
        if name not in fields:
            raise InvalidInputError(f"{where}: no field is called '{name}'{nearest(name, fields)}")
        return fields[name]

    return _TOKEN.sub(value, text)


def render(template: Template, fields: Mapping[str, str]) -> Prompt:
    """Return the template filled with one example's fields; each field must be used, each used one must be there."""
    where = f"prompt '{template.name}'"
    for name in fields:
        if name not in template.fields:
            raise InvalidInputError(f"{where}: does not use the field '{name}'{nearest(name, template.fields)}")
    if template.kind == "plain":
        shots = []
        for shot in template.examples:
            question = substitute(template.text, shot, where=where)
            space = "" if question[-1:].isspace() else " "
            shots.append(f"{question}{space}{shot['answer']}{template.separator}")
        return template.preamble + "".join(shots) + substitute(template.text, fields, where=where)

    def turns(values: Mapping[str, str], *, system: bool) -> list[Message]:
        chosen = [turn for turn in template.messages if (turn.role == "system") is system]
        return [Message(turn.role, substitute(turn.content, values, where=where)) for turn in chosen]

    rendered = turns(fields, system=True)
    for shot in template.examples:
        rendered += [*turns(shot, system=False), Message("assistant", shot["answer"])]
    return tuple(rendered + turns(fields, system=False))


def load(name: str, *, beside: Path | None = None) -> Template:
    """Return the template called ``name``: from the folder ``beside``, its ``prompts/``, or those shipped."""
    folders = [beside, beside / "prompts"] if beside else []
    for folder in folders:
        path = folder / f"{name}.yaml"
        if path.is_file():
            return checked(yamlfile.read(path, Template), where=str(path))
    if name in names():
        text = (shipped("prompts") / f"{name}.yaml").read_text(encoding="utf-8")
        return checked(yamlfile.parse(text, Template, where=f"prompts/{name}.yaml"), where=f"prompts/{name}.yaml")
    looked = f" (also looked in {beside})" if beside else ""
    raise InvalidInputError(f"no prompt is called '{name}'{nearest(name, names())}{looked}")


def names() -> list[str]:
    """Return the names of the shipped templates, sorted."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in shipped("prompts").iterdir() if entry.name.endswith(".yaml")
    )


def checked(template: Template, *, where: str) -> Template:
    """Return the template if it can render at all, or raise InvalidInputError."""
    body, other = ("messages", "text") if template.kind == "chat" else ("text", "messages")
    if not getattr(template, body):
        raise InvalidInputError(f"{where}: a {template.kind} prompt must have '{body}'")
    if getattr(template, other):
        raise InvalidInputError(f"{where}: a {template.kind} prompt must not have '{other}'")
    if template.kind == "chat" and template.messages[-1].role != "user":
        raise InvalidInputError(f"{where}: the last of 'messages' must have the role user, not assistant or system")
    for number, shot in enumerate(template.examples):
        place = f"{where}: examples[{number}]"
        if "answer" not in shot:
            raise InvalidInputError(f"{place}: must have 'answer'{nearest('answer', shot)}")
        for name in shot.keys() - template.fields - {"answer"}:
            raise InvalidInputError(f"{place}: the template does not use '{name}'{nearest(name, template.fields)}")
        for name in template.fields - shot.keys():
            raise InvalidInputError(f"{place}: the field '{name}' is missing{nearest(name, shot)}")
    render(template, dict.fromkeys(template.fields, ""))
    return template
