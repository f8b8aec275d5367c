"""Room for one engine at a time: it is started when something is first asked of it, and closed when another is."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from infertune.bank.lease import Lease
from infertune.engines.launch.launcher import EngineLauncher
from infertune.engines.leased import LeasedEngine
from infertune.engines.probing.recall import ProbeJournal
from infertune.errors import InvalidInputError
from infertune.space.names import settings_in_words
from infertune.types import Configuration, Engine, Request, Response, Unsupported


class Slot:
    """Starts engines, and keeps at most one running: two may not fit into the memory.

    Args:
        launcher: Starts them.
        lease: Of the study that they spend for; None where no other process can run it.
        journal: Of each engine: keeps what it finds out about its server, and what that cost.
        say: Is told, in a line, when one is started to answer a study.
    """

    def __init__(
        self,
        launcher: EngineLauncher,
        *,
        lease: Lease | None = None,
        journal: Callable[[Configuration], ProbeJournal | None] = lambda settings: None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.launcher = launcher
        self._lease = lease
        self._journal = journal
        self._say = say
        self._running: tuple[Configuration, Engine] | None = None

    def running(self, settings: Configuration) -> Engine:
        """Return an engine with these settings: the one that runs, or a new one.

        Raises:
            EngineError: It did not start.
        """
        if self._running is None or self._running[0] != settings:
            self.close()
            self._say(f"starting the engine with {settings_in_words(settings)}")
            self._running = settings, self._started(settings)
        return self._running[1]

    def batch_size(self, settings: Configuration) -> int | None:
        """Return that of the engine with these settings; None where it does not run or has none."""
        if self._running is None or self._running[0] != settings:
            return None
        found: int | None = getattr(self._running[1], "batch_size", None)
        return found

    @contextlib.contextmanager
    def fresh(self, settings: Configuration) -> Iterator[Engine]:
        """Start an engine anew, and close it at the end."""
        self.close()
        engine = self._started(settings)
        try:
            yield engine
        finally:
            engine.close()

    def _started(self, settings: Configuration) -> Engine:
        journal = self._journal(settings)
        if self._lease is None:
            return self.launcher.start(settings, journal)
        self._lease.check()
        return LeasedEngine(self.launcher.start(settings, journal), self._lease)

    def close(self) -> None:
        """Close what runs; it may be called twice."""
        if self._running is not None:
            self._running[1].close()
            self._running = None


class OnDemand:
    """An engine that is known by its facts, and is started only when a sample of it is lacking.

    Args:
        slot: In which it runs.
        settings: With which it starts.
        facts: That it had when it was last started.
    """

    def __init__(self, slot: Slot, settings: Configuration, facts: Mapping[str, str]) -> None:
        self._slot = slot
        self._settings = settings
        self._facts = dict(facts)

    @property
    def facts(self) -> Mapping[str, str]:
        """As given."""
        return self._facts

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """Nothing: it was taken out of the space before."""
        return ()

    @property
    def batch_size(self) -> int | None:
        """The engine's own, where it runs and has one."""
        return self._slot.batch_size(self._settings)

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Start the engine if there is a request, and pass on what it answers.

        Raises:
            InvalidInputError: It now has other facts.
        """
        asked = iter(requests)
        first = next(asked, None)
        if first is None:
            return
        engine = self._slot.running(self._settings)
        if (facts := dict(engine.facts)) != self._facts:
            changed = sorted(each for each in facts | self._facts if facts.get(each) != self._facts.get(each))
            was = ", ".join(f"{each} was {self._facts.get(each)!r}, now {facts.get(each)!r}" for each in changed)
            raise InvalidInputError(
                f"the engine must be the one that the study began with, but {was}; give another `study` name"
            )
        yield from engine.generate(itertools.chain([first], asked))

    def close(self) -> None:
        """Close it, if it runs."""
        self._slot.close()
