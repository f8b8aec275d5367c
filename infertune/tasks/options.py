"""Finds the choice that an answer names by its words instead of its letter: "It is Paris", where A is Paris."""

import json
import re
from collections.abc import Mapping, Sequence

from infertune.tasks import choices
from infertune.tasks.typography import plain
from infertune.types import Prompt

_ANNOUNCED = re.compile(rf"{choices.ANSWER}(?:\s{{0,3}}{choices.IS})?[\s*_`\"'(:=]{{0,20}}", re.IGNORECASE)
_SENTENCE = re.compile(r"(?:[^.\n]|\.(?=\S))*")
_LONGEST = 20_000  # characters of a question


def offered(labels: Sequence[str], fields: Mapping[str, Prompt]) -> dict[str, str]:
    """Return what stands behind each label in an example; nothing where it cannot be told.

    That is a field with the label's name for each of the labels, a JSON list of as many texts, or lines or words
    behind ``A)``, ``(A)``, ``A.`` or ``A:`` in the order of the labels, at least two.
    """
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    by_name = {label: texts[name] for label in labels for name in texts if name.lower() == label.lower()}
    if len(by_name) == len(labels):
        return by_name
    told = [found for value in texts.values() if (found := _list(labels, value) or _listed(labels, value))]
    return told[-1] if told else {}


def named(options: Mapping[str, str], text: str) -> str | None:
    """Return the label of the one option that is named after "the answer is", or else in all of the text."""
    words = {label: plain(words).strip().rstrip(".,;") for label, words in options.items()}
    if len({word.casefold() for word in words.values()}) < len(words) or not all(words.values()):
        return None
    text = plain(text)
    announced = [_SENTENCE.match(text, match.end()) for match in _ANNOUNCED.finditer(text)]
    for part in [match[0] for match in announced[-1:] if match] + [text]:
        mentioned = choices.mentioned(tuple(words.values()), part)
        if len(mentioned) == 1:
            (word,) = mentioned
            return next(label for label in words if words[label] == word)
        if mentioned:
            return None
    return None


def _list(labels: Sequence[str], text: str) -> dict[str, str]:
    if not text.startswith("["):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    fits = isinstance(found, list) and len(found) == len(labels) and all(isinstance(one, str) for one in found)
    return dict(zip(labels, found, strict=True)) if fits else {}


def _listed(labels: Sequence[str], text: str) -> dict[str, str]:
    text = text[-_LONGEST:]
    either = "|".join(map(re.escape, labels))
    marks = list(re.finditer(rf"(?:^|(?<=[\s;,]))[(\[]?(?P<label>{either})[).:\]]\s+", text, re.MULTILINE))
    starts = [at for at, mark in enumerate(marks) if mark["label"] == labels[0]]
    if not starts:
        return {}
    run = [mark for mark, label in zip(marks[starts[-1] :], labels, strict=False) if mark["label"] == label]
    ends = [mark.start() for mark in run[1:]] + [len(text)]
    found = {mark["label"]: text[mark.end() : end].split("\n")[0].strip() for mark, end in zip(run, ends, strict=True)}
    return found if len(found) > 1 and list(found) == list(labels[: len(found)]) else {}
