"""Evidence side by side, on one list of replay choices that not all of it has, and no longer example by example.

Greedy decoding has no n above 1, and where the cost cap rules a large n out its samples are not bought. The score
under a missing choice is taken from the one most like it: exact for greedy decoding, of which all samples are equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infertune.allocators import Evidence
from infertune.default_space import TEMPERATURE
from infertune.estimators import FloatArray
from infertune.space import Configuration
from infertune.types import Scalar

_LISTS: dict[tuple[Configuration, ...], tuple[Configuration, ...]] = {}
_SHRUNK = 2.0  # pieces of evidence that say a choice is worth what the one most like it is


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aligned:
    """N pieces of evidence on R choices; all arrays are ``[N, R]`` but the last.

    Attributes:
        choices: All that occur.
        utilities: Means over the examples.
        variances: Of one example's score.
        costs: Mean tokens per request; those under a missing choice mean nothing.
        had: Whether a piece has the choice.
        length_variance: Of the logarithm of one example's tokens, over all; a number.
    """

    choices: tuple[Configuration, ...]
    utilities: FloatArray
    variances: FloatArray
    costs: FloatArray
    had: NDArray[np.bool_]
    length_variance: float


def joined(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence with that of one configuration on the same choices put together; a matrix less large."""
    groups: dict[tuple[Configuration, int], list[Evidence]] = {}
    for each in evidence:
        groups.setdefault((each.order.configuration, id(_known(each))), []).append(each)
    return [_joined(tuple(group)) for group in groups.values()]


@lru_cache(maxsize=4096)
def _joined(group: tuple[Evidence, ...]) -> Evidence:
    if len(group) == 1:
        return group[0]
    examples = tuple(example for each in group for example in each.order.examples)
    return Evidence(
        order=replace(group[0].order, examples=examples),
        choices=group[0].choices,
        scores=np.concatenate([each.scores for each in group], axis=1),
        tokens=np.concatenate([each.tokens for each in group], axis=1),
    )


def aligned(evidence: Sequence[Evidence]) -> Aligned:
    """Return the evidence on all choices that any of it has."""
    own = [_known(each) for each in evidence]
    lists = list({id(each): each for each in own}.values())
    choices = tuple(dict.fromkeys(choice for each in lists for choice in each))
    sources = {id(each): _sources(choices, each) for each in lists}
    rows = [(*_moments(each), *sources[id(its)]) for each, its in zip(evidence, own, strict=True)]
    had = np.stack([has for *_, has in rows])
    utilities = np.stack([utilities[source] for utilities, _, _, _, source, _ in rows])
    greedy = np.array([each.order.configuration.get(TEMPERATURE) == 0.0 for each in evidence])
    for each in lists:
        members = np.array([other is each for other in own]) & ~greedy
        place = np.array([choices.index(choice) for choice in each])[sources[id(each)][0]]
        for choice in np.flatnonzero(place != np.arange(len(choices))):
            both = had[:, choice] & had[:, place[choice]]
            n = int(both.sum())
            if n and members.any():
                usual = (utilities[both, choice] - utilities[both, place[choice]]).mean() * n / (n + _SHRUNK)
                utilities[members, choice] += usual
    return Aligned(
        choices=choices,
        utilities=utilities,
        variances=np.stack([variances[source] for _, variances, _, _, source, _ in rows]),
        costs=np.stack([costs[source] for _, _, costs, _, source, _ in rows]),
        had=had,
        length_variance=float(np.mean([length for _, _, _, length, _, _ in rows])),
    )


@lru_cache(maxsize=4096)
def _known(each: Evidence) -> tuple[Configuration, ...]:
    """Return its choices, and of equal lists always the same, so that they can be told apart at once."""
    return _LISTS.setdefault(each.choices, each.choices)


@lru_cache(maxsize=4096)
def _moments(each: Evidence) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    lengths = float(np.log(each.tokens).var(axis=1).mean())
    return each.scores.mean(axis=1), each.scores.var(axis=1), each.tokens.mean(axis=1), lengths


@lru_cache(maxsize=64)
def _sources(
    wanted: tuple[Configuration, ...], choices: tuple[Configuration, ...]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return for every choice the number of the one it is taken from, and whether that is itself."""
    source = np.array([_most_like(choice, choices) for choice in wanted])
    return source, np.array([choices[at] == choice for at, choice in zip(source, wanted, strict=True)])


def _most_like(wanted: Configuration, choices: Sequence[Configuration]) -> int:
    """Return the number of the choice that shares most values; of equals, the one whose numbers are nearest."""

    def unlikeness(number: int) -> tuple[int, float]:
        differing = [
            (value, choices[number][name]) for name, value in wanted.items() if choices[number][name] != value
        ]
        return len(differing), sum(_apart(one, other) for one, other in differing)

    return min(range(len(choices)), key=unlikeness)


def _apart(one: Scalar, other: Scalar) -> float:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return abs(float(one) - float(other)) if numbers else 0.0
