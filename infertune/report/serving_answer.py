"""The answer of a search for a server's settings: all that is reported, and as JSON."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infertune.serving.measure import figures
from infertune.serving.measure.goal import Goal
from infertune.serving.search.finals import Finalist, Verdict
from infertune.serving.search.found import Found, words
from infertune.serving.search.speculation import Schedule
from infertune.serving.search.trial import Trial
from infertune.stats import pareto_front


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingAnswer:
    """All that is reported.

    Attributes:
        study: Its name.
        facts: Of the launcher.
        workload: Its name.
        found: What the search came to.
        schedule: Of speculative lengths, where they were measured.
        handover: Commands that bring the settings to work.
        notes: For the user, without a full stop.
    """

    study: str
    facts: Mapping[str, str]
    workload: str
    found: Found
    schedule: Schedule | None
    handover: Sequence[str]
    notes: Sequence[str]


def as_json(answer: ServingAnswer) -> dict[str, Any]:
    """Return the answer in lists, mappings and scalars."""
    found, goal = answer.found, answer.found.goal
    return {
        "study": answer.study,
        "facts": dict(answer.facts),
        "workload": answer.workload,
        "goal": {"kind": goal.kind, "unit": goal.unit, "promise": str(goal.slo)},
        "verdict": _verdict_as_json(found.verdict, goal),
        "default": dict(found.default),
        "finalists": [_finalist_as_json(each, goal) for each in found.finalists],
        "trials": [_trial_as_json(each, goal) for each in found.trials],
        "front": front(found),
        "failures": dict(failure_kinds(found.trials)),
        "schedule": None
        if answer.schedule is None
        else {
            "steps": [list(step) for step in answer.schedule.steps],
            "complete": answer.schedule.complete,
            "evidence": [
                {"load": e.load, "length": e.length, "output_rates": list(e.values)} for e in answer.schedule.evidence
            ],
        },
        "seconds": {"budget": found.budget, "bought_in_this_run": found.bought, **found.spent},
        "handover": list(answer.handover),
        "notes": list(answer.notes),
    }


def front(found: Found) -> list[dict[str, Any]]:
    """Return the bursts that no other beats in both tokens per second and tokens per second of a user."""
    points = [(c, each) for c, each in found.bursts if each.user_rate and each.output_rate]
    if not points:
        return []
    kept = pareto_front(
        np.array([-each.output_rate for _, each in points]), np.array([each.user_rate or 0.0 for _, each in points])
    )
    return [
        {
            "settings": dict(points[at][0]),
            "load": words(points[at][1].load),
            "tokens_per_second": points[at][1].output_rate,
            "tokens_per_second_per_user": points[at][1].user_rate,
        }
        for at in kept
    ]


def failure_kinds(trials: Sequence[Trial]) -> Counter[str]:
    """Return how many trials failed by each class, broken promises among them."""
    return Counter(trial.outcome.failure for trial in trials if trial.outcome.failure)


def _verdict_as_json(verdict: Verdict, goal: Goal) -> dict[str, Any]:
    def percent(difference: float) -> float | None:
        return math.expm1(-difference if goal.less_is_better else difference) if math.isfinite(difference) else None

    if verdict.winner is None:
        return {"winner": None}
    return {
        "winner": dict(verdict.winner.configuration),
        "value": goal.value(verdict.winner.mean),
        "is_clear": verdict.is_clear,
        "change": percent(verdict.difference),
        "change_interval": [percent(verdict.low), percent(verdict.high)],
        "rivals": [dict(each.configuration) for each in verdict.rivals],
    }


def _finalist_as_json(each: Finalist, goal: Goal) -> dict[str, Any]:
    return {
        "settings": dict(each.configuration),
        "values": [goal.value(score) for score in each.scores],
        "n_turns": len(each.turns),
        "rates": [turn.rate for turn in each.turns if turn is not None],
        "failure": str(each.failure) if each.failure else None,
    }


def _trial_as_json(trial: Trial, goal: Goal) -> dict[str, Any]:
    measured = trial.measured
    return {
        "number": trial.number,
        "arm": trial.arm,
        "settings": dict(trial.configuration),
        "value": None if trial.score is None else goal.value(trial.score),
        "end": measured.end if measured else None,
        "failure": trial.outcome.failure or None,
        "seconds": trial.seconds,
        "start_seconds": trial.start_seconds,
        "bursts": [figures.as_json(each) for each in measured.bursts] if measured else [],
    }
