"""Servers whose true capacities are planted: queues in simulated time, thousands of times cheaper than a real burst.

A server is one queue, first come, first served: its speed is the product of what each of its settings does, times
the luck of its start. What it is good for under a latency limit is found by a load of 50,000 requests.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from infertune.load.arrival_load import Load
from infertune.load.slo import Slo
from infertune.load.timing import CUT, Timing
from infertune.serving.launch.deployment import Burst
from infertune.space import Constraint, Parameter, SearchSpace
from infertune.types import Configuration

BASE_RATE = 30.0  # requests per second that the default settings can do at most
_SERVICE_SPREAD = 0.3  # of the logarithm of a request's time in the server
_DECODING = 0.3  # seconds from the first piece of an answer to its end
_N_EXACT = 50_000

SCENARIOS: Mapping[str, Mapping[str, Sequence[float]]] = {
    "large": {"a": (1.0, 1.3, 1.6, 1.4), "b": (1.0, 1.2, 0.9, 0.7), "c": (1.0, 1.55)},
    "small": {"a": (1.0, 1.03, 1.06, 0.95), "b": (1.0, 1.02, 0.98, 0.9), "c": (1.0, 1.04)},
    "none": {"a": (1.0, 1.0, 1.0, 1.0), "b": (1.0, 1.0, 1.0, 1.0), "c": (1.0, 1.0)},
    "worse": {"a": (1.0, 0.9, 0.8, 0.7), "b": (1.0, 0.85, 0.8, 0.6), "c": (1.0, 0.8)},
}
"""What each value of each setting multiplies the speed with; the first value of each is the default."""


@dataclass
class Planted:
    """A `Launcher` of planted servers, with a clock of its own.

    Attributes:
        effects: As in `SCENARIOS`.
        start_seconds: Of a server.
        luck: Standard deviation of the logarithm of a server's speed, from start to start.
        seed: Of the luck.
    """

    effects: Mapping[str, Sequence[float]]
    start_seconds: float = 5.0
    luck: float = 0.02
    seed: int = 0
    n_started: int = 0
    n_open: int = 0
    _now: float = 0.0

    @property
    def facts(self) -> Mapping[str, str]:
        return {"engine": "planted", "model": "planted", "version": "1", "device": "none"}

    @property
    def parameters(self) -> Sequence[Parameter]:
        return [
            Parameter(name=f"engine.{name}", tier="engine", kind="choice", choices=tuple(range(len(each))), default=0)
            for name, each in self.effects.items()
        ]

    @property
    def constraints(self) -> Sequence[Constraint]:
        return ()

    @property
    def space(self) -> SearchSpace:
        return SearchSpace(tuple(self.parameters))

    def template(self, configuration: Configuration) -> str:
        return ""

    def clock(self) -> float:
        return self._now

    def wait(self, seconds: float) -> None:
        self._now += seconds

    def speed(self, configuration: Configuration) -> float:
        return math.prod(each[int(configuration[f"engine.{name}"])] for name, each in self.effects.items())

    def start(self, configuration: Configuration) -> "PlantedServer":
        self.n_started += 1
        self.n_open += 1
        self.wait(self.start_seconds)
        luck = math.exp(self.luck * np.random.default_rng((self.seed, self.n_started, 5)).normal())
        return PlantedServer(self, BASE_RATE * self.speed(configuration) * luck)

    def truth(self, configuration: Configuration, slo: Slo) -> float:
        """Return the highest rate that keeps the SLO in a load without end."""
        return capacity(self.speed(configuration), slo)


class PlantedServer:
    """A `Deployment` with one queue."""

    def __init__(self, launcher: Planted, rate: float) -> None:
        self._launcher = launcher
        self._rate = rate
        self._open = True

    @property
    def start_seconds(self) -> float:
        return self._launcher.start_seconds

    def press(
        self,
        load: Load,
        *,
        n_requests: int,
        seed: int,
        hopeless: Callable[[Sequence[Timing]], bool] | None = None,
    ) -> Burst:
        rng = np.random.default_rng((seed, 17))  # the same for all servers, whatever their settings
        service = _service(rng, n_requests) / self._rate
        gaps = rng.exponential(size=n_requests)
        if load.rate is None:
            callers = load.concurrency or 1
            first = np.cumsum(service)
            due = np.concatenate([np.zeros(min(callers, n_requests)), first[: n_requests - callers]])
        else:
            due = (np.cumsum(gaps) - gaps[0]) / load.rate if math.isfinite(load.rate) else np.zeros(n_requests)
        first = _done(due, service)
        timings = [
            Timing(
                due=at,
                sent=at,
                chunks=(seen, seen + _DECODING),
                done=seen + _DECODING,
                prompt_tokens=100,
                completion_tokens=20,
            )
            for at, seen in zip(due.tolist(), first.tolist(), strict=True)
        ]
        end, cut = timings[-1].done, False
        step = max(10, n_requests // 10)
        for n in range(step, n_requests, step) if hopeless is not None else ():
            if hopeless is not None and hopeless(timings[:n]):
                end, cut = timings[n - 1].done, True
                timings = [each if each.done <= end else _cut(each, end) for each in timings if each.due <= end]
                break
        self._launcher.wait(end)
        return Burst(load=load, timings=timings, seconds=end, cut=cut, counters={})

    def close(self) -> None:
        self._launcher.n_open -= self._open
        self._open = False


@cache
def capacity(speed: float, slo: Slo) -> float:
    """Return the highest rate at which a server of this speed keeps the SLO, within 0.5%."""
    rng = np.random.default_rng(1)
    service = _service(rng, _N_EXACT) / (BASE_RATE * speed)
    gaps = rng.exponential(size=_N_EXACT)
    low, high = 0.01, BASE_RATE * speed
    while high / low > 1.005:
        middle = math.sqrt(low * high)
        due = np.cumsum(gaps) / middle
        ttft = _done(due, service) - due
        keeps = all(np.quantile(ttft, (each.percentile or 50) / 100) <= each.limit for each in slo.promises)
        low, high = (middle, high) if keeps else (low, middle)
    return low


def _service(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.exp(_SERVICE_SPREAD * rng.normal(size=n) - _SERVICE_SPREAD**2 / 2)


def _done(due: np.ndarray, service: np.ndarray) -> np.ndarray:
    """Return when each request leaves the queue: Lindley's recursion, summed up."""
    total = np.cumsum(service)
    return np.asarray(total + np.maximum.accumulate(due - total + service))


def _cut(timing: Timing, end: float) -> Timing:
    return Timing(
        due=timing.due, sent=timing.sent, chunks=(), done=end, prompt_tokens=0, completion_tokens=0, error=CUT
    )
