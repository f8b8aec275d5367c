"""The answer of a joint search: in words and tables, and as plain data; docs/joint.md explains each figure."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.joint.answer import JointRecommendation, Start
from infertune.joint.speed import Gain
from infertune.joint.starts import settings_in_words
from infertune.noninferiority import NonInferiority
from infertune.report import answer as study_answer
from infertune.report import table as study_table
from infertune.report.answer import Answer
from infertune.types import Scalar

_HOUR = 3600.0
_ANSWERS = {
    "not worse": "not worse than the default engine by more than the margin",
    "worse": "worse than the default engine by more than the margin, and refused",
    "undecided": "not known to be within the margin, and so refused",
}


def show(found: JointRecommendation, answer: Answer, console: Console, *, price_hour: float | None) -> None:
    """Print the engine side, then the answer of the study that searched the decoding."""
    console.print(f"\n{sentence(found)}\n", markup=False, highlight=False)
    console.print(_corners(found, price_hour))
    console.print("\nEngines of the search, each with the decoding that won under the default one:", highlight=False)
    console.print(_starts(found))
    for each in found.guards:
        words = f"Guard: {_changes(each.engine, found.default_engine)} is {guarded(each.test)}"
        console.print(f"\n{words}", markup=False, highlight=False)
    for note in found.notes:
        console.print(f"Note: {note}.", markup=False, highlight=False)
    spent = found.speed_spent
    console.print(
        f"\nSpeed was measured with {spent.n_requests:,} requests and {spent.tokens:,} tokens beside the budget.\n\n"
        "Decoding, searched under the default engine:",
        highlight=False,
    )
    study_table.show(answer, console)


def sentence(found: JointRecommendation) -> str:
    """Return the answer in words."""
    if found.engine == found.default_engine:
        why = f": {found.kept}" if found.kept else "; nothing that was tried and allowed is faster"
        return f"Keep the engine's default settings{why}."
    words = _changes(found.engine, found.default_engine)
    assert found.engine_gain is not None
    speed = f"{_times(found.engine_gain)} as fast as the default engine, in {found.engine_gain.n_turns} turns"
    if found.guarded is None:
        return (
            f"Start the engine with {words}: {speed}. These settings shape no text, so the utility is the same by "
            "construction."
        )
    return f"Start the engine with {words}: {speed}. Its utility is {guarded(found.guarded.test)}"


def guarded(test: NonInferiority) -> str:
    """Return what the guard says, with the bound and the margin."""
    bound = test.difference.high if test.answer == "worse" else test.difference.low
    side = "at most" if test.answer == "worse" else "at least"
    more = ""
    if test.answer == "undecided":
        more = (
            "; no practical number of further examples would decide it"
            if test.examples_to_decide is None
            else f"; about {test.examples_to_decide:,} more examples would decide it"
        )
    return (
        f"{_ANSWERS[test.answer]}: {test.difference.mean:+.3f}, {side} {bound:+.3f} with {test.confidence:.1%} "
        f"confidence (one-sided, paired, {test.difference.n} examples; margin {test.margin:g}){more}."
    )


def as_json(found: JointRecommendation, answer: Answer, *, margin: float, price_hour: float | None) -> dict[str, Any]:
    """Return the whole answer in lists, mappings and scalars: that of the study with a key ``joint``."""
    whole = study_answer.as_json(answer)
    whole["joint"] = {
        "recommended": {"engine": dict(found.engine), "configuration": dict(found.decoding)},
        "default_engine": dict(found.default_engine),
        "margin": margin,
        "guards": [
            {"engine": dict(each.engine), "configuration": dict(each.decoding), **asdict(each.test)}
            for each in found.guards
        ],
        "utility_is_the_same_by_construction": found.guarded is None,
        "difference": asdict(found.verdict.difference),
        "engine_gain": None if found.engine_gain is None else _plain(found.engine_gain),
        "whole_gain": _plain(found.whole_gain),
        "kept": found.kept,
        "seconds_per_request": [
            {
                "engine": engine,
                "decoding": decoding,
                "seconds": seconds,
                "money": None if price_hour is None else seconds / _HOUR * price_hour,
            }
            for (engine, decoding), seconds in found.seconds.items()
        ],
        "starts": [_start_as_json(each) for each in found.starts],
        "speed_tokens": found.speed_spent.tokens,
        "notes": list(found.notes),
    }
    return whole


def _corners(found: JointRecommendation, price_hour: float | None) -> Table:
    """Nothing, decoding alone, the engine alone, and both."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("engine")
    table.add_column("decoding")
    table.add_column("ms per request", justify="right")
    if price_hour is not None:
        table.add_column("per 1,000 requests", justify="right")
    table.add_column("times as fast", justify="right")
    first = found.seconds["default", "default"]
    for (engine, decoding), seconds in found.seconds.items():
        row = [engine, decoding, f"{1000 * seconds:.1f}"]
        if price_hour is not None:
            row.append(f"{1000 * seconds / _HOUR * price_hour:.4g}")
        table.add_row(*row, f"{first / seconds:.2f}")
    return table


def _starts(found: JointRecommendation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("ms per request", justify="right")
    table.add_column("tokens/s", justify="right")
    table.add_column("utility")
    table.add_column("changed from the default", overflow="fold")
    for each in sorted(found.starts, key=lambda start: math.inf if start.seconds is None else start.seconds):
        changes = Text(_changes(each.engine, found.default_engine))
        if each.seconds is None:
            table.add_row("failed", "", "", changes.append(f"  {each.failure}"[:200]))
            continue
        kind = "its own" if each.shapes_text else "the same"
        table.add_row(f"{1000 * each.seconds:.1f}", f"{each.tokens_per_second:.0f}", kind, changes)
    return table


def _changes(engine: Mapping[str, Scalar], default: Mapping[str, Scalar]) -> str:
    changed = {name: value for name, value in engine.items() if default.get(name) != value}
    return settings_in_words(changed) if changed else "the default settings"


def _times(gain: Gain) -> str:
    if math.isinf(gain.high):
        return f"{gain.mean:.2f} times"
    return f"{gain.mean:.2f} [{gain.low:.2f}, {gain.high:.2f}] times"


def _plain(gain: Gain) -> dict[str, float | int | None]:
    return {**asdict(gain), "high": None if math.isinf(gain.high) else gain.high}


def _start_as_json(start: Start) -> dict[str, Any]:
    return {
        "engine": dict(start.engine),
        "seconds": start.seconds,
        "tokens_per_second": start.tokens_per_second,
        "shapes_text": start.shapes_text,
        "failure": start.failure,
    }
