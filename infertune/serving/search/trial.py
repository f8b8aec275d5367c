"""What the search makes of one configuration."""

from dataclasses import dataclass

from infertune.engines.process.failures import ServerFailure
from infertune.serving.measure.score import NOT_KEPT, NOT_KEPT_THERE, Measured
from infertune.serving.search.feasibility import EXPECTED, TrialOutcome
from infertune.serving.search.steps import Arm
from infertune.types import Configuration

BREAKS = "breaks the SLO"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingTrial:
    """One server of the search.

    Attributes:
        number: From 0.
        arm: Who proposed it: ``default``, the ``random`` control, or the ``model``.
        measured: None where the server failed, or the budget ended before the first burst.
        failure: Of the server.
        seconds: That it cost, its start included.
        chance: That it would run, by what was known before.
    """

    number: int
    arm: Arm
    configuration: Configuration
    measured: Measured | None
    failure: ServerFailure | None
    seconds: float
    chance: float = 1.0

    @property
    def score(self) -> float | None:
        """Of the goal; None where there is none."""
        return None if self.measured is None else self.measured.score

    @property
    def outcome(self) -> TrialOutcome:
        """For the model of what is feasible."""
        if self.failure is not None:
            return TrialOutcome(
                configuration=self.configuration,
                failure=self.failure.kind,
                line=self.failure.line,
                expected=self.chance < EXPECTED,
            )
        if self.measured is not None and self.measured.end in (NOT_KEPT, NOT_KEPT_THERE):
            return TrialOutcome(configuration=self.configuration, failure=BREAKS, line=self.measured.end)
        return TrialOutcome(configuration=self.configuration)
