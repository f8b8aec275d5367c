"""Whether an answer still holds: in a terminal, as plain data, as JUnit, and as a summary of a GitHub workflow."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.console import Console

from infertune.report.text import safe
from infertune.statistics.intervals import Interval

Outcome = Literal["holds", "fell", "cannot tell"]
EXIT_CODES: Mapping[Outcome, int] = {"holds": 0, "fell": 1, "cannot tell": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a check found.

    Attributes:
        source: The answer file.
        outcome: ``holds``: utility is shown to have fallen by less than the margin. ``fell``: by more. ``cannot
            tell``: the examples, or the budget, ended before either was shown.
        margin: In utility.
        alpha: Chance of a wrong outcome, whenever the check ends.
        difference: Now minus then, paired by example; its interval is an ordinary one and decides nothing.
        was: Mean utility then, on these examples; ``now`` is that of now.
        was_tokens: Tokens per request that the answer file has; ``now_tokens`` those of now.
        n_examples: That were asked; ``n_failed`` of them were not answered, and count for nothing.
        n_possible: That the answer file has scores of.
        spent_tokens: By this check, a look at the server included.
        notes: What the user should know.
    """

    source: str
    outcome: Outcome
    margin: float
    alpha: float
    difference: Interval
    was: float
    now: float
    was_tokens: float
    now_tokens: float
    n_examples: int
    n_failed: int
    n_possible: int
    spent_tokens: int
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 where the answer holds, 1 where it fell, 2 where neither is shown."""
        return EXIT_CODES[self.outcome]


def as_json(found: Check) -> dict[str, Any]:
    """Return everything in lists, mappings and scalars."""
    return asdict(found)


def show(found: Check, console: Console) -> None:
    """Print the outcome in a sentence, and the figures."""
    for line in (sentence(found), *_figures(found), *(f"Note: {note}." for note in found.notes)):
        console.print(safe(line), markup=False, highlight=False)


def sentence(found: Check) -> str:
    """Return the outcome in words."""
    sure = f"{1 - found.alpha:.0%} sure"
    if found.outcome == "holds":
        return f"{found.source} holds: its utility has not fallen by {found.margin:g} or more ({sure})."
    if found.outcome == "fell":
        return f"{found.source} fell: its utility has fallen by more than {found.margin:g} ({sure})."
    asked = "all examples were asked" if found.n_examples == found.n_possible else "the budget is spent"
    return f"Cannot tell whether {found.source} holds within {found.margin:g} of utility: {asked}."


def junit(found: Check) -> str:
    """Return a JUnit report of one test: it fails where the answer fell, and is skipped where nothing is known."""
    suite = ET.Element("testsuite", name="infertune check", tests="1")
    case = ET.SubElement(suite, "testcase", classname="infertune.check", name=_printable(found.source))
    text = _printable("\n".join([sentence(found), *_figures(found)]))
    if found.outcome == "fell":
        suite.set("failures", "1")
        ET.SubElement(case, "failure", message=_printable(sentence(found))).text = text
    elif found.outcome == "cannot tell":
        suite.set("skipped", "1")
        ET.SubElement(case, "skipped", message=_printable(sentence(found)))
    ET.SubElement(case, "system-out").text = text
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def markdown(found: Check) -> str:
    """Return a summary for a GitHub workflow."""
    mark = {"holds": "✅", "fell": "❌", "cannot tell": "❔"}[found.outcome]
    low, high = found.difference.low, found.difference.high
    return (
        f"### {mark} infertune check: {found.outcome}\n\n{_printable(sentence(found))}\n\n"
        "| | then | now |\n|---|---:|---:|\n"
        f"| utility | {found.was:.3f} | {found.now:.3f} |\n"
        f"| tokens per request | {found.was_tokens:.1f} | {found.now_tokens:.1f} |\n\n"
        f"Difference {found.difference.mean:+.3f} [{low:+.3f}, {high:+.3f}] on {found.difference.n} examples; "
        f"{found.spent_tokens:,} tokens spent.\n\n"
    )


def _figures(found: Check) -> list[str]:
    difference = found.difference
    failed = f", {found.n_failed} were not answered and count for nothing" if found.n_failed else ""
    return [
        f"Utility {found.now:.3f}, then {found.was:.3f}: {difference.mean:+.3f} "
        f"[{difference.low:+.3f}, {difference.high:+.3f}] (95%, paired, {difference.n} examples{failed}).",
        f"Tokens per request {found.now_tokens:.1f}, then {found.was_tokens:.1f}. Spent {found.spent_tokens:,} tokens "
        f"on {found.n_examples} of {found.n_possible} examples.",
    ]


def _printable(text: str) -> str:
    """Return a text that XML can hold, which has no place for most control characters."""
    return safe(text).encode("utf-8", "replace").decode("utf-8")
