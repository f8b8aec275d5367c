"""The points of the picture as the page has them: settings and examples are written once, and have numbers."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from infertune.report.page.encoding import Room
from infertune.report.page.points import PagePoint
from infertune.report.table import plain, short
from infertune.report.text import as_name
from infertune.selection.recommendation import ExampleScores
from infertune.space import SearchSpace
from infertune.types import Scalar

MOST_TRIAL_BYTES = 1_200_000
MOST_SCORE_BYTES = 1_000_000


class Settings:
    """The columns of configurations.

    Args:
        names: Dotted, of the settings that are shown.
        space: That has them.
    """

    def __init__(self, names: Sequence[str], space: SearchSpace) -> None:
        self._names = list(names)
        self._labels = [space[name].alias for name in names]
        self._at: list[dict[str, int]] = [{} for _ in names]

    def of(self, configuration: Mapping[str, Scalar]) -> list[int]:
        """Return the number of each value, -1 for a setting that is not there."""
        return [
            -1 if text is None else at.setdefault(text, len(at))
            for text, at in zip(self.texts(configuration), self._at, strict=True)
        ]

    def texts(self, configuration: Mapping[str, Scalar]) -> list[str | None]:
        """Return each value as it is shown, None for a setting that is not there."""
        return [as_name(plain(configuration[name])) if name in configuration else None for name in self._names]

    @property
    def columns(self) -> list[dict[str, Any]]:
        """What each setting is called, and the values that occur: to be asked for last."""
        return [{"name": as_name(label), "values": list(at)} for label, at in zip(self._labels, self._at, strict=True)]


def plotted(
    compared: Sequence[PagePoint],
    trials: Sequence[PagePoint],
    settings: Settings,
    space: SearchSpace,
    examples: dict[str, int],
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the points, those that are compared first, and how many trials and scores found no room.

    Args:
        compared: Best seen, default and front.
        trials: All others.
        settings: Gets the values that occur.
        space: Whose default a configuration changes.
        examples: Gets the numbers of the examples that occur.
    """
    trial_room, score_room = Room(MOST_TRIAL_BYTES), Room(MOST_SCORE_BYTES)
    points = []
    for point in (*compared, *trials):
        found = _plain(point, space)
        if not trial_room.takes([found, settings.texts(point.configuration)]):
            continue
        found["values"] = settings.of(point.configuration)
        n_before = len(examples)
        scores = {split: _packed(held, examples) for split, held in point.scores.items()}
        new = list(islice(reversed(examples), len(examples) - n_before))
        if scores and score_room.takes([scores, new]):
            found["scores"] = scores
        else:
            for each in new:
                del examples[each]
        points.append(found)
    return points, {"trials": trial_room.left_out, "scores": score_room.left_out}


def _plain(point: PagePoint, space: SearchSpace) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": point.kind,
        "label": point.label,
        "x": round(point.cost_tokens, 4),
        "y": round(point.utility, 4),
        "n": point.n_examples,
    }
    if point.kind == "trial":
        return found
    return found | {
        "digest": point.configuration.digest,
        "changed": as_name(short(point.configuration, space)),
        "n_equal": point.n_equal,
        "interval": None if point.interval is None else [point.interval.low, point.interval.high],
    }


def _packed(held: ExampleScores, examples: dict[str, int]) -> list[list[float]]:
    """Return the numbers of the examples, and their scores."""
    numbers: list[float] = [examples.setdefault(as_name(each), len(examples)) for each in held.example_ids]
    return [numbers, [int(score) if score in (0, 1) else round(score, 3) for score in held.scores]]
