"""The answer of a joint search: in words and tables, and as plain data; docs/joint.md explains each figure."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.joint.engine_trials import Start
from infertune.joint.gain import Gain
from infertune.joint.recommendation import JointRecommendation
from infertune.report import answer as study_answer
from infertune.report import table as study_table
from infertune.report.answer import Answer
from infertune.report.joint_verdict import advice, changes, ratio, sentence

_HOUR = 3600.0
_OUTCOMES = {"not worse": "accepted", "worse": "rejected", "undecided": "undecided"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JointAnswer:
    """What was found, and how it is to be told.

    Attributes:
        study: The answer of the study under the default engine; its file is that of the whole.
        margin: Of utility, of the guards.
        price_hour: Of the machine; None where it is not known.
        resume: The command that would about decide on the engine; empty where it is decided, or none would.
    """

    found: JointRecommendation
    study: Answer
    margin: float
    price_hour: float | None = None
    resume: str = ""


def show(answer: JointAnswer, console: Console) -> None:
    """Print the engine side, then the answer of the study that searched the decoding."""
    found = answer.found

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    for line in filter(None, (sentence(found), advice(found, answer.resume), _decoding(answer))):
        say(f"\n{line}")
    if found.seconds:
        say("\nIn the finals, with the utility on unseen examples:")
        console.print(_corners(answer))
    say("\nEngines of the search, one burst each:")
    console.print(_starts(found))
    if found.guards:
        say(f"\nGuards, beside the default engine with its decoding; margin {answer.margin:g}:")
        console.print(_guards(found))
    for note in found.notes:
        say(f"Note: {note}.")
    say("")
    console.print(_paid(found))
    say("\nDecoding, searched under the default engine:")
    study_table.show(answer.study, console)


def as_json(answer: JointAnswer) -> dict[str, Any]:
    """Return the whole answer in lists, mappings and scalars: that of the study with a key ``joint``."""
    found = answer.found
    said = found.engine_verdict
    whole = study_answer.as_json(answer.study)
    whole["joint"] = {
        "verdict": {
            "kind": said.kind,
            "why": said.why,
            "text": sentence(found),
            "seen": None if said.seen is None else dict(said.seen),
            "gain": _plain(said.gain),
            "turns_to_decide": found.turns_to_decide,
            "budget_to_decide": found.budget_to_decide,
            "resume": answer.resume,
        },
        "recommended": {"engine": dict(found.engine), "configuration": dict(found.decoding)},
        "default_engine": dict(found.default_engine),
        "margin": answer.margin,
        "guards": [
            {"engine": dict(each.engine), "configuration": dict(each.decoding), **asdict(each.test)}
            for each in found.guards
        ],
        "utility_is_the_same_by_construction": found.guarded is None,
        "evidence": msgspec.to_builtins(study_answer.evidence(found.verdict)),
        "timed": None if found.timed is None else dict(found.timed),
        "timed_gain": _plain(found.timed_gain),
        "whole_gain": _plain(found.whole_gain),
        "seconds_per_request": [
            {
                "engine": engine,
                "decoding": decoding,
                "seconds": seconds,
                "money": None if answer.price_hour is None else seconds / _HOUR * answer.price_hour,
            }
            for (engine, decoding), seconds in found.seconds.items()
        ],
        "starts": [_start_as_json(each) for each in found.starts],
        "spent": asdict(found.paid),
        "notes": list(found.notes),
    }
    return whole


def _decoding(answer: JointAnswer) -> str:
    """Return the decoding that goes with the engine, where it is not the one that the study recommends."""
    found = answer.found
    if found.decoding == found.study.recommended:
        return ""
    return f"Its own decoding: {study_table.short(found.decoding, answer.study.space)}"


def _corners(answer: JointAnswer) -> Table:
    """Nothing, decoding alone, the engine alone, and both."""
    found = answer.found
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("engine", overflow="fold")
    table.add_column("decoding")
    table.add_column("utility", justify="right")
    table.add_column("ms per request", justify="right")
    if answer.price_hour is not None:
        table.add_column("per 1,000 requests", justify="right")
    table.add_column("as fast", justify="right")
    first = found.seconds["default", "default"]
    for (engine, decoding), seconds in found.seconds.items():
        settings = found.timed if engine == "seen" and found.timed is not None else found.default_engine
        row = [decoding, _utility(found, engine, decoding), f"{1000 * seconds:.1f}"]
        if answer.price_hour is not None:
            row.append(f"{1000 * seconds / _HOUR * answer.price_hour:.4g}")
        table.add_row(Text(changes(settings, found.default_engine)), *row, f"{ratio(first / seconds)}x")
    return table


def _utility(found: JointRecommendation, engine: str, decoding: str) -> str:
    """Return the utility of a corner, where it is known: settings that shape no text have the default engine's."""
    timed = next((each for each in found.starts if engine == "seen" and each.engine == found.timed), None)
    if timed is not None and timed.shapes_text:
        is_whole = found.engine == found.timed and (decoding == "recommended" or found.decoding == found.study.default)
        return f"{found.verdict.recommended.utility.mean:.3f}" if is_whole else ""
    verdict = found.study.verdict
    side = verdict.default if decoding == "default" else verdict.recommended
    return f"{side.utility.mean:.3f}"


