"""Everything that the page shows of a study, as plain data; the page's own script puts it into words and pictures."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from infertune import __version__
from infertune.archive import StoredStudy, curves
from infertune.archive.failures import failures
from infertune.archive.path import path
from infertune.archive.pick import candidates
from infertune.archive.spending import spending
from infertune.archive.surface import UtilitySurface
from infertune.errors import DataUnavailableError
from infertune.report.answer import Answer
from infertune.report.page import commands
from infertune.report.page.encoding import Room
from infertune.report.page.plotted import Settings, plotted
from infertune.report.page.points import confirmed_points, front_points, paired, trial_points
from infertune.report.page.samples import LONGEST_ANSWER, LONGEST_FOUND, LONGEST_PROMPT, MOST_ANSWERS, answer, samples
from infertune.report.table import advice, bounded, duration, plain, sentence, short
from infertune.report.text import as_name, cut, rendered
from infertune.statistics.pareto import pareto_front

MOST_FAILURE_BYTES = 500_000
MOST_FAILURES = 12
MOST_CHOICES = 200
_LONGEST_NOTE = 600


def page_data(study: StoredStudy, found: Answer | None) -> dict[str, Any]:
    """Return what the page shows.

    Args:
        study: Is read.
        found: Its answer; None while there is none, and then there is no verdict either.

    Raises:
        DataUnavailableError: The study was begun by an earlier infertune, which kept less, or is damaged.
    """
    space = study.opening.space
    names = [parameter.name for parameter in space.parameters]
    settings = Settings(names if found is None else found.shown(names), space)
    compared, front = [], []
    if found is not None:
        front = front_points(study, found.recommendation)
        compared = [*confirmed_points(study, found.recommendation), *front]
    examples: dict[str, int] = {}
    trials = list(trial_points(study, study.trials))
    points, left_out = plotted(compared, trials, settings, space, examples)
    numbers = {id(point): number for number, point in enumerate(compared)}
    with_texts = [each for each in compared if each.scores]
    return {
        "infertune": __version__,
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "study": as_name(study.name),
        "cost": "tokens per request" if found is None else found.cost,
        "facts": _facts(study, found),
        "answer": None if found is None else _answer(found, settings),
        "settings": settings.columns,
        "points": points,
        "front": list(range(len(compared) - len(front), len(compared))),
        "n_trials": len(study.trials),
        "n_failed_trials": len(study.trials) - len(trials),
        "left_out": left_out,
        "pairs": list(paired(with_texts, lambda each: numbers[id(each)])),
        "samples": samples(study, with_texts),
        "examples": list(examples),
        "curve": [] if found is None else _curve(study, found),
        "path": [] if found is None else _path(study, found),
        "choices": [] if found is None else _choices(study, found),
        "spending": _spending(study, found),
        "failures": None if found is None else _failures(study),
        "environment": _environment(study, found),
        "commands": commands.reproduce(study, is_finished=found is not None),
    }


def _answer(found: Answer, settings: Settings) -> dict[str, Any]:
    recommendation, verdict = found.recommendation, found.recommendation.verdict
    alone = recommendation.seen == recommendation.default
    sides = [("default", recommendation.default, verdict.default)]
    if not alone:
        sides.insert(0, ("seen", recommendation.seen, verdict.seen))
    return {
        "kind": verdict.kind,
        "sentence": sentence(recommendation, found.cost),
        "advice": advice(recommendation),
        "bounded": bounded(recommendation.promise),
        "recommends_default": verdict.recommends_default,
        "difference": None if alone else asdict(verdict.difference),
        "sides": [
            {
                "kind": kind,
                "values": settings.of(configuration),
                "utility": asdict(side.utility),
                "cost_tokens": side.cost_tokens,
                "answered_share": side.answered_share,
                "recommended": configuration == recommendation.recommended,
            }
            for kind, configuration, side in sides
        ],
        "n_tune": recommendation.n_tune,
        "on_tune": {
            "x": round(recommendation.on_tune.cost_tokens, 4),
            "y": round(recommendation.on_tune.utility, 4),
            "changed": as_name(short(recommendation.recommended, found.space)),
        },
        "notes": [cut(note, _LONGEST_NOTE) for note in recommendation.notes],
    }


def _facts(study: StoredStudy, found: Answer | None) -> list[list[str]]:
    known, spent = study.opening, study.spent if found is None else found.recommendation.spent
    rows = [
        ["task", study.task.name],
        ["model", Path(known.model).name if Path(known.model).is_absolute() else known.model],
        ["engine", known.engine],
        ["search", f"{known.search}, seed {known.seed}"],
        ["spent", f"{spent.tokens:,} {'tokens' if found is None or found.settings is None else ''}".strip()],
        ["requests", f"{spent.n_requests:,}" + (f", {spent.n_failed:,} failed" if spent.n_failed else "")],
        ["trials", f"{len(study.trials):,}"],
    ]
    if known.prices is not None:
        rows.append(["price", known.prices.amount(spent.all_prompt_tokens, spent.all_completion_tokens)])
    if found is not None:
        rows.append(["generating", duration(found.recommendation.seconds)])
    return [[name, as_name(value)] for name, value in rows]


def _curve(study: StoredStudy, found: Answer) -> list[dict[str, Any]]:
    return [asdict(each) for each in curves.curve(study, found.recommendation.recommended)]


def _choices(study: StoredStudy, found: Answer) -> list[dict[str, Any]]:
    """Return what is worth choosing at some cost, cheapest first, the recommendation with it; nothing of one trial."""
    try:
        known = candidates(study)
    except DataUnavailableError:
        return []
    recommended = found.recommendation.recommended
    front = pareto_front(
        np.array([each.cost_tokens for each in known]), np.array([each.utility for each in known])
    ).tolist()
    own = [number for number, each in enumerate(known) if each.configuration == recommended]
    chosen = sorted({*front[:MOST_CHOICES], *own}, key=lambda number: known[number].cost_tokens)
    return [
        {
            "x": round(known[number].cost_tokens, 4),
            "y": round(known[number].utility, 4),
            "n": known[number].n_examples,
            "confirmed": known[number].confirmed,
            "recommended": number in own,
            "changed": as_name(short(known[number].configuration, found.space)),
        }
        for number in chosen
    ]


def _path(study: StoredStudy, found: Answer) -> list[dict[str, Any]]:
    """Return the steps from the default to the recommendation; none where the model of the search cannot be had."""
    recommendation, space = found.recommendation, study.opening.space
    if recommendation.recommended == recommendation.default:
        return []
    try:
        steps = path(UtilitySurface(study), recommendation.default, recommendation.recommended)
    except DataUnavailableError:
        return []
    return [
        {
            "name": as_name(space[step.name].alias),
            "was": None if step.was is None else as_name(plain(step.was)),
            "now": None if step.now is None else as_name(plain(step.now)),
            "adds": asdict(step.adds),
            "cost_tokens": round(step.cost_tokens, 2),
            "worth": None if step.worth is None else asdict(step.worth),
        }
        for step in steps
        if step.adds is not None and step.cost_tokens is not None
    ]


def _spending(study: StoredStudy, found: Answer | None) -> dict[str, Any]:
    parts = spending(study)
    booked = sum(part.usage.tokens for part in parts)
    spent = booked if found is None else found.recommendation.spent.tokens
    return {
        "parts": [
            {
                "split": part.split,
                "prompt": as_name(part.prompt),
                "prompt_tokens": part.usage.prompt_tokens,
                "completion_tokens": part.usage.completion_tokens,
                "extra_tokens": part.usage.extra_tokens,
                "n_requests": part.usage.n_requests,
                "n_failed": part.usage.n_failed,
            }
            for part in parts[:100]
        ],
        "unbooked": max(0, spent - booked),
    }


def _failures(study: StoredStudy) -> dict[str, Any]:
    found = failures(study, n=MOST_FAILURES)
    room = Room(MOST_FAILURE_BYTES)
    examples = [
        {
            "example": as_name(each.example_id),
            "prompt": cut(rendered(each.prompt), LONGEST_PROMPT),
            "reference": cut(each.reference, LONGEST_ANSWER),
            "score": each.score,
            "default_score": each.default_score,
            "answers": [answer(one) for one in each.answers[:MOST_ANSWERS]],
            "default_answers": [answer(one) for one in each.default_answers[:MOST_ANSWERS]],
            "error": cut(each.error, _LONGEST_NOTE),
        }
        for each in found.examples
    ]
    return {
        "alone": found.recommended == found.default,
        "below": found.below,
        "n_examples": found.n_examples,
        "n_failed": found.n_failed,
        "n_both": found.n_both,
        "n_new": found.n_new,
        "n_mended": found.n_mended,
        "kinds": [list(each) for each in found.kinds],
        "wrong_answers": [[cut(text, LONGEST_FOUND), n] for text, n in found.wrong_answers],
        "examples": [each for each in examples if room.takes(each)],
    }


def _environment(study: StoredStudy, found: Answer | None) -> list[list[str]]:
    known = study.opening
    rows: dict[str, Any] = {"infertune": __version__}
    rows |= {
        name if name == "engine" else f"engine {name}": value
        for name, value in (known.facts if found is None else found.facts).items()
    }
    rows |= {f"option {name}": value for name, value in known.options.items()}
    if found is not None:
        rows |= {f"version {name}": value for name, value in (found.recipe.versions or {}).items()}
        rows |= {"task digest": found.recipe.task_digest}
        rows |= {f"server {name}": value for name, value in (found.engine_metrics or {}).items()}
    return [[as_name(name), cut(str(value), _LONGEST_NOTE)] for name, value in rows.items()]
