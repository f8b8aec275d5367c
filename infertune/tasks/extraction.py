"""Finds the answer in what a model wrote: ordered steps, of which the first that finds something decides."""

import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

import msgspec

from infertune.tasks import fences, program
from infertune.tasks.thoughts import without_thoughts

Extractor = Callable[[str], str | None]
Which = Literal["first", "last"]


class Regex(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="regex", dict=True
):
    """A match of ``pattern``: the given group, or without one the first group that holds text, or the whole match."""

    pattern: str
    which: Which = "first"
    group: int | None = None

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def problems(self) -> list[str]:
        """Return what is wrong with the step itself, if anything is."""
        try:
            groups = self._compiled.groups
        except re.error as error:
            return [f"'pattern' is not a regular expression: {error}"]
        if self.group is not None and not 0 <= self.group <= groups:
            return [f"'group' must be in 0..{groups}, the groups of the pattern, but is {self.group}"]
        return []

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        matches = self._compiled.finditer(text)
        match = next(matches, None) if self.which == "first" else next(iter(deque(matches, maxlen=1)), None)
        if match is None:
            return None
        if self.group is not None:
            return match[self.group]
        return next((group for group in match.groups() if group), None) if match.groups() else match[0]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="line"):
    """The first or last line that is not blank."""

    which: Which = "first"

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[0 if self.which == "first" else -1] if lines else None


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="choice"):
    """One of ``labels``, standing alone in the text, whatever its case; given back as the file writes it."""

    labels: tuple[str, ...]
    which: Which = "first"

    def problems(self) -> list[str]:
        """Return what is wrong with the step itself, if anything is."""
        good = self.labels and all(label.strip() for label in self.labels)
        return [] if good else ["'labels' must be a list of texts that are not empty"]

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        found: tuple[int, int, str] | None = None
        for label in self.labels:
            for match in re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", text, re.IGNORECASE):
                place = match.start() if self.which == "first" else -match.start()
                # Of two labels at one place the longer is meant: "very good", not "very".
                found = min(found or (place, -len(label), label), (place, -len(label), label))
        return found[2] if found else None


class Boxed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="boxed"):
    r"""The contents of the last ``\boxed{...}`` or ``\fbox{...}`` whose braces close."""

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        for start in reversed(list(re.finditer(r"\\(?:boxed|fbox)\s*\{", text))):
            depth = 1
            for brace in re.finditer(r"(?<!\\)[{}]", text[start.end() :]):
                depth += 1 if brace[0] == "{" else -1
                if depth == 0:
                    return text[start.end() : start.end() + brace.start()]
        return None


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="code"):
    """The contents of a fenced code block; one that is cut off counts where no other is complete."""

    which: Which = "first"

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        found = [block for block in fences.blocks(text) if block.text.strip()]
        found = [block for block in found if block.closed] or found
        return found[0 if self.which == "first" else -1].text if found else None


class Python(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="python"):
    """A Python program: the last complete block that defines something, a file, or a body that continues the prompt."""

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        return program.find(text)


class Json(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="json"):
    """The value at ``key`` of the first JSON object in the text; with no key the object, keys sorted."""

    key: str = ""

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        for start in re.finditer(r"\{", text):
            value = _first_json(text[start.start() :])
            if isinstance(value, dict):
                if self.key and self.key not in value:
                    return None
                value = value[self.key] if self.key else value
                return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
        return None


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="text"):
    """All of the text."""

    def find(self, text: str) -> str | None:
        """Return the answer."""
        return text


Step = Regex | Line | Choice | Boxed | Code | Python | Json | Text


def extractor(steps: Sequence[Step], normal_form: Callable[[str], str | None]) -> Extractor:
    """Return the function from text to the answer's normal form, None where no step finds one; thoughts are no text."""

    def extract(text: str) -> str | None:
        text = without_thoughts(text)
        for step in steps:
            answer = step.find(text)
            if answer is not None and answer.strip():
                return normal_form(answer)
        return None

    return extract


def _first_json(text: str) -> object:
    """Return the JSON value that ``text`` begins with, or None."""
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None
