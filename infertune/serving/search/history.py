"""What the steps of a search have shown, and what they cost: each is done once, and read from the log ever after."""

from collections.abc import Callable, Sequence

import numpy as np

from infertune.engines.process.failures import ServerFailure
from infertune.engines.process.server_process import ServerFailed
from infertune.serving.measure.account import LoadAccount
from infertune.serving.measure.capacity import Effort
from infertune.serving.measure.goal import Goal, n_devices
from infertune.serving.measure.score import Measured, measure
from infertune.serving.search.finals import Round, ServingFinals
from infertune.serving.search.known import Known
from infertune.serving.search.pressing import pressing
from infertune.serving.search.result import short
from infertune.serving.search.steps import Arm, Server, Step
from infertune.serving.search.trial import ServingTrial
from infertune.space import SearchSpace
from infertune.types import Configuration

SEARCH_EFFORT = Effort(most_bursts=7, tolerance=0.15)
FINAL_EFFORT = Effort(most_bursts=24, repeats=24, tolerance=0.0, step=1.12)  # for as long as there is room


class History:
    """The steps that were taken.

    Args:
        account: Opens servers, and knows what was spent.
        space: Of the engine's settings.
        goal: What is sought.
        known: Gets the trials.
        burst_seconds: That a burst of the search lasts.
        seed: Of arrivals and draws.
        say: Told the step and what is done.

    Attributes:
        steps: In their order.
        rounds: Of the finals.
        start_seconds: Of the slowest start.
        void: Why bursts were void, one text for each.
    """

    def __init__(
        self,
        account: LoadAccount,
        space: SearchSpace,
        goal: Goal,
        known: Known,
        *,
        burst_seconds: float,
        seed: int,
        say: Callable[[Step, str], None],
    ) -> None:
        self._account = account
        self._space = space
        self._goal = goal
        self._known = known
        self._burst_seconds = burst_seconds
        self._seed = seed
        self._say = say
        self.steps: list[Step] = []
        self.rounds: list[Round] = []
        self.start_seconds = 0.0
        self.void: list[str] = []

    @property
    def trials(self) -> Sequence[ServingTrial]:
        """Of the search, the default's first."""
        return self._known.trials

    @property
    def finals(self) -> ServingFinals:
        """Where the finals stand, once the default has been tried."""
        others = [trial for trial in self._known.ranked if trial.number]
        return ServingFinals(default=self.trials[0], seen=others, rounds=tuple(self.rounds))

    @property
    def usual_burst(self) -> float:
        """Seconds that a burst of the search usually takes when it is not cut."""
        lengths = [each.seconds for t in self.trials if t.measured for each in t.measured.bursts if not each.cut]
        return max(float(np.median(lengths)), self._burst_seconds) if lengths else self._burst_seconds

    def spent(self, *arms: Arm, restarts: bool = True) -> float:
        """Return the seconds of the steps of some arms, or of all; without restarts if asked for."""
        purposes = [
            f"{step.purpose}.{place}"
            for step in self.steps
            if not arms or step.arm in arms
            for place in range(len(step.servers))
        ]
        return sum(self._account.of(each) - (0.0 if restarts else self._account.restarts(each)) for each in purposes)

    def take(self, step: Step) -> None:
        """Do a step, or read how it went."""
        self.steps.append(step)
        shown: dict[Configuration, Measured | ServerFailure] = {}
        used = 0.0
        for place, server in enumerate(step.servers):
            room = (step.room - used) / (len(step.servers) - place)
            found, took = self._measured(step, place, server, room)
            used += took
            if isinstance(found, ServerFailure) or found.bursts:
                shown[server.configuration] = found
        if step.arm == "finals":
            self.rounds.append(shown)
        elif shown:
            (found,) = shown.values()
            self._known.trials.append(
                ServingTrial(
                    number=len(self.trials),
                    arm=step.arm,
                    configuration=step.servers[0].configuration,
                    measured=None if isinstance(found, ServerFailure) else found,
                    failure=found if isinstance(found, ServerFailure) else None,
                    seconds=used,
                    chance=step.chance,
                )
            )

    def _measured(self, step: Step, place: int, server: Server, room: float) -> tuple[Measured | ServerFailure, float]:
        """Return what one server of a step showed, and the seconds that it took."""
        final = step.arm == "finals"
        turn = len(self.rounds) + 1 if final else 0
        name = short(server.configuration, self._space)
        what = f"round {turn}: {name}" if final else f"trial {len(self.trials)} ({step.arm}): {name}"
        purpose = f"{step.purpose}.{place}"
        if not self._account.of(purpose):
            self._say(step, f"{what}: starting")
        found: Measured | ServerFailure
        try:
            with self._account.open(server.configuration, purpose) as opened:
                self.start_seconds = max(self.start_seconds, opened.start_seconds)
                press = pressing(
                    opened,
                    self._goal.slo,
                    room=room,
                    burst_seconds=step.burst_seconds,
                    shortest=self._burst_seconds,
                    seed=self._seed + turn,
                    say=lambda doing: self._say(step, f"{what}: {doing}"),
                    void=self.void,
                )
                found = measure(
                    self._goal,
                    press,
                    seconds=step.burst_seconds,
                    effort=FINAL_EFFORT if final else SEARCH_EFFORT,
                    start=server.rate,
                    n_devices=n_devices(server.configuration),
                    beat=step.beat,
                    seed=self._seed,
                )
        except ServerFailed as error:
            found = error.failure
        return found, self._account.of(purpose) - self._account.restarts(purpose)
