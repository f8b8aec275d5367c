"""Prompt templates: named YAML files, chat or plain, zero- or few-shot, filled by strict substitution.

``{question}`` stands for a field; ``{{`` and ``}}`` are literal braces. A field's value is inserted as it is and
never read as a template again. A name the example lacks, or a field the template ignores, is an error: silently
dropping an input is the commonest way to measure the wrong thing.

A field may hold a conversation instead of a text. In a user turn its last message takes the place of the field and
the turns before it come before that turn; everywhere else it is written out as text.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from infertune.errors import InvalidInputError, nearest, together
from infertune.files import text_file, yaml_file
from infertune.files.shipped import shipped
from infertune.types import Message, Prompt

_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]")


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of a chat template, its content with ``{fields}``, or of a shot's conversation."""

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
        examples: Few-shot shots: the fields' values, and ``answer``, what the model should have said. A value is a
            text or the turns of a conversation.
    """

    name: str
    kind: Literal["chat", "plain"]
    messages: tuple[Turn, ...] = ()
    text: str = ""
    preamble: str = ""
    separator: str = "\n\n"
    examples: tuple[dict[str, str | tuple[Turn, ...]], ...] = ()
    description: str = ""

    @property
    def digest(self) -> str:
        """Identity of what the template renders; its name and description do not matter."""
        shape = (self.kind, self.messages, self.text, self.preamble, self.separator, self.examples)
        return hashlib.sha256(msgspec.json.encode(shape, order="sorted")).hexdigest()[:16]

    @property
    def kinds(self) -> frozenset[str]:
        """What an engine may not take: ``chat`` or ``plain``, and ``system`` where a turn has that role."""
        return frozenset({self.kind, *(turn.role for turn in self.messages if turn.role == "system")})

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields that an example must have."""
        return names_in("\n".join([self.text, *(turn.content for turn in self.messages)]))

    @property
    def shots(self) -> tuple[tuple[dict[str, Prompt], str], ...]:
        """The shots: the values of the fields, and the answer."""
        return tuple(
            (
                {name: _value(value) for name, value in shot.items() if name != "answer"},
                as_text(_value(shot["answer"])),
            )
            for shot in self.examples
        )

    def problems(self) -> list[str]:
        """Return why the template cannot render, if it cannot."""
        body, other = ("messages", "text") if self.kind == "chat" else ("text", "messages")
        found = []
        if not getattr(self, body):
            found.append(f"a {self.kind} prompt must have '{body}'")
        if getattr(self, other):
            found.append(f"a {self.kind} prompt must not have '{other}'")
        if self.messages and self.messages[-1].role != "user":
            found.append(f"the last of 'messages' must have the role user, not {self.messages[-1].role}")
        for part in (self.text, *(turn.content for turn in self.messages)):
            found += lone_brace(part)
        for number, shot in enumerate(self.examples):
            place = f"examples[{number}]"
            if not isinstance(shot.get("answer"), str):
                found.append(f"{place} must have 'answer', a text{nearest('answer', shot)}")
            for name in sorted(shot.keys() - self.fields - {"answer"}):
                found.append(f"{place}: the template does not use '{name}'{nearest(name, self.fields)}")
            for name in sorted(self.fields - shot.keys()):
                found.append(f"{place}: the field '{name}' is missing{nearest(name, shot)}")
            for name, value in shot.items():
                if isinstance(value, tuple) and (not value or value[-1].role != "user"):
                    found.append(f"{place}: the last turn of '{name}' must be the user's")
        return found

    def unmatched(self, fields: Iterable[str]) -> list[str]:
        """Return which of the fields that an example has the template ignores, and which it lacks."""
        given, where = set(fields), f"prompt '{self.name}'"
        ignored = [
            f"{where}: does not use the field '{name}'{nearest(name, self.fields)}" for name in given - self.fields
        ]
        lacking = [f"{where}: no field is called '{name}'{nearest(name, given)}" for name in self.fields - given]
        return sorted(ignored) + sorted(lacking)

    def render(self, fields: Mapping[str, Prompt]) -> Prompt:
        """Return the prompt for one example."""
        return render(self, fields)


def as_text(value: Prompt) -> str:
    """Return a field's value as text; a conversation as ``User: ...`` and so on, of one turn what that says."""
    if isinstance(value, str):
        return value
    if len(value) == 1:
        return value[0].content
    return "\n\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in value)


