"""What the trials of a search have shown, and what that says of settings that were not tried."""

import math
from collections.abc import Sequence

from infertune.serving.measure.goal import Goal
from infertune.serving.search.feasibility import Feasibility, TrialOutcome
from infertune.serving.search.proposals import Estimate, Scored, Surrogate
from infertune.serving.search.roofline import SpeedModel
from infertune.serving.search.trial import ServingTrial
from infertune.space import SearchSpace
from infertune.types import Configuration

FIRST_RATE = 1.0  # requests per second, where nothing says what a server may be good for
_FIRST_ERROR = 0.3  # of the logarithm of the speed model's guess; a trial begins so much below it
_MOST_FITTED = 40  # bursts are enough for three factors


class Known:
    """The trials so far, as what learns from them needs them.

    Args:
        space: Of the engine's settings.
        goal: What is sought.
        speed: An estimate to begin with; None for none.
        least_rate: Requests per second: with fewer a burst takes longer than it should.

    Attributes:
        trials: In their order; the search adds to them.
    """

    def __init__(self, space: SearchSpace, goal: Goal, speed: SpeedModel | None, *, least_rate: float) -> None:
        self.trials: list[ServingTrial] = []
        self._space = space
        self._goal = goal
        self._speed = speed
        self._least_rate = least_rate
        self._fitted: dict[int, SpeedModel] = {}  # after so many trials

    @property
    def scored(self) -> list[Scored]:
        """Those that have a score."""
        return [
            Scored(configuration=trial.configuration, score=trial.score, error=trial.measured.error)
            for trial in self.trials
            if trial.measured is not None and trial.score is not None
        ]

    @property
    def outcomes(self) -> list[TrialOutcome]:
        """Of all: which failed, and how."""
        return [trial.outcome for trial in self.trials]

    @property
    def ranked(self) -> Sequence[ServingTrial]:
        """Those that have a score, the best first."""
        return sorted((t for t in self.trials if t.score is not None), key=lambda trial: -(trial.score or 0.0))

    @property
    def to_beat(self) -> float | None:
        """The score that the best has for certain; None where none has any."""
        return max((t.measured.low for t in self.ranked if t.measured is not None), default=None)

    def chance(self, configuration: Configuration) -> float:
        """Return the chance that a server with these settings runs."""
        return float(Feasibility(self._space, self.outcomes).chances([configuration])[0]) if self.trials else 1.0

    def guess(self, configuration: Configuration) -> float:
        """Return a rate that settings may be good for; where a smaller one is, broken SLOs will lead to it."""
        known = next((trial for trial in self.trials if trial.score is not None), None)
        if known is not None and known.measured is not None and known.score is not None:
            mean, _ = Surrogate(self._space, self.scored, self.estimate()).expected([configuration])
            guess = known.measured.rate * math.exp(float(mean[0]) - known.score)
        elif self._speed is not None:
            guess = self._speed.capacity(configuration, self._goal.slo) * math.exp(-_FIRST_ERROR)
        else:
            guess = FIRST_RATE
        return max(guess, self._least_rate)

    def rate_of(self, configuration: Configuration) -> float:
        """Return a rate to begin the finals with: what the search was surer of, as its bursts saw no queue grow."""
        measured = next(trial.measured for trial in self.trials if trial.configuration == configuration)
        if measured is None or measured.score is None:
            return self.guess(configuration)
        return measured.rate * math.exp(measured.low - measured.score)

    def estimate(self) -> Estimate | None:
        """Return the speed model's estimate of the score, with the factors that all bursts so far show."""
        if self._speed is None:
            return None
        if len(self.trials) not in self._fitted:
            told = [
                (trial.configuration, each)
                for trial in self.trials
                if trial.measured
                for each in trial.measured.bursts
            ]
            self._fitted = {len(self.trials): self._speed.fitted(told[-_MOST_FITTED:])}
        speed = self._fitted[len(self.trials)]
        return lambda configuration: math.log(speed.capacity(configuration, self._goal.slo))
