"""The highest load at which one started server keeps its SLO, found with few and short bursts.

The share of requests within a limit falls as the load rises, so the search is for where a monotone curve that is seen
through counts crosses what is needed. After every burst the shares of all loads are drawn from their Beta posteriors,
each draw is made monotone by pooling adjacent violators (isotonic regression; Barlow et al. 1972, *Statistical
Inference under Order Restrictions*), and the draws' crossings say where the capacity may be. The next burst is at the
middle of these: where the crossing is most uncertain, the outcome says most (probabilistic bisection; Horstein 1963).
With several promises a draw's crossing is the lowest of theirs.

The posterior of a share begins as one request's worth of what the SLO needs: forty of forty are then taken to keep
a p99 in 97 of 100 draws, and one miss of forty in one of three.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infertune.serving.measure.figures import Figures
from infertune.types.arrays import FloatArray

N_DRAWS = 200
_PRIOR = 1.0  # requests' worth
_LONGEST_STEP = 5.0
_CLOSER = 3  # by how much the bracket must be tighter than the tolerance to end the search by itself
_DOUBTFUL = 0.9  # quantile that must reach the lowest load, where that was not held, for a value just below it
_INSIDE = 0.2  # of a bracket, in logarithm: how near to its ends the next load may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much may be spent on one server.

    Attributes:
        most_bursts: Of the search for its capacity, at least 1.
        repeats: Of a load that is given instead, at least 1.
        tolerance: The search ends when the middle 80% of where the crossing may be span no more than this ratio
            above 1, such as 0.15; or when a load that is held and one that is broken are three times closer.
        step: Ratio of the first two loads, above 1; every further step in one direction is the square of the last.
    """

    most_bursts: int
    repeats: int = 2
    tolerance: float
    step: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What was found.

    Attributes:
        value: Median of where the crossing may be, in the unit of the load; 0 where no load was held, nor nearly so,
            and it is not known either that what is to be beaten cannot be reached.
        low: 10th percentile of where it may be; ``high``: the 90th.
        bursts: All, in their order.
        end: Why no further burst was made: ``found``, ``most bursts``, ``no budget``, ``cannot win``, ``never held``
            (at the lowest load) or ``always held`` (at the highest).
    """

    value: float
    low: float
    high: float
    bursts: tuple[Figures, ...]
    end: str


def capacity(
    press: Callable[[float, int], Figures | None],
    *,
    start: float,
    lowest: float,
    highest: float,
    effort: Effort,
    seed: int = 0,
    snap: Callable[[float], float] = float,
    beat: float = 0.0,
) -> Capacity:
    """Return the highest load that keeps the SLO.

    Args:
        press: Puts a load on the server for the given time, counted from 0, that this load is tried, and returns what
            came of it; None ends the search, since there is no budget for it.
        start: The first load, such as what a similar server was good for.
        lowest: Load, above 0; ``highest`` likewise.
        effort: See there.
        seed: Of the draws.
        snap: Rounds a load to one that can be asked for, such as a whole number in flight.
        beat: A capacity that must be possible, or the search ends: 0 for any.
    """
    bursts: list[Figures] = []
    level = snap(min(max(start, lowest), highest))
    step, end = effort.step, "most bursts"
    for _ in range(effort.most_bursts):
        found = press(level, sum(each.level == level for each in bursts))
        if found is None:
            end = "no budget"
            break
        bursts.append(found)
        seen = _Seen(bursts, effort.step, seed)
        if seen.held and seen.broken:
            close = seen.broken[0] <= seen.held[-1] * (1 + effort.tolerance / _CLOSER)
            if close or seen.quantile(0.9) <= seen.quantile(0.1) * (1 + effort.tolerance):
                end = "found"
                break
            if seen.quantile(0.95) < beat:
                end = "cannot win"
                break
            level = snap(seen.middle())
            continue
        if not seen.held and seen.broken[0] <= min(lowest, snap(lowest)):
            end = "never held"
            break
        if not seen.broken and seen.held[-1] >= highest:
            end = "always held"
            break
        if not seen.held and seen.broken[0] < beat:
            end = "cannot win"
            break
        further = seen.held[-1] * step if seen.held else seen.broken[0] / step
        step = min(step**2, _LONGEST_STEP)
        level = snap(min(max(further, lowest), highest))
    if not bursts:
        return Capacity(value=0.0, low=0.0, high=0.0, bursts=(), end=end)
    seen = _Seen(bursts, effort.step, seed)
    if not seen.held and end != "cannot win" and seen.quantile(_DOUBTFUL) < seen.levels[0]:
        return Capacity(value=0.0, low=0.0, high=seen.quantile(0.9), bursts=tuple(bursts), end=end)
    high = math.inf if not seen.broken else seen.quantile(0.9)
    value = seen.held[-1] if not seen.broken else seen.quantile(0.5)  # of what cannot win, at most so much
    return Capacity(value=value, low=min(seen.quantile(0.1), value), high=high, bursts=tuple(bursts), end=end)


class _Seen:
    """What some bursts say of the capacity.

    Attributes:
        levels: Loads that were tried, in order.
        held: Those that keep the SLO in half of the draws or more; ``broken``: the others, all above.
    """

    def __init__(self, bursts: Sequence[Figures], step: float, seed: int) -> None:
        self.levels = sorted({each.level for each in bursts})
        kept = n_kept(bursts, self.levels, np.random.default_rng((seed, len(bursts), 31)))
        chances = [float((kept > place).mean()) for place in range(len(self.levels))]
        self.held = [level for level, chance in zip(self.levels, chances, strict=True) if chance >= 0.5]
        self.broken = self.levels[len(self.held) :]
        ends = np.log([self.levels[0] / step, *self.levels, self.levels[-1] * step])
        # Evenly spread between two loads, so that quantiles do not depend on the luck of a further draw.
        shares = np.empty(len(kept))
        for place in np.unique(kept):
            here = kept == place
            shares[here] = (np.arange(here.sum()) + 0.5) / here.sum()
        self._places = ends[kept] + shares * (ends[kept + 1] - ends[kept])

    def quantile(self, share: float) -> float:
        """Return the load below which the capacity is in this share of the draws."""
        return math.exp(float(np.quantile(self._places, share)))

    def middle(self) -> float:
        """Return the median, not too near to a load of the bracket that was tried already."""
        low, high = math.log(self.held[-1]), math.log(self.broken[0])
        room = _INSIDE * (high - low)
        return math.exp(min(max(float(np.median(self._places)), low + room), high - room))


def n_kept(bursts: Sequence[Figures], levels: Sequence[float], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return draws of how many of the loads keep every promise, from the lowest on, ``[N_DRAWS]``.

    Args:
        bursts: One or more, with the same promises; all keep a promise that there is not.
        levels: Their loads, in order.
        rng: Of the draws.
    """
    kept = np.full(N_DRAWS, len(levels))
    places = [levels.index(each.level) for each in bursts]
    for counts in zip(*(each.counts for each in bursts), strict=True):
        needed = counts[0].needed
        within, missed = np.zeros(len(levels)), np.zeros(len(levels))
        np.add.at(within, places, [count.within for count in counts])
        np.add.at(missed, places, [max(count.n - count.within, 0.0) for count in counts])
        draws = rng.beta(within + _PRIOR * needed, missed + _PRIOR * (1 - needed), size=(N_DRAWS, len(levels)))
        weights = within + missed + _PRIOR
        kept = np.minimum(kept, n_reaching(draws, weights, needed))
    return kept


def n_reaching(curves: FloatArray, weights: FloatArray, needed: float) -> NDArray[np.intp]:
    """Return at how many places the falling isotonic regression of each curve is at least what is needed, ``[n]``.

    That regression is, at place i, the least over s <= i of the most over t >= i of the means of s to t (the max-min
    formula of Barlow et al. 1972, theorem 1.4), so it reaches c there if the sums of weights (curve - c) up to some
    t >= i are as high as those before any s <= i.

    Args:
        curves: ``[n, n_places]``.
        weights: Of the places, above 0.
        needed: See above.
    """
    sums = np.cumsum(weights * (curves - needed), axis=1)
    before = np.concatenate([np.zeros((len(curves), 1)), sums[:, :-1]], axis=1)
    ahead = np.maximum.accumulate(sums[:, ::-1], axis=1)[:, ::-1]
    return np.asarray((ahead >= np.maximum.accumulate(before, axis=1)).sum(axis=1))
