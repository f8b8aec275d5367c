"""What fails under a study's recommended configuration, in a terminal and as plain data."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from infertune.archive.failures import Failure, Failures
from infertune.archive.texts import AnswerText
from infertune.report.mappings import as_mapping
from infertune.report.text import cut, indented, rendered, safe

_SHOWN_ANSWERS = 2  # of one example, under one configuration
_SHORT = 60


def as_json(found: Failures) -> dict[str, Any]:
    """Return everything in lists, mappings and scalars."""
    return as_mapping(found) | {"n_failed": found.n_failed}


def show(found: Failures, console: Console, *, whole: bool = False) -> None:
    """Print the counts, then some failures.

    Args:
        whole: Whether prompts and answers are printed to their ends.
    """

    def say(text: str = "", style: str | None = None) -> None:
        console.print(text, style=style, markup=False, highlight=False)

    alone = found.recommended == found.default
    who = "The default, which is recommended," if alone else "The recommended configuration"
    say(f"{who} fails {found.n_failed} of {found.n_examples} confirm examples (score below {found.below:g}).")
    if not alone:
        say(
            f"The default fails {found.n_both + found.n_mended}: {found.n_both} fail under both, {found.n_new} only "
            f"under the recommended one, {found.n_mended} only under the default."
        )
    if found.kinds:
        say(f"Their answers: {', '.join(f'{n} {kind}' for kind, n in found.kinds)}.")
    if found.wrong_answers:
        say("Commonest wrong answers: " + ", ".join(f"{cut(_line(a), _SHORT)} ({n})" for a, n in found.wrong_answers))
    if len(found.examples) < found.n_failed:
        say(f"\n{len(found.examples)} of them, chosen to be unlike each other:")
    for each in found.examples:
        _show(each, say, alone=alone, most=None if whole else 600)
    if not whole and found.examples:
        say("\n--whole prints prompts and answers to their ends; --json has them all.")


def _show(each: Failure, say: Any, *, alone: bool, most: int | None) -> None:
    beside = "" if alone else f", under the default {each.default_score:.2f}"
    say(f"\n{safe(each.example_id)}: score {each.score:.2f}{beside}", "bold")
    say(indented(cut(rendered(each.prompt), most)))
    say(f"  should be: {cut(_line(each.reference), most)}")
    if each.error:
        say(f"  no answer: {cut(_line(each.error), most)}")
    _answers("answer" if alone else "recommended", each.answers, say, most)
    if not alone:
        _answers("default", each.default_answers, say, most)


def _answers(head: str, answers: Sequence[AnswerText], say: Any, most: int | None) -> None:
    for answer in answers[: _SHOWN_ANSWERS if most else None]:
        found = "no answer found" if answer.answer is None else f"found {cut(_line(answer.answer), _SHORT)}"
        ended = ", cut at max_tokens" if answer.finish_reason == "length" else ""
        say(f"  {head} ({found}, score {answer.score:.2f}{ended}):", "dim")
        say(indented(cut(answer.text, most), "    "))
    if most and len(answers) > _SHOWN_ANSWERS:
        say(f"    … and {len(answers) - _SHOWN_ANSWERS} more samples")


def _line(text: str) -> str:
    return " ".join(text.split()) or "(nothing)"
