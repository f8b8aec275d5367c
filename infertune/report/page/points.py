"""The points of the page's picture: trials, front, best seen and default, each with its scores example by example."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from infertune.archive import StoredStudy
from infertune.archive.stored_study import Split
from infertune.selection.recommendation import ExampleScores, Recommendation, example_scores
from infertune.statistics.intervals import Interval, paired_difference
from infertune.study.logged_trial import LoggedTrial
from infertune.types import Configuration

MOST_FRONT = 10  # points of a front whose texts are in the page
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePoint:
    """A point of the picture.

    Attributes:
        kind: ``trial``, ``front``, ``seen`` or ``default``.
        label: What it is called.
        n_examples: That ``utility`` and ``cost_tokens`` are the means of.
        interval: Of the utility on ``confirm``; None for what was not confirmed.
        n_equal: Configurations of exactly these figures; this is one of them.
        scores: By split, of the examples that it was evaluated on.
    """

    kind: str
    label: str
    configuration: Configuration
    utility: float
    cost_tokens: float
    n_examples: int
    interval: Interval | None = None
    n_equal: int = 1
    scores: dict[Split, ExampleScores] = field(default_factory=dict)


def confirmed_points(study: StoredStudy, found: Recommendation) -> list[PagePoint]:
    """Return the best that was seen, where that is not the default, and the default: as the confirmation has them."""
    sides = [("seen", found.seen, found.verdict.seen), ("default", found.default, found.verdict.default)]
    points = []
    for kind, configuration, side in sides[1:] if found.seen == found.default else sides:
        recommended = configuration == found.recommended
        name = ("recommended" if recommended else "best seen") if kind == "seen" else "default"
        scores = _held(study, configuration)
        confirmed = next((each for each in found.confirmed if each.configuration == configuration), None)
        if confirmed is not None:
            scores["confirm"] = confirmed
        points.append(
            PagePoint(
                kind=kind,
                label=f"{name}, recommended" if kind == "default" and recommended else name,
                configuration=configuration,
                utility=side.utility.mean,
                cost_tokens=side.cost_tokens,
                n_examples=side.utility.n,
                interval=side.utility,
                scores=scores,
            )
        )
    return points


def front_points(study: StoredStudy, found: Recommendation) -> list[PagePoint]:
    """Return the front, cheapest first; of equal points the recommended one, or the first."""
    points: list[PagePoint] = []
    for (cost, utility), group in itertools.groupby(found.front, key=lambda one: (one.cost_tokens, one.utility)):
        equals = [one.configuration for one in group]
        configuration = found.recommended if found.recommended in equals else equals[0]
        points.append(
            PagePoint(
                kind="front",
                label=f"front {len(points) + 1}",
                configuration=configuration,
                utility=utility,
                cost_tokens=cost,
                n_examples=found.n_tune,
                n_equal=len(equals),
                scores=_held(study, configuration) if len(points) < MOST_FRONT else {},
            )
        )
    return points


def trial_points(study: StoredStudy, trials: Iterable[LoggedTrial]) -> Iterator[PagePoint]:
    """Yield the trials that brought something."""
    ids = [example.id for example in study.task.tune]
    for trial in trials:
        if trial.utility is None or trial.cost_tokens is None:
            continue
        configuration = Configuration(trial.chosen)
        yield PagePoint(
            kind="trial",
            label=f"trial {trial.number}",
            configuration=configuration,
            utility=trial.utility,
            cost_tokens=trial.cost_tokens,
            n_examples=trial.n_examples,
            scores=_of_trial(trial, configuration, ids),
        )


def paired(points: Sequence[PagePoint], name: Callable[[PagePoint], int]) -> Iterator[dict[str, object]]:
    """Yield the paired difference of every two points that share two examples, b minus a, with its 95% interval.

    Args:
        points: Of which each with each.
        name: The number of a point in the page.
    """
    for a, b in itertools.combinations(points, 2):
        for split in ("confirm", "tune"):
            ours, theirs = (_by_id(each, split) for each in (a, b))
            common = [each for each in ours if each in theirs]
            if len(common) < 2:
                continue
            first, second = (np.array([each[one] for one in common]) for each in (ours, theirs))
            found = paired_difference(second, first)
            yield {
                "a": name(a),
                "b": name(b),
                "mean": round(found.mean, _DIGITS),
                "low": round(found.low, _DIGITS),
                "high": round(found.high, _DIGITS),
            }
            break


def _by_id(point: PagePoint, split: Split) -> dict[str, float]:
    held = point.scores.get(split)
    return {} if held is None else dict(zip(held.example_ids, held.scores, strict=True))


def _held(study: StoredStudy, configuration: Configuration) -> dict[Split, ExampleScores]:
    """Return what the bank holds of a configuration on ``tune``."""
    evaluator = study.evaluator("tune")
    for each in evaluator.candidates(evaluator.evidence(evaluator.order(configuration))):
        if each.configuration == configuration:
            return {"tune": example_scores(each)}
    return {}


def _of_trial(trial: LoggedTrial, configuration: Configuration, ids: Sequence[str]) -> dict[Split, ExampleScores]:
    evidence = trial.evidence
    if evidence is None:
        return {}
    for choice, scores, tokens in zip(evidence.choices, evidence.scores, evidence.tokens, strict=True):
        if evidence.order.configuration.with_values(choice) == configuration:
            return {
                "tune": ExampleScores(
                    configuration=configuration,
                    example_ids=tuple(ids[number] for number in evidence.order.examples),
                    scores=tuple(scores.tolist()),
                    tokens=tuple(tokens.tolist()),
                )
            }
    return {}
