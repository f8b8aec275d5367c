"""A `Launcher` of servers that take no time, with a space of settings and their traps.

Its truth can be computed (`SimulatedLauncher.truth`), and its time is its own (`SimulatedLauncher.clock`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from infertune.load.arrival_load import Load
from infertune.load.slo import Slo
from infertune.space import Condition, Constraint, Parameter, SearchSpace
from infertune.testing.simulated_server import Hardware, SimulatedServer, Traffic, failed
from infertune.types import Configuration

SETTINGS: tuple[Parameter, ...] = tuple(
    Parameter(name=f"engine.{name}", tier="engine", kind="choice", choices=choices, default=default, when=when)
    for name, choices, default, when in (
        ("max_num_seqs", (4, 8, 16, 32, 64, 128), 128, None),
        ("max_num_batched_tokens", (128, 256, 512, 1024, 2048, 4096), 2048, None),
        ("enable_prefix_caching", (False, True), False, None),
        ("block_size", (16, 32, 64), 16, None),
        ("speculative_method", ("none", "ngram"), "none", None),
        ("speculative_tokens", (1, 2, 4, 8), 2, Condition("engine.speculative_method", "!=", "none")),
    )
)
CONSTRAINTS = (
    Constraint(
        when=Condition("engine.max_num_seqs", ">", 64), must=Condition("engine.max_num_batched_tokens", ">=", 128)
    ),
)


class SimulatedLauncher:
    """A `Launcher` of simulated servers.

    Args:
        hardware: See there.
        traffic: What the requests are like.
        seed: Of the noise: server number i has the same luck in every run.
        fails: Names the class of failure of settings that do not start, or None; by default `out_of_memory`.
        falls: Likewise of settings that start and fall over under load.
        settings: Aliases of those that are searched; all when empty.
    """

    def __init__(
        self,
        hardware: Hardware | None = None,
        traffic: Traffic | None = None,
        *,
        seed: int = 0,
        fails: Callable[[Configuration], str | None] | None = None,
        falls: Callable[[Configuration], str | None] | None = None,
        settings: Sequence[str] = (),
    ) -> None:
        self.hardware = hardware or Hardware()
        self.traffic = traffic or Traffic()
        self._seed = seed
        self._fails = fails or out_of_memory(self.hardware)
        self._falls = falls or (lambda _: None)
        self._settings = settings
        self._now = 0.0
        self.n_started = 0
        self.n_open = 0

    @property
    def facts(self) -> Mapping[str, str]:
        """Which simulation this is."""
        return {
            "engine": "simulated",
            "model": "simulated",
            "version": "1",
            "device": "none",
            "machine": repr((self.hardware, self.traffic)),
        }

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Those of `SETTINGS` that are searched."""
        return [p for p in SETTINGS if not self._settings or p.alias in self._settings]

    @property
    def constraints(self) -> Sequence[Constraint]:
        """Those of `CONSTRAINTS` that are between them."""
        names = {parameter.name for parameter in self.parameters}
        return [each for each in CONSTRAINTS if {each.when.name, each.must.name} <= names]

    @property
    def space(self) -> SearchSpace:
        """Of the parameters."""
        return SearchSpace(tuple(self.parameters), tuple(self.constraints))

    def clock(self) -> float:
        """Return the simulated seconds so far; passes for ``time.monotonic``."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Let simulated time pass."""
        self._now += seconds

    def template(self, configuration: Configuration) -> str:
        """Empty: nothing starts it."""
        return ""

    def start(self, configuration: Configuration) -> SimulatedServer:
        """Start one.

        Raises:
            ServerFailed: The settings are among those that fail.
        """
        self.n_started += 1
        if kind := self._fails(configuration):
            self.wait(self.hardware.start / 3)
            raise failed(kind, f"simulated {kind} with {dict(configuration)}")
        self.wait(self.hardware.start)
        self.n_open += 1
        rng = np.random.default_rng((self._seed, self.n_started))
        key = (self._seed, int(configuration.digest, 16))
        falls = self._falls(configuration)
        return SimulatedServer(
            self.hardware, self.traffic, configuration, rng, key, falls, wait=self.wait, closed=self._closed
        )

    def _closed(self) -> None:
        self.n_open -= 1

    def truth(self, configuration: Configuration, slo: Slo, *, n_requests: int = 1500) -> float:
        """Return the highest rate that keeps the SLO on average, by bisection with long loads; 0 where none does.

        Noise of a step is left away, and that of a server; what fails is worth nothing.
        """
        if self._fails(configuration) or self._falls(configuration):
            return 0.0
        exact = SimulatedLauncher(replace(self.hardware, noise=0.0), self.traffic, fails=lambda _: None)
        server = exact.start(configuration)

        def keeps(rate: float) -> bool:
            timings = server.press(Load(rate=rate), n_requests=n_requests, seed=99).timings
            return all(promise.measured(timings) <= promise.limit for promise in slo.promises)

        low, high = 0.01, 0.02
        if not keeps(low):
            return 0.0
        while keeps(high) and high < 1e4:
            low, high = high, high * 2
        while high / low > 1.01:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if keeps(middle) else (low, middle)
        return low


def out_of_memory(hardware: Hardware) -> Callable[[Configuration], str | None]:
    """Return what tells settings whose steps leave too little room for the cache of their sequences."""

    def fails(settings: Configuration) -> str | None:
        steps = 2 * int(settings.get("engine.max_num_batched_tokens", 2048))
        sequences = 260 * int(settings.get("engine.max_num_seqs", 128))
        return "out of memory" if steps + sequences > hardware.cache_tokens else None

    return fails