def _starts(found: JointRecommendation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("ms per request", justify="right")
    table.add_column("tokens/s", justify="right")
    table.add_column("text")
    table.add_column("changed from the default", overflow="fold")
    for each in sorted(found.starts, key=lambda start: math.inf if start.seconds is None else start.seconds):
        changed = Text(changes(each.engine, found.default_engine))
        if each.seconds is None:
            table.add_row("failed", "", "", changed.append(f"  {each.failure}"[:200]))
            continue
        kind = "its own" if each.shapes_text else "the same"
        table.add_row(f"{1000 * each.seconds:.1f}", f"{each.tokens_per_second:.0f}", kind, changed)
    return table


def _guards(found: JointRecommendation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head, side in (
        ("utility", "right"),
        ("at least", "right"),
        ("at most", "right"),
        ("examples", "right"),
        ("outcome", "left"),
        ("changed from the default", "left"),
    ):
        table.add_column(head, justify=side, overflow="fold")  # type: ignore[arg-type]
    for each in found.guards:
        difference = each.test.difference
        figures = (f"{value:+.3f}" for value in (difference.mean, difference.low, difference.high))
        outcome = _OUTCOMES[each.test.answer]
        if each.test.answer == "undecided" and each.test.examples_to_decide is not None:
            outcome += f", about {each.test.examples_to_decide:,} more would decide"
        table.add_row(*figures, f"{difference.n}", outcome, Text(changes(each.engine, found.default_engine)))
    return table


def _paid(found: JointRecommendation) -> Table:
    paid = found.paid
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("spent on")
    table.add_column("tokens", justify="right")
    table.add_column("of the budget", justify="right")
    table.add_row("decoding", f"{paid.study_tokens:,}", "")
    if paid.guard_tokens:
        table.add_row("guards", f"{paid.guard_tokens:,}", "")
    table.add_row("both", f"{paid.study_tokens + paid.guard_tokens:,}", f"{paid.share:.0%}")
    table.add_row("bursts", f"{paid.burst_tokens:,}", "beside it")
    return table


def _plain(gain: Gain | None) -> dict[str, float | int | None] | None:
    return None if gain is None else {**asdict(gain), "high": None if math.isinf(gain.high) else gain.high}


def _start_as_json(start: Start) -> dict[str, Any]:
    return {
        "engine": dict(start.engine),
        "seconds": start.seconds,
        "tokens_per_second": start.tokens_per_second,
        "shapes_text": start.shapes_text,
        "failure": start.failure,
    }
