"""The answer of a search for a server's settings: all that is reported, and as JSON."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infertune.report.serving_verdict import change, sentence
from infertune.serving.measure import figures
from infertune.serving.measure.goal import Goal
from infertune.serving.search.comparison import MARGIN
from infertune.serving.search.finals import Finalist
from infertune.serving.search.result import ServingSearchResult, words
from infertune.serving.search.speculation import Schedule
from infertune.serving.search.trial import ServingTrial
from infertune.statistics.pareto import pareto_front


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOn:
    """What would decide what is undecided: so many more seconds, by this command."""

    seconds: int
    command: str


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
        go_on: Where the verdict is undecided.
    """

    study: str
    facts: Mapping[str, str]
    workload: str
    found: ServingSearchResult
    schedule: Schedule | None
    handover: Sequence[str]
    notes: Sequence[str]
    go_on: GoOn | None = None


def as_json(answer: ServingAnswer) -> dict[str, Any]:
    """Return the answer in lists, mappings and scalars."""
    found, goal = answer.found, answer.found.goal
    return {
        "study": answer.study,
        "facts": dict(answer.facts),
        "workload": answer.workload,
        "goal": {"kind": goal.kind, "unit": goal.unit, "slo": str(goal.slo)},
        "verdict": _verdict_as_json(answer),
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
        "seconds": {
            "budget": found.budget,
            "spent": sum(found.spent.values()),
            "bought_in_this_run": found.bought,
            **found.spent,
        },
        "handover": list(answer.handover),
        "notes": list(answer.notes),
    }


def front(found: ServingSearchResult) -> list[dict[str, Any]]:
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


def failure_kinds(trials: Sequence[ServingTrial]) -> Counter[str]:
    """Return how many trials failed by each class, broken SLOs among them."""
    return Counter(trial.outcome.failure for trial in trials if trial.outcome.failure)


def _verdict_as_json(answer: ServingAnswer) -> dict[str, Any]:
    found, goal = answer.found, answer.found.goal
    said, comparison = found.verdict, found.verdict.comparison
    ends = sorted(change(goal, end) - 1 for end in (comparison.low, comparison.high)) if comparison.n else None
    recommended = said.recommended
    return {
        "kind": said.kind,
        "text": sentence(found),
        "recommended": dict(recommended.configuration) if recommended is not None else None,
        "value": _value(recommended, goal) if recommended is not None else None,
        "best": dict(said.best) if said.best is not None else None,
        "best_value": _value(found.finals.of(said.best), goal) if said.best is not None else None,
        "default_value": _value(found.finals.of(found.default), goal),
        "change": change(goal, comparison.difference) - 1 if comparison.n else None,
        "change_interval": ends,
        "n_turns": comparison.n,
        "margin": MARGIN,
        "rivals": [dict(each) for each in said.rivals],
        "go_on": None if answer.go_on is None else {"seconds": answer.go_on.seconds, "command": answer.go_on.command},
    }


def _value(finalist: Finalist, goal: Goal) -> float | None:
    return goal.value(float(np.mean(finalist.scores))) if finalist.scores else None


def _finalist_as_json(each: Finalist, goal: Goal) -> dict[str, Any]:
    return {
        "settings": dict(each.configuration),
        "values": [goal.value(score) for score in each.scores],
        "n_turns": len(each.turns),
        "rounds": list(each.turns),
        "rates": [turn.rate for turn in each.turns.values()],
        "failure": str(each.failure) if each.failure else None,
    }


def _trial_as_json(trial: ServingTrial, goal: Goal) -> dict[str, Any]:
    measured = trial.measured
    return {
        "number": trial.number,
        "arm": trial.arm,
        "settings": dict(trial.configuration),
        "value": None if trial.score is None else goal.value(trial.score),
        "end": measured.end if measured else None,
        "failure": trial.outcome.failure or None,
        "seconds": trial.seconds,
        "bursts": [figures.as_json(each) for each in measured.bursts] if measured else [],
    }
