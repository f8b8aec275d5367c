"""How replay choices are related: which is the base of which, and over which others it gains on the way from there.

The base of a choice is the one with the least n that is otherwise the same; the voter is of no account to it.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infertune.space.names import VOTER, N
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray


def rest(choice: Configuration) -> tuple[Scalar, ...]:
    """Return what a choice has in common with its base: all but n and the voter."""
    return tuple(value for name, value in sorted(choice.items()) if name not in (N, VOTER))


@lru_cache(maxsize=64)
def bases(choices: tuple[Configuration, ...]) -> tuple[int, ...]:
    """Return for every choice the number of its base."""
    least: dict[tuple[Scalar, ...], int] = {}
    for number in _by_n(choices):
        least.setdefault(rest(choices[number]), number)
    return tuple(least[rest(each)] for each in choices)


@lru_cache(maxsize=64)
def steps_down(choices: tuple[Configuration, ...]) -> tuple[int, ...]:
    """Return for every choice the number of that with the next smaller n, in the end its base, which is its own."""
    base = bases(choices)
    found = list(base)
    last: dict[tuple[Scalar, ...], int] = {}
    for number in _by_n(choices):
        if number != base[number]:
            key = (choices[number][VOTER], *rest(choices[number]))
            found[number] = last.get(key, base[number])
            last[key] = number
    return tuple(found)


@lru_cache(maxsize=64)
def ladder(choices: tuple[Configuration, ...]) -> FloatArray:
    """Return which choices are met on the way down from each to its base, ``[R, R]``."""
    below = steps_down(choices)
    found = np.zeros((len(choices), len(choices)))
    for number in range(len(choices)):
        at = number
        while below[at] != at:
            found[number, at] = 1.0
            at = below[at]
    return found


@lru_cache(maxsize=64)
def places(
    choices: tuple[Configuration, ...], own: tuple[Configuration, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return where a piece's own choices are among all, their numbers among its own, and those of the bases."""
    number = {choice: at for at, choice in enumerate(choices)}
    shared = [at for at, choice in enumerate(own) if choice in number]
    column = {rest(own[at]): place for place, at in enumerate(sorted(set(bases(own))))}
    wanted = [column[rest(choices[at])] for at in sorted(set(bases(choices)))]
    return np.array([number[own[at]] for at in shared]), np.array(shared), np.array(wanted)


def _by_n(choices: tuple[Configuration, ...]) -> list[int]:
    return sorted(range(len(choices)), key=lambda at: int(choices[at][N]))
