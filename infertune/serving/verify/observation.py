"""What is seen of one setting of a running server, and what that comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from infertune.types import Scalar

Verdict = Literal["proved", "contradicted", "unseen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look at one setting.

    Attributes:
        name: Of the setting, without its prefix.
        source: ``/server_info``, ``/metrics``, ``/v1/models`` or ``effect``.
        says: What was seen, in words.
        agrees: Whether that is so only when the setting is as wanted; False where it cannot be then; None where the
            look tells neither.
    """

    name: str
    source: str
    says: str
    agrees: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of one setting.

    Attributes:
        name: With its prefix.
        wanted: Its value in the file.
        observations: In the order in which they were made.
    """

    name: str
    wanted: Scalar
    observations: Sequence[Observation]

    @property
    def verdict(self) -> Verdict:
        """``contradicted`` by a single observation, whatever the others say; ``unseen`` where none tells anything."""
        told = {observation.agrees for observation in self.observations}
        return "contradicted" if False in told else "proved" if True in told else "unseen"
