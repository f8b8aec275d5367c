"""The prompts of a drafted task: chat and plain, with and without shots, by what the answers are like."""

from collections.abc import Mapping, Sequence

from infertune.tasks.answers import Answers
from infertune.tasks.definition import Conversation
from infertune.tasks.prompts import Template, Turn
from infertune.types import Prompt

Shot = tuple[Mapping[str, Prompt], str]
Fields = Mapping[str, str | Conversation]

# Names of a column that say nothing of what the answer is.
_ANY = {"label", "labels", "class", "category", "target", "y", "answer", "answers", "output", "reference", "gold"}
_ANY_ANSWER = {"response", "completion", "solution", "result", "expected"}


def prompts(name: str, fields: Fields, label: str, answers: Answers, shots: Sequence[Shot]) -> tuple[Template, ...]:
    """Return three to five templates that ask for the same in different ways; the first is the default.

    Args:
        name: Of the task; the templates are named after it.
        fields: Of the task.
        label: The column with the answers, whose name may say what is asked for.
        answers: What the answers are like.
        shots: Values of the fields, and the answer; may be empty.
    """
    noun = _noun(label, answers)
    asked, told = _wish(noun, answers)
    block = _block(fields)
    plain = _plain(fields, noun, answers)
    # A preamble is no template: its braces are not doubled.
    preamble = f"{_said(told)}\n\n" if answers.kind == "labels" else ""
    found = [_chat(f"{name}-question", f"{block}\n\n{asked}"), _chat(f"{name}-system", block, system=told)]
    if answers.kind == "number":
        steps = "Think step by step, then write the number alone on the last line."
        found.append(_chat(f"{name}-steps", f"{block}\n\n{steps}"))
    if not shots:
        return (*found, Template(name=f"{name}-plain", kind="plain", preamble=preamble, text=plain))
    examples = tuple({**_values(values), "answer": said} for values, said in shots)
    return (
        *found,
        _chat(f"{name}-chat-shots", block, system=told, examples=examples),
        Template(name=f"{name}-shots", kind="plain", preamble=preamble, text=plain, examples=examples),
    )


def stops(fields: Fields) -> tuple[str, ...]:
    """Return how a base model begins another question of its own, after its answer."""
    return ("\nUser:" if _talk(fields) else f"\n{_title(next(iter(fields)))}:",)


def _chat(
    name: str, asked: str, *, system: str = "", examples: tuple[dict[str, str | tuple[Turn, ...]], ...] = ()
) -> Template:
    turns = (Turn("user", asked),)
    return Template(
        name=name, kind="chat", messages=(Turn("system", system), *turns) if system else turns, examples=examples
    )


def _wish(noun: str, answers: Answers) -> tuple[str, str]:
    """Return what is asked after the input, and what a system turn says before it."""
    if answers.kind == "labels":
        labels = _literal(_listed(answers.labels))
        return (
            f"Which {noun} fits best? Reply with one of these and nothing else:{labels}",
            f"Choose the {noun} that fits best. Reply with one of these and nothing else:{labels}",
        )
    if answers.kind == "number":
        return "Reply with the number only.", "Reply with a number only, without an explanation."
    where = ", on one line" if answers.kind == "line" else ""
    return f"Reply with the {noun} only{where}.", f"Reply with the {noun} only{where}, without an explanation."


def _listed(labels: Sequence[str]) -> str:
    if any("," in label for label in labels) or len(labels) > 20:
        return "".join(f"\n- {label}" for label in labels)
    return f" {', '.join(labels)}."


def _block(fields: Fields) -> str:
    return f"{{{next(iter(fields))}}}" if len(fields) == 1 else _lines(fields)


def _plain(fields: Fields, noun: str, answers: Answers) -> str:
    if _talk(fields):
        return f"{_block(fields)}\n\n{_title(noun) if answers.kind == 'labels' else 'Assistant'}:"
    return f"{_lines(fields)}\n{_title(noun)}:"


def _lines(fields: Fields) -> str:
    return "\n".join(f"{_title(name)}: {{{name}}}" for name in fields)


def _talk(fields: Fields) -> bool:
    return len(fields) == 1 and isinstance(next(iter(fields.values())), Conversation)


def _title(name: str) -> str:
    words = name.replace("_", " ").strip() or name
    return f"{words[:1].upper()}{words[1:]}"


def _noun(label: str, answers: Answers) -> str:
    """Return what the answers are called: as their column is, where that says something."""
    words = " ".join(label.replace("_", " ").replace("-", " ").lower().split())
    if answers.kind == "labels":
        return "label" if words in _ANY or not words else _literal(words)
    return "answer" if words in _ANY | _ANY_ANSWER or not words else _literal(words)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _said(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def _values(values: Mapping[str, Prompt]) -> dict[str, str | tuple[Turn, ...]]:
    return {
        name: value if isinstance(value, str) else tuple(Turn(turn.role, turn.content) for turn in value)  # type: ignore[arg-type]
        for name, value in values.items()
    }
