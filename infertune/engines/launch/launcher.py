"""The seam between a search of engine settings and what it starts: an engine, a server, or a server under load."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from infertune.engines.probing.recall import ProbeJournal
from infertune.engines.process.server_process import ServerProcess
from infertune.space import Constraint, Parameter
from infertune.types import Configuration, Engine, Scalar

Started = TypeVar("Started", covariant=True)

StartEngine = Callable[[Mapping[str, Scalar], ProbeJournal | None], Engine]
"""Starts the user's engine with further options; the journal keeps what it finds out about its server."""


class Launcher(Protocol[Started]):
    """Knows the settings of one kind of engine, and starts it with some of them."""

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Its settings worth searching: named ``engine.NAME``, tier ``engine``, the defaults of this version."""

    @property
    def constraints(self) -> Sequence[Constraint]:
        """Which of their values cannot stand together."""

    def start(self, configuration: Configuration) -> Started:
        """Start it with these settings (``engine.*``; a missing one has its default); whoever started it closes it.

        Raises:
            infertune.engines.process.server_process.ServerFailed: It did not start, with the class of the failure.
            EngineError: Nor did it, for a reason without a class.
        """


class EngineLauncher(Launcher[Engine], Protocol):
    """Starts an engine for a study: all settings at their defaults, it is what it is without a search of them."""

    def may_shape_text(self, name: str) -> bool:
        """Whether another value of this parameter may change what is generated; facts tell it for sure."""

    def options(self, configuration: Configuration) -> Mapping[str, Scalar]:
        """Return the options of the engine, beside those that were given, that are these settings."""

    def start(self, configuration: Configuration, journal: ProbeJournal | None = None) -> Engine:
        """Start the engine, as `Launcher.start` says.

        Args:
            journal: Keeps what it finds out about its server, and what that cost.
        """


class ServerLauncher(Launcher[Started], Protocol[Started]):
    """Starts servers that anybody may start elsewhere with the same settings."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What shapes its speed beside the settings: model, version, device, machine."""

    def template(self, configuration: Configuration) -> str:
        """Return the command that starts it with these settings elsewhere, as `CommandTemplate` takes it.

        Empty for ``vllm serve``, whose command the hand-over knows.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that was started, and what a client needs to know of it.

    Attributes:
        process: Ready.
        model: The name that requests call.
        reset: Empties the caches that requests leave behind; does nothing for a server that cannot.
    """

    process: ServerProcess
    model: str
    reset: Callable[[ServerProcess], None] = lambda process: None
