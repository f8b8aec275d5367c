"""What ``infertune load`` measured, in a terminal and as plain data."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infertune.load.arrival_load import Load
from infertune.load.measures import Measures
from infertune.load.metric_names import METRICS, NAMES
from infertune.load.outcome import LoadOutcome
from infertune.load.slo import Slo

_STYLES = {"held": "green", "broken": "red", "undecided": "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLoad:
    """One load and its figures."""

    load: Load
    pressed: LoadOutcome
    measures: Measures


def as_json(found: Sequence[MeasuredLoad], *, workload: str, slo: Slo | None, seed: int) -> dict[str, Any]:
    """Return everything in lists, mappings and scalars; a figure that is not there is None."""
    loads = []
    for one in found:
        within = one.measures.within
        plain = {name: value for name, value in asdict(one.measures).items() if name not in METRICS} | {
            "latencies": one.measures.latencies,
            "n_gaps": one.measures.itl.n,
            "load": _finite(asdict(one.load)),
            "within": {"share": within.mean, "low": within.low, "high": within.high, "n": within.n},
            "slos": [
                {
                    "slo": str(promise),
                    "measured_seconds": promise.measured(one.pressed.timings),
                    "kept": promise.is_kept(one.pressed.timings),
                    "verdict": promise.verdict(one.pressed.timings),
                }
                for promise in (slo.promises if slo else ())
            ],
            "cut": one.pressed.cut,
            "generator": {
                "lateness_seconds": one.pressed.lateness,
                "lag_seconds": one.pressed.lag,
                "cpu_ms_per_request": one.pressed.cpu_ms,
                "n_uncounted": one.pressed.n_uncounted,
                "void": one.pressed.void,
            },
        }
        plain.pop("lateness")
        loads.append(_finite(plain))
    return {"workload": workload, "seed": seed, "slo": str(slo) if slo else None, "loads": loads}


def load_text(load: Load) -> str:
    """Return a load in a few words: ``4/s`` or ``8 at once``."""
    if load.concurrency is not None:
        return f"{load.concurrency} at once"
    return "all at once" if load.rate == math.inf else f"{load.rate:g}/s"


def show(found: Sequence[MeasuredLoad], console: Console, *, slo: Slo | None) -> None:
    """Print a table with a column for each load, then what is to be said of them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("load")
    for one in found:
        table.add_column(load_text(one.load), justify="right")

    def row(name: str, make: Callable[[MeasuredLoad], str | Text]) -> None:
        table.add_row(name, *(make(one) for one in found))

    row("requests, failed", lambda one: f"{one.measures.n}, {one.measures.n_failed}")
    row("seconds", lambda one: _number(one.measures.seconds, 1))
    row("requests/s", lambda one: _number(one.measures.request_rate, 2))
    row("tokens/s in", lambda one: _number(one.measures.input_rate, 0))
    row("tokens/s out", lambda one: _number(one.measures.output_rate, 0))
    row("tokens/s a user", lambda one: _number(one.measures.user_rate, 1))
    for name in NAMES:
        row(f"{name} ms", lambda one, name=name: _ms(one.measures.latencies.get(name, math.nan)))  # type: ignore[misc]
    row("within, share", lambda one: _share(one))
    row("goodput/s", lambda one: _number(one.measures.goodput, 2))
    if slo:
        for promise in slo.promises:
            row(str(promise), lambda one, promise=promise: _promised(promise, one))  # type: ignore[misc]
    row("lateness, lag ms", lambda one: f"{_ms(one.pressed.lateness)}, {_ms(one.pressed.lag)}")
    row("generator ms a request", lambda one: _number(one.pressed.cpu_ms, 2))
    console.print(table)
    for note in notes(found):
        console.print(note, style="yellow")


def notes(found: Sequence[MeasuredLoad]) -> list[str]:
    """Return what must be known beside the figures."""
    said = []
    for one in found:
        name, pressed = load_text(one.load), one.pressed
        if one.measures.n_failed:
            error = next(timing.error for timing in pressed.timings if timing.error)
            said.append(f"{name}: {one.measures.n_failed} requests failed, such as: {error}")
        if pressed.cut:
            said.append(f"{name}: ended early, for the SLO could be kept no more or the queue grew without end")
        if pressed.n_uncounted:
            said.append(
                f"{name}: the server did not count the tokens of {pressed.n_uncounted} answers; each piece of their "
                "streams counts as one, and their prompts as none"
            )
        if pressed.void:
            said.append(f"{name}: VOID, {pressed.void}")
    return said


def _share(one: MeasuredLoad) -> str:
    within = one.measures.within
    return f"{_number(within.mean, 3)} [{within.low:.3f}, {within.high:.3f}]"


def _promised(promise: Any, one: MeasuredLoad) -> Text:
    verdict = promise.verdict(one.pressed.timings)
    return Text(f"{_ms(promise.measured(one.pressed.timings))} ms, {verdict}", style=_STYLES[verdict])


def _ms(seconds: float) -> str:
    return _number(1000 * seconds, 1 if seconds < 1 else 0)


def _number(value: float, digits: int) -> str:
    return "-" if not math.isfinite(value) else f"{value:,.{digits}f}"


def _finite(plain: Any) -> Any:
    """Return it with None for every number that JSON cannot say."""
    if isinstance(plain, dict):
        return {name: _finite(value) for name, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_finite(value) for value in plain]
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
