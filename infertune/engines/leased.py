"""An engine that spends for the holder of a study's lease alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from infertune.bank.lease import Lease
from infertune.errors import InfertuneError
from infertune.types import Engine, Request, Response, Unsupported


class LeasedEngine:
    """Passes requests on while the lease is held. What is under way when it is lost still lands, for it was paid for.

    Args:
        engine: Generates; it is closed with this one.
        lease: Of the study that pays.
    """

    def __init__(self, engine: Engine, lease: Lease) -> None:
        self._engine = engine
        self._lease = lease

    @property
    def facts(self) -> Mapping[str, str]:
        """The engine's own."""
        return self._engine.facts

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """The engine's own."""
        return self._engine.unsupported

    @property
    def samples_per_prompt(self) -> int | None:
        """The engine's own, where it has one."""
        found: int | None = getattr(self._engine, "samples_per_prompt", None)
        return found

    @property
    def batch_size(self) -> int | None:
        """The engine's own, where it has one."""
        found: int | None = getattr(self._engine, "batch_size", None)
        return found

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Answer as the engine does.

        Raises:
            StudyInUseError: The lease was lost; after all answers to what was sent before.
        """
        refused: list[InfertuneError] = []

        def allowed() -> Iterator[Request | None]:
            for request in requests:
                try:
                    self._lease.check()
                except InfertuneError as error:  # raised here, it would cost the answers that are under way
                    refused.append(error)
                    return
                yield request

        yield from self._engine.generate(allowed())
        if refused:
            raise refused[0]

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()
