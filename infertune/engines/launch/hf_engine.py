"""Starts the engine ``hf`` with settings under search: batch size, dtype, threads."""

from collections.abc import Mapping, Sequence

from infertune.engines.launch.launcher import StartEngine
from infertune.engines.probing.recall import ProbeJournal
from infertune.engines.process.failures import ServerFailure
from infertune.engines.process.server_process import ServerFailed
from infertune.space import Constraint, SearchSpace, notation
from infertune.space.names import ENGINE
from infertune.types import Configuration, Engine, Scalar


class HFEngineLauncher:
    """An `EngineLauncher`; its parameters are what this machine can do, and all of them go together.

    Args:
        start: Starts it with options of `infertune.engines.hf.engine.HFEngine`.
        options: Those that were given, which are therefore not searched.
    """

    constraints: Sequence[Constraint] = ()

    def __init__(self, start: StartEngine, options: Mapping[str, Scalar]) -> None:
        from infertune.engines.hf import settings

        device = options.get("device")
        self._start = start
        self.parameters = settings.engine_parameters(None if device is None else str(device), fixed=options)

    def searched(self, texts: Sequence[str]) -> SearchSpace:
        """Return the space with the user's changes.

        Args:
            texts: Each ``NAME=VALUES``.

        Raises:
            InvalidInputError: There is no such setting, or it cannot have such values.
        """
        return notation.changed(SearchSpace(self.parameters), texts)

    def may_shape_text(self, name: str) -> bool:
        """Only the dtype does: rows do not depend on their company, whatever the batch."""
        return name == f"{ENGINE}dtype"

    def options(self, configuration: Configuration) -> Mapping[str, Scalar]:
        """Return them under their own names."""
        return {name.removeprefix(ENGINE): value for name, value in configuration.items()}

    def start(self, configuration: Configuration, journal: ProbeJournal | None = None) -> Engine:
        """Load the model; a lack of memory is the failure of these settings."""
        from infertune.engines.hf.engine import is_about_memory

        try:
            return self._start(self.options(configuration), journal)
        except (MemoryError, RuntimeError) as error:
            if not is_about_memory(error):
                raise
            failure = ServerFailure(kind="out of memory", line=str(error), exit_code=None)
            raise ServerFailed(str(failure), failure) from error
