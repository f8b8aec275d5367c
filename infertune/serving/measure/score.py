"""What one server is worth by a goal: its capacity, or what it does under a load that is given."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from infertune.load.arrival_load import Load
from infertune.serving.measure.capacity import Capacity, Effort, capacity
from infertune.serving.measure.figures import Figures, held
from infertune.serving.measure.goal import Goal

FEWEST_REQUESTS = 20  # of a burst
LOWEST_RATE, HIGHEST_RATE = 0.02, 20_000.0  # requests per second
NOT_KEPT = "the SLO is kept at no load that was tried"
NOT_KEPT_THERE = "the SLO is not kept at the load that was given"
_HOURS = 3600.0
_GRID = 1.02  # ratio of neighbouring rates, so that different servers are pressed with the same ones
_EIGHTY = 1.28  # standard errors to either side of a mean hold 80%
_ALONE = 0.1  # of the score of a single burst at a given load, to either side
_POOR = 0.8  # of what is to be beaten: less than this in one burst needs no second one


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one server is worth.

    Attributes:
        score: By `Goal.score`; None where it keeps the SLO at no load, or not at the load that was given.
        low: Of the score, the lower end of where it may be (10th percentile); ``high``: likewise.
        rate: The load at which that holds, in requests per second; for a concurrency what came of it.
        bursts: All that were made.
        end: Why no more were.
    """

    score: float | None
    low: float
    high: float
    rate: float
    bursts: tuple[Figures, ...]
    end: str

    @property
    def error(self) -> float:
        """Of the score, as a standard deviation; the middle 80% of a normal distribution span 2.56 of them."""
        return min(max((self.high - self.low) / 2.56, 0.01), 1.0)


Press = Callable[[Load, int, int], Figures | None]
"""Load, requests (it may make fewer), time that this load is tried; None where there is no room for it."""


def measure(
    goal: Goal,
    press: Press,
    *,
    seconds: float,
    effort: Effort,
    start: float,
    n_devices: int = 1,
    beat: float | None = None,
    seed: int = 0,
) -> Measured:
    """Return what a server is worth.

    Args:
        goal: By which.
        press: On the server.
        seconds: That a burst is to last.
        effort: Of the search for the capacity, or how often a given load is repeated.
        start: A rate that it may be good for, above 0.
        n_devices: That it runs on, for ``cost``.
        beat: A score: what certainly has less is not measured to the end.
        seed: Of the draws.
    """
    if goal.hour_price is not None:
        goal = replace(goal, hour_price=n_devices * goal.hour_price)
    if goal.is_of_capacity:
        return _by_capacity(goal, press, seconds=seconds, effort=effort, start=start, beat=beat, seed=seed)
    return _at_load(goal, press, seconds=seconds, effort=effort, start=start, beat=beat)


def n_requests(rate: float, seconds: float) -> int:
    """Return how many requests make a burst of so many seconds."""
    return max(FEWEST_REQUESTS, math.ceil(rate * seconds))


def snapped(rate: float) -> float:
    """Return the rate of the common grid that is nearest."""
    return float(f"{_GRID ** round(math.log(rate, _GRID)):.4g}")


def _by_capacity(
    goal: Goal, press: Press, *, seconds: float, effort: Effort, start: float, beat: float | None, seed: int
) -> Measured:
    tokens: list[float] = []

    def worth(rate: float) -> float:
        """Return the score of a capacity; the tokens of an answer are the workload's, whatever the settings."""
        return _score_of_rate(goal, rate, float(np.median(tokens)) if tokens else 1.0)

    def at(level: float, turn: int) -> Figures | None:
        found = press(Load(rate=level), n_requests(level, seconds), turn)
        if found is not None and found.completion_tokens > 0:
            tokens.append(found.completion_tokens)
        return found

    found: Capacity = capacity(
        at,
        start=start,
        lowest=LOWEST_RATE,
        highest=HIGHEST_RATE,
        effort=effort,
        seed=seed,
        snap=snapped,
        beat=0.0 if beat is None else _rate_of_score(goal, beat, tokens),
    )
    if not found.value:
        end = NOT_KEPT if found.end in ("never held", "most bursts") else found.end
        return Measured(score=None, low=-math.inf, high=-math.inf, rate=0.0, bursts=found.bursts, end=end)
    high = found.high if math.isfinite(found.high) else found.value * 2
    return Measured(
        score=worth(found.value),
        low=worth(found.low),
        high=worth(high),
        rate=found.value,
        bursts=found.bursts,
        end=found.end,
    )


def _score_of_rate(goal: Goal, rate: float, tokens: float) -> float:
    if goal.kind == "goodput":
        return goal.score(rate)
    if goal.kind == "throughput":
        return goal.score(rate * tokens)
    assert goal.hour_price is not None
    return goal.score(goal.hour_price / _HOURS / (rate * tokens) * 1e6)


def _rate_of_score(goal: Goal, score: float, tokens: list[float]) -> float:
    """Return the rate that has a score; 0, which ends nothing, while the tokens of an answer are not known."""
    if goal.kind == "goodput":
        return math.exp(score)
    return math.exp(score - _score_of_rate(goal, 1.0, tokens[0])) if tokens else 0.0


def _at_load(
    goal: Goal, press: Press, *, seconds: float, effort: Effort, start: float, beat: float | None
) -> Measured:
    load = goal.load or Load(rate=math.inf)
    expected = load.rate if load.rate is not None and math.isfinite(load.rate) else start
    n = max(n_requests(expected, seconds), 2 * (load.concurrency or 0))
    bursts: list[Figures] = []
    scores: list[float] = []
    end = "measured"
    for turn in range(effort.repeats):
        found = press(load, n, turn)
        if found is None:
            end = "no budget"
            break
        bursts.append(found)
        if not held(found):
            return Measured(
                score=None, low=-math.inf, high=-math.inf, rate=0.0, bursts=tuple(bursts), end=NOT_KEPT_THERE
            )
        if found.n_failed == found.n:
            end = "every request failed"
            return Measured(score=None, low=-math.inf, high=-math.inf, rate=0.0, bursts=tuple(bursts), end=end)
        scores.append(_score_at_load(goal, found))
        if beat is not None and scores[-1] < beat + math.log(_POOR):
            end = "cannot win"
            break
    if not scores:
        return Measured(score=None, low=-math.inf, high=-math.inf, rate=0.0, bursts=(), end=end)
    middle = float(np.mean(scores))
    half = _ALONE if len(scores) < 2 else max(_EIGHTY * float(np.std(scores, ddof=1)) / math.sqrt(len(scores)), 0.03)
    rate = float(np.mean([each.request_rate for each in bursts]))
    return Measured(score=middle, low=middle - half, high=middle + half, rate=rate, bursts=tuple(bursts), end=end)


def _score_at_load(goal: Goal, found: Figures) -> float:
    if goal.kind == "latency":
        return goal.score(max(found.latencies.get(goal.latency, 0.0), 1e-6))
    if goal.kind == "throughput":
        return goal.score(found.output_rate)
    assert goal.hour_price is not None
    return goal.score(goal.hour_price / _HOURS / found.output_rate * 1e6)
