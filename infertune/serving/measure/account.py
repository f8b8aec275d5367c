"""Servers whose starts and bursts are paid for once: what the log has is not done again.

When a search goes on it runs through its steps again, and every start and burst that the log holds is answered from
there; a server is really started only when a burst is asked of it that the log does not hold. So nothing is paid twice
but the start of the server that was killed. What was spent is the sum of all that is in the log, whoever asks.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any

from infertune.bank.notes import once
from infertune.engines.launch.launcher import Launcher
from infertune.engines.process.failures import ServerFailure
from infertune.engines.process.server_process import ServerFailed
from infertune.load.arrival_load import Load
from infertune.load.slo import Slo
from infertune.load.timing import Timing
from infertune.serving.launch.deployment import Deployment
from infertune.serving.measure import figures
from infertune.serving.measure.event_log import EventLog
from infertune.serving.measure.figures import Figures
from infertune.types import Configuration

Hopeless = Callable[[Sequence[Timing]], bool]


class LoadAccount:
    """Opens servers and adds up what they cost.

    Args:
        launcher: Starts them.
        log: Of the study.
        slo: By which bursts are counted.
        clock: Seconds that pass, from any beginning.

    Attributes:
        bought: Seconds of starts and bursts of this run alone.
        longest_start: Seconds of the slowest start; 0 before the first.
    """

    def __init__(self, launcher: Launcher[Deployment], log: EventLog, slo: Slo, clock: Callable[[], float]) -> None:
        self._launcher = launcher
        self._log = log
        self._slo = slo
        self._clock = clock
        self._seconds: Counter[str] = Counter()  # by purpose
        self._restarts: Counter[str] = Counter()
        self.longest_start = 0.0
        for key, record in log.items():
            self._add(key, record)
        self.bought = 0.0

    @property
    def spent(self) -> float:
        """Seconds of all starts and bursts of the study, those of earlier runs included."""
        return float(sum(self._seconds.values()))

    def of(self, purpose: str) -> float:
        """Return the seconds that were spent for one purpose."""
        return float(self._seconds[purpose])

    def of_all(self, beginning: str) -> float:
        """Return the seconds that were spent for all purposes that begin so."""
        return sum(seconds for purpose, seconds in self._seconds.items() if purpose.startswith(beginning))

    def restarts(self, purpose: str) -> float:
        """Return those of them that started again what had been killed; what is tried does not depend on them."""
        return float(self._restarts[purpose])

    def open(self, configuration: Configuration, purpose: str) -> "PaidServer":
        """Return a server with these settings, started or known to have started.

        Args:
            configuration: Of the engine tier.
            purpose: Such as ``step 3``, without a slash; one start is paid for each purpose and configuration.

        Raises:
            ServerFailed: It did not start, now or then.
        """
        server = PaidServer(self, configuration, f"{purpose}/{configuration.digest}")
        try:
            server.open()
        except BaseException:
            server.close()
            raise
        return server

    def start(self, configuration: Configuration) -> tuple[Deployment, float]:
        """Start a server, whatever the log says; return it with the seconds that it took."""
        began = self._clock()
        started = self._launcher.start(configuration)
        return started, self._clock() - began

    def once(self, key: str, act: Callable[[], dict[str, Any]]) -> Any:
        """Return what the log has under a key, else what an act gives, its seconds and its failure with it.

        Raises:
            ServerFailed: The act did, now or then.
        """
        is_new = self._log.noted(key) is None
        record = once(self._log, key, lambda _: self._acted(key, act))
        if is_new:
            self._buy(key, record)
        if "failure" in record:
            raise ServerFailed(record["message"], ServerFailure(**record["failure"]))
        return record

    def _acted(self, key: str, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what an act gives, or how it failed, and its seconds."""
        self._log.check_held()
        began = self._clock()
        try:
            record = act()
        except ServerFailed as error:
            record = {"failure": asdict(error.failure), "message": str(error)}
        except BaseException:  # stopped by the user: nothing came of it, but it was paid for
            lost = self._clock() - began
            stopped, record = f"{key}/stopped at {self.spent:g}", {"seconds": lost, "restart": lost}
            self._log.note(stopped, record)
            self._buy(stopped, record)
            raise
        return {**record, "seconds": self._clock() - began}

    def _buy(self, key: str, record: Any) -> None:
        self._add(key, record)
        self.bought += record["seconds"]

    def _add(self, key: str, record: Any) -> None:
        purpose, slash, _ = key.partition("/")
        if slash:
            self._seconds[purpose] += record["seconds"]
            self._restarts[purpose] += record.get("restart", 0.0)
            if key.endswith("/start") and "failure" not in record:
                self.longest_start = max(self.longest_start, record["seconds"])

    def counted(self, burst: Any, n_requests: int) -> Figures:
        """Return the figures of a burst by the account's SLO."""
        return figures.figures(burst, self._slo, n_requests)


class PaidServer:
    """One server of an `LoadAccount`; close it, or leave its ``with``, when its bursts are done.

    Attributes:
        configuration: Its settings.
        start_seconds: What the start took.
        used: Seconds of its start and of the bursts that were asked of it, restarts left out.
    """

    def __init__(self, account: LoadAccount, configuration: Configuration, key: str) -> None:
        self.configuration = configuration
        self.start_seconds = 0.0
        self.used = 0.0
        self._account = account
        self._key = key
        self._running: Deployment | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was really started, not only read from the log."""
        return self._running is not None

    def open(self) -> None:
        """Start it, unless the log knows how that went."""

        def start() -> dict[str, Any]:
            self._running, _ = self._account.start(self.configuration)
            return {}

        self.start_seconds = self.used = float(self._account.once(f"{self._key}/start", start)["seconds"])

    def press(self, load: Load, *, n_requests: int, seed: int, hopeless: Hopeless | None = None) -> Figures:
        """Return what a burst came to; see `Deployment.press`.

        Raises:
            ServerFailed: The server ended under it, now or then.
        """

        def act() -> dict[str, Any]:
            restart = 0.0
            if self._running is None:
                self._running, restart = self._account.start(self.configuration)
            burst = self._running.press(load, n_requests=n_requests, seed=seed, hopeless=hopeless)
            return {"figures": figures.as_json(self._account.counted(burst, n_requests)), "restart": restart}

        asked = f"{load.rate}/{load.concurrency}/{load.burstiness}/{n_requests}/{seed}"
        record = self._account.once(f"{self._key}/{asked}", act)
        self.used += record["seconds"] - record["restart"]
        return figures.from_json(record["figures"])

    def close(self) -> None:
        """Stop it, if it runs."""
        running, self._running = self._running, None
        if running is not None:
            running.close()

    def __enter__(self) -> "PaidServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
