"""A server that takes no time: continuous batching, simulated step by step."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from infertune.engines.process.failures import ServerFailure
from infertune.engines.process.server_process import ServerFailed
from infertune.load.arrival_load import Load
from infertune.load.timing import CUT, Timing
from infertune.serving.launch.deployment import Burst
from infertune.types import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What a step costs, in seconds: ``base + token * tokens + context * tokens in the cache``; and what has room.

    Attributes:
        acceptance: Chance that a drafted token is right; drafts end at the first that is not.
        cache_tokens: Room of the key-value cache; what the largest step needs is taken from it.
        noise: Standard deviation of the logarithm of a server's speed, and of a step's.
        start: Of a server.
    """

    base: float = 0.012
    token: float = 0.00012
    context: float = 4e-7
    acceptance: float = 0.6
    cache_tokens: int = 40_000
    noise: float = 0.03
    start: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Lengths in tokens: medians of lognormal distributions, and the share of a prompt that all have in common."""

    prompt: float = 200.0
    output: float = 40.0
    spread: float = 0.4
    shared: float = 0.5


@dataclass(slots=True)
class _Request:
    due: float
    prompt: int
    output: int
    left: int = 0
    produced: int = 0
    sent: float = 0.0
    chunks: list[float] = field(default_factory=list)
    done: float = -1.0

    def timing(self, now: float) -> Timing:
        ended = self.done >= 0
        return Timing(
            due=self.due,
            sent=self.due,
            chunks=tuple(self.chunks) if ended else (),
            done=self.done if ended else now,
            prompt_tokens=self.prompt if ended else 0,
            completion_tokens=self.produced if ended else 0,
            error="" if ended else CUT,
        )


class SimulatedServer:
    """A `Deployment`; made by `SimulatedLauncher.start`."""

    def __init__(
        self,
        hardware: Hardware,
        traffic: Traffic,
        settings: Configuration,
        rng: np.random.Generator,
        key: tuple[int, int],
        falls: str | None,
        *,
        wait: Callable[[float], None],
        closed: Callable[[], None],
    ) -> None:
        self._hardware = hardware
        self._traffic = traffic
        self._wait = wait
        self._closed = closed
        self._rng = rng
        self._key = key
        self._falls = falls
        self._speed = float(np.exp(rng.normal() * hardware.noise))
        self._most_running = int(settings.get("engine.max_num_seqs", 128))
        self._most_tokens = int(settings.get("engine.max_num_batched_tokens", 2048))
        self._caches = bool(settings.get("engine.enable_prefix_caching", False))
        self._drafts = (
            int(settings.get("engine.speculative_tokens", 2))
            if settings.get("engine.speculative_method", "none") != "none"
            else 0
        )
        # Large blocks waste room and save a little time.
        block = int(settings.get("engine.block_size", 16))
        self._speed *= 1 - 0.01 * math.log2(block / 16)
        self._room = hardware.cache_tokens - 2 * self._most_tokens
        self._open = True

    @property
    def start_seconds(self) -> float:
        """As the hardware has it."""
        return self._hardware.start

    def press(
        self,
        load: Load,
        *,
        n_requests: int,
        seed: int,
        hopeless: Callable[[Sequence[Timing]], bool] | None = None,
    ) -> Burst:
        """See `Deployment.press`; time passes by ``wait``."""
        if not self._open:
            raise RuntimeError("the server is closed")
        if self._falls:
            self._wait(1.0)
            raise failed(self._falls, f"simulated {self._falls} under load")
        self._rng = np.random.default_rng((*self._key, seed))  # the same burst again has the same luck
        requests = self._requests(load, n_requests, seed)
        now, cut, drafted, accepted = self._run(requests, load, hopeless)
        self._wait(now)
        timings = [request.timing(now) for request in requests if request.due <= now]
        return Burst(
            load=load,
            timings=timings,
            seconds=now,
            cut=cut,
            counters={"draft_tokens": float(drafted), "accepted_tokens": float(accepted)},
        )

    def close(self) -> None:
        """Stop it; it may be called twice."""
        if self._open:
            self._closed()
        self._open = False

    def _requests(self, load: Load, n: int, seed: int) -> list[_Request]:
        rng = np.random.default_rng((seed, 17))
        traffic = self._traffic
        prompts = np.exp(np.log(traffic.prompt) + traffic.spread * rng.normal(size=n))
        outputs = np.exp(np.log(traffic.output) + traffic.spread * rng.normal(size=n))
        due = np.zeros(n)
        if load.rate is not None and np.isfinite(load.rate):
            gaps = rng.exponential(size=n) if load.burstiness > 0 else np.ones(n)
            due = np.cumsum(gaps) / load.rate
            due -= due[0]
        elif load.concurrency is not None:
            due = np.where(np.arange(n) < load.concurrency, 0.0, np.inf)
        made = [
            _Request(due=at, prompt=max(int(p), 1), output=max(int(o), 1))
            for at, p, o in zip(due.tolist(), prompts, outputs, strict=True)
        ]
        shared = int(traffic.prompt * traffic.shared) if self._caches else 0
        for number, request in enumerate(made):
            request.left = max(request.prompt - (shared if number else 0), 1)
        return made

    def _run(
        self, requests: list[_Request], load: Load, hopeless: Callable[[Sequence[Timing]], bool] | None
    ) -> tuple[float, bool, int, int]:
        hardware, rng = self._hardware, self._rng
        now, at, n_steps, drafted, accepted = 0.0, 0, 0, 0, 0
        running: list[_Request] = []
        used, ended, looked = 0, 0, 0
        luck = rng.normal(size=4096) * hardware.noise * 2
        draws = rng.random(size=65_536)
        n_drawn = 0
        while ended < len(requests):
            if not running:
                now = max(now, requests[at].due)
            budget = self._most_tokens
            tokens = context = 0
            decoding = [request for request in running if not request.left]
            for request in decoding:
                take = min(1 + self._drafts, budget)
                tokens, budget = tokens + take, budget - take
                context += request.prompt + request.produced
            prefilled: list[_Request] = []
            for request in running:
                if request.left and budget > 0:
                    take = min(request.left, budget)
                    request.left -= take
                    tokens, budget = tokens + take, budget - take
                    if not request.left:
                        prefilled.append(request)
            while at < len(requests) and len(running) < self._most_running and budget > 0:
                request = requests[at]
                need = request.prompt + request.output
                if request.due > now or (used + need > self._room and running):
                    break
                at, used = at + 1, used + need
                running.append(request)
                take = min(request.left, budget)
                request.left -= take
                tokens, budget = tokens + take, budget - take
                if not request.left:
                    prefilled.append(request)
            step = hardware.base + hardware.token * tokens + hardware.context * context
            now += step * self._speed * float(np.exp(luck[n_steps % 4096]))
            n_steps += 1
            for request in prefilled:
                request.produced = 1
                request.chunks.append(now)
            for request in decoding:
                got = 1
                drafted += self._drafts
                while got <= self._drafts and draws[n_drawn % 65_536] < hardware.acceptance:
                    got, n_drawn, accepted = got + 1, n_drawn + 1, accepted + 1
                n_drawn += 1
                request.produced = min(request.produced + got, request.output)
                request.chunks.append(now)
            for request in [each for each in running if not each.left and each.produced >= each.output]:
                request.done = now
                running.remove(request)
                used -= request.prompt + request.output
                ended += 1
                if load.concurrency is not None and ended + load.concurrency <= len(requests):
                    requests[ended + load.concurrency - 1].due = now
            if hopeless is not None and ended >= looked + max(10, len(requests) // 10) and ended < len(requests):
                looked = ended
                if hopeless([request.timing(now) for request in requests[:at] if request.done >= 0]):
                    return now, True, drafted, accepted
        return now, False, drafted, accepted


def failed(kind: str, line: str) -> ServerFailed:
    """Return the exception of a server that ended."""
    return ServerFailed(
        f"the simulated server ended: {line}",
        ServerFailure(kind=kind, line=line, exit_code=1),  # type: ignore[arg-type]
    )
