"""The studies of a database, a line each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Engine, func, inspect, select

from infertune.archive import names
from infertune.bank.tables import bank_requests
from infertune.study import finished, opening
from infertune.study.trial_log import TrialLog
from infertune.types import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLine:
    """A study in a line.

    Attributes:
        kind: ``optimize``, or ``tune-serving``, of which the name alone is told.
        task: Empty where that is not known; likewise ``model`` and ``engine``.
        n_trials: What was tried.
        spent_tokens: In all its runs.
        verdict: ``clear winner``, ``keep the default`` or ``undecided``; empty while there is none.
        utility: Of the recommended configuration on ``confirm``; None while there is none.
        cost_tokens: Its tokens per request.
        changed: What it changes of the default.
        begun: Seconds since 1970, of the first sample that was bought; None before. ``last`` is of the last one.
    """

    name: str
    kind: Literal["optimize", "tune-serving"]
    task: str = ""
    model: str = ""
    engine: str = ""
    n_trials: int = 0
    spent_tokens: int = 0
    verdict: str = ""
    utility: float | None = None
    cost_tokens: float | None = None
    changed: dict[str, Scalar] | None = None
    begun: float | None = None
    last: float | None = None


def studies(database: str | Path) -> list[StudyLine]:
    """Return the studies of a database, the oldest first.

    Raises:
        InvalidInputError: There is no such database.
        DataUnavailableError: It is damaged.
    """
    with names.opened(database) as engine:
        bought = dict(_bought(engine))
        url = engine.url.render_as_string(hide_password=False)
        decoding = [_line(url, each, bought.get(each)) for each in names.decoding_names(engine)]
        return decoding + [StudyLine(name=each, kind="tune-serving") for each in names.serving_names(engine)]


def _bought(engine: Engine) -> Iterator[tuple[str, Any]]:
    if bank_requests.name not in inspect(engine).get_table_names():
        return
    columns = bank_requests.c
    tokens = (
        columns.prompt_tokens
        + columns.completion_tokens
        + columns.extra_prompt_tokens
        + columns.extra_completion_tokens
    )
    asked = select(columns.study, func.sum(tokens), func.min(columns.landed_at), func.max(columns.landed_at)).group_by(
        columns.study
    )
    with engine.connect() as connection:
        for study, spent, first, last in connection.execute(asked):
            yield str(study), (int(spent), float(first), float(last))


def _line(url: str, name: str, bought: tuple[int, float, float] | None) -> StudyLine:
    log = TrialLog(url, name)
    settings = log.noted("settings") or {}
    begun_with, facts = opening.kept(log), settings.get("engine") or {}
    found = finished.last(log)
    spent, begun, last = bought or (0, None, None)
    answer = found.recommendation if found is not None else None
    return StudyLine(
        name=name,
        kind="optimize",
        task=str(settings.get("task", "")),
        model=begun_with.model if begun_with is not None else str(facts.get("model", "")),
        engine=str(facts.get("engine", "")),
        n_trials=answer.n_trials if answer is not None else log.n_trials(),
        spent_tokens=max(spent, answer.spent.tokens if answer is not None else 0),
        verdict=answer.verdict.kind if answer is not None else "",
        utility=answer.verdict.recommended.utility.mean if answer is not None else None,
        cost_tokens=answer.verdict.recommended.cost_tokens if answer is not None else None,
        changed=None
        if answer is None
        else {key: value for key, value in answer.recommended.items() if answer.default.get(key) != value},
        begun=begun,
        last=last,
    )
