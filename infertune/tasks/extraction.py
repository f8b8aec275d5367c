"""Finds the answer in what a model wrote: ordered steps, of which the first that finds something decides."""

import re
from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal, Protocol

import msgspec

from infertune.tasks import choices, fences, finals, jsontext, numbers, options, program
from infertune.tasks.numbers import DecimalMark
from infertune.tasks.own_function import Function
from infertune.tasks.thoughts import without_thoughts
from infertune.types import Example

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
    """One of ``labels``, standing alone in the text, whatever its case; given back as the file writes it.

    Letters and digits are found where a multiple choice has its answer (choices.py): the article a is not A.
    """

    labels: tuple[str, ...]
    which: Which = "first"

    def problems(self) -> list[str]:
        """Return what is wrong with the step itself, if anything is."""
        good = self.labels and all(label.strip() for label in self.labels)
        return [] if good else ["'labels' must be a list of texts that are not empty"]

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        return choices.find(self.labels, text, self.which)

    def named(self, text: str, example: Example) -> str | None:
        """Return the letter of the option that the text names by its words (options.py)."""
        if any(len(label) > 1 for label in self.labels):
            return None
        offered = options.offered(self.labels, example.fields)
        return options.named(offered, text) if offered else None


class Number(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="number"):
    """A number in its plain form: 29 for $29.00. With ``after``, the one that follows a match of it on its line.

    A line that has nothing but the match goes on with the next; after an equals sign stands the result.
    """

    which: Which = "last"
    after: str | None = None
    decimal_mark: DecimalMark = "."

    def problems(self) -> list[str]:
        """Return what is wrong with the step itself, if anything is."""
        try:
            re.compile(self.after or "")
        except re.error as error:
            return [f"'after' is not a regular expression: {error}"]
        return []

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        if self.after is None:
            return self._chosen(text, self.which)
        ends = [match.end() for match in re.finditer(self.after, text)]
        for end in ends if self.which == "first" else reversed(ends):
            line = re.match(r"[^\w\n]*\n[^\w]*.*|.*", text[end:])
            said = line[0] if line else ""
            if found := self._chosen(said.rpartition("=")[2], "first") or self._chosen(said, "first"):
                return found
        return None

    def _chosen(self, text: str, which: Which) -> str | None:
        found = numbers.in_text(text, self.decimal_mark)
        value = next(found, None) if which == "first" else next(iter(deque(found, maxlen=1)), None)
        return None if value is None else numbers.written(value)


class Boxed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="boxed"):
    r"""The contents of the last ``\boxed{...}`` or ``\fbox{...}`` whose braces close, a box within it left out."""

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        return finals.boxed(text)


class Final(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="final"):
    """What follows the last "the final answer is", "the answer is" or "Answer:", up to the end of the sentence."""

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        return finals.announced(text)


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="code"):
    """The contents of a fenced code block; one that is cut off counts where no other is complete."""

    which: Which = "first"

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        found = [block for block in fences.blocks(text) if block.text.strip()]
        found = [block for block in found if block.closed] or found
        return found[0 if self.which == "first" else -1].text if found else None


class Python(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="python"):
    """A Python program: the last complete block that defines something, a file, or a body of the prompt's function."""

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        return program.find(text)


class Json(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="json"):
    """The value at ``key`` of the first JSON object that has it, null being none; with no key the first object."""

    key: str = ""

    def find(self, text: str) -> str | None:
        """Return the answer or None."""
        for found in jsontext.objects(text):
            if not self.key or self.key in found:
                return jsontext.as_text(found[self.key] if self.key else found)
        return None


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="text"):
    """All of the text."""

    def find(self, text: str) -> str | None:
        """Return the answer."""
        return text


Step = Regex | Line | Choice | Number | Boxed | Final | Code | Python | Json | Text | Function


class Extractor(Protocol):
    """Finds the answer in a model's text, in its voting normal form; what the example asks helps where it is known."""

    def __call__(self, text: str, example: Example | None = None) -> str | None:
        """Return the answer, or None."""


def extractor(steps: Sequence[Step], normal_form: Callable[[str], str | None]) -> Extractor:
    """Return the function from text to the answer's normal form, None where no step finds one.

    What the model thought before it answered is left out first.
    """

    def extract(text: str, example: Example | None = None) -> str | None:
        text = without_thoughts(text)
        for step in steps:
            answer = step.find(text)
            if answer is None and example is not None and isinstance(step, Choice):
                answer = step.named(text, example)
            if answer is not None and answer.strip():
                return normal_form(answer)
        return None

    return extract