def substitute(text: str, fields: Mapping[str, Prompt], *, where: str) -> str:
    """Return ``text`` with every ``{name}`` replaced; an unknown name or a lone brace is an InvalidInputError."""

    def value(match: re.Match[str]) -> str:
        token, name = match[0], match[1]
        if token in ("{{", "}}"):
            return token[0]
        if name is None:
            raise InvalidInputError(f"{where}: a lone '{token}' must be doubled, '{token}{token}', to be literal")
        if name not in fields:
            raise InvalidInputError(f"{where}: no field is called '{name}'{nearest(name, fields)}")
        return as_text(fields[name])

    return _TOKEN.sub(value, text)


def lone_brace(text: str) -> list[str]:
    """Return the words about the first brace that is neither doubled nor around a name, if there is one."""
    lone = next((each[0] for each in _TOKEN.finditer(text) if each[0] in ("{", "}")), "")
    return [f"a lone '{lone}' must be doubled, '{lone}{lone}', to be literal, in {_short(text)}"] if lone else []


def names_in(text: str) -> frozenset[str]:
    """Return the names that ``text`` has in braces."""
    return frozenset(match[1] for match in _TOKEN.finditer(text) if match[1])


def render(template: Template, fields: Mapping[str, Prompt]) -> Prompt:
    """Return the template filled with one example's fields; each field must be used, each used one must be there."""
    where = f"prompt '{template.name}'"
    if problems := template.unmatched(fields):
        raise together(problems, alone="", head=f"{where} does not fit the fields")
    if template.kind == "plain":
        shots = []
        for values, answer in template.shots:
            question = substitute(template.text, values, where=where)
            space = "" if question[-1:].isspace() else " "
            shots.append(f"{question}{space}{answer}{template.separator}")
        return template.preamble + "".join(shots) + substitute(template.text, fields, where=where)
    system = [substitute(turn.content, fields, where=where) for turn in template.messages if turn.role == "system"]
    own = [turn.content for value in fields.values() for turn in _turns(value) if turn.role == "system"]
    if own:
        # One system turn, for many chat templates allow no second.
        system = ["\n\n".join([*system, *own])]
    rendered = [Message("system", content) for content in system]
    for values, answer in template.shots:
        rendered += [*_asked(template, values, where=where), Message("assistant", answer)]
    return tuple(rendered + _asked(template, fields, where=where))


def _asked(template: Template, fields: Mapping[str, Prompt], *, where: str) -> list[Message]:
    """Return the turns that ask about one example, a conversation's earlier ones included."""
    asked: list[Message] = []
    waiting = {name: turns for name, value in fields.items() if (turns := _turns(value))}
    for turn in template.messages:
        if turn.role == "system":
            continue
        values = dict(fields)
        if turn.role == "user":
            for name in waiting.keys() & names_in(turn.content):
                asked += [earlier for earlier in waiting.pop(name)[:-1] if earlier.role != "system"]
            values |= {name: turns[-1].content for name, value in fields.items() if (turns := _turns(value))}
        asked.append(Message(turn.role, substitute(turn.content, values, where=where)))
    return asked


def _turns(value: Prompt) -> tuple[Message, ...]:
    return () if isinstance(value, str) else value


def _value(given: str | tuple[Turn, ...]) -> Prompt:
    return given if isinstance(given, str) else tuple(Message(turn.role, turn.content) for turn in given)


def _short(text: str) -> str:
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def load(name: str, *, beside: Path | None = None) -> Template:
    """Return the template called ``name``: from the folder ``beside``, its ``prompts/``, or those shipped."""
    folders = [beside, beside / "prompts"] if beside else []
    for folder in folders:
        path = folder / f"{name}.yaml"
        if text_file.is_file(path):
            return yaml_file.read(path, Template)
    if name in names():
        text = (shipped("prompts") / f"{name}.yaml").read_text(encoding="utf-8")
        return yaml_file.parse(text, Template, where=f"prompts/{name}.yaml")
    looked = f" (also looked in {beside})" if beside else ""
    raise InvalidInputError(f"no prompt is called '{name}'{nearest(name, names())}{looked}")


def names() -> list[str]:
    """Return the names of the shipped templates, sorted."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in shipped("prompts").iterdir() if entry.name.endswith(".yaml")
    )


def checked(template: Template, *, where: str) -> Template:
    """Return the template if it can render at all, or raise InvalidInputError with everything that is wrong."""
    if problems := template.problems():
        raise together(problems, alone=f"{where}: ", head=f"{where} has {len(problems)} errors")
    return template
