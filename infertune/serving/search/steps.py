"""The steps of a search, noted before they are taken, so that a study that goes on repeats its own decisions.

A step is a trial of the search, or a round of the finals. What becomes of it is in the log of starts and bursts; the
step says which servers, in which order, and how many seconds they may take. So a study that goes on with another
budget has all that it has paid for, measures none of it again, and decides anew only what comes next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infertune.serving.measure.event_log import EventLog
from infertune.types import Configuration

Arm = Literal["default", "random", "model", "finals"]
ARMS: tuple[Arm, ...] = ("default", "random", "model", "finals")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of a step.

    Attributes:
        configuration: Its settings.
        rate: Requests per second to begin with, above 0.
    """

    configuration: Configuration
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done next.

    Attributes:
        number: From 0.
        arm: On whose account.
        servers: In the order in which they are started: one of a trial, all members of a round.
        room: Seconds that their starts and bursts may take together.
        burst_seconds: That a burst is to last.
        beat: Of a trial: a score; what certainly has less is not measured to the end. None for none.
        chance: Of a trial: that it would run, by what was known before.
    """

    number: int
    arm: Arm
    servers: tuple[Server, ...]
    room: float
    burst_seconds: float
    beat: float | None = None
    chance: float = 1.0

    @property
    def purpose(self) -> str:
        """Of the account; that of server i is followed by a point and i."""
        return f"step {self.number}"


class Journal:
    """The steps of one study.

    Args:
        log: Of the study.

    Attributes:
        steps: In their order.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.steps: list[Step] = []
        while (noted := log.get(f"step {len(self.steps)}")) is not None:
            self.steps.append(_read(len(self.steps), noted))

    def note(self, step: Step) -> None:
        """Write the next step down."""
        servers = [{"settings": dict(each.configuration), "rate": each.rate} for each in step.servers]
        self._log.put(
            step.purpose,
            {
                "arm": step.arm,
                "servers": servers,
                "room": step.room,
                "burst_seconds": step.burst_seconds,
                "beat": step.beat,
                "chance": step.chance,
            },
        )
        self.steps.append(step)


def _read(number: int, noted: Mapping[str, Any]) -> Step:
    servers: Sequence[Mapping[str, Any]] = noted["servers"]
    return Step(
        number=number,
        arm=noted["arm"],
        servers=tuple(Server(configuration=Configuration(each["settings"]), rate=each["rate"]) for each in servers),
        room=noted["room"],
        burst_seconds=noted["burst_seconds"],
        beat=noted["beat"],
        chance=noted["chance"],
    )
