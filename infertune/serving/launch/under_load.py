"""Starts what takes load: a server of any launcher, warmed up and pressed by one workload."""

from collections.abc import Mapping, Sequence

from infertune.engines.launch.launcher import Server, ServerLauncher
from infertune.load.workload import Workload
from infertune.serving.launch.server_deployment import ServerDeployment
from infertune.space import Constraint, Parameter
from infertune.types import Configuration


class UnderLoad:
    """A launcher whose servers are started by another one.

    Args:
        servers: Starts them, and knows their settings.
        workload: What presses them.
        hang_seconds: Most time that one may be under load without getting on.
    """

    def __init__(self, servers: ServerLauncher[Server], workload: Workload, *, hang_seconds: float = 300.0) -> None:
        self._servers = servers
        self._workload = workload
        self._hang_seconds = hang_seconds

    @property
    def facts(self) -> Mapping[str, str]:
        """Of the servers."""
        return self._servers.facts

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Of the servers."""
        return self._servers.parameters

    @property
    def constraints(self) -> Sequence[Constraint]:
        """Of the servers."""
        return self._servers.constraints

    def template(self, configuration: Configuration) -> str:
        """Return the command of a server with these settings."""
        return self._servers.template(configuration)

    def start(self, configuration: Configuration) -> ServerDeployment:
        """Start a server with these settings and warm it up.

        Raises:
            ServerFailed: It did not start, or not survive the warm-up.
            EngineError: It answers every request with an error.
        """
        server = self._servers.start(configuration)
        return ServerDeployment(server, workload=self._workload, hang_seconds=self._hang_seconds)
