"""The steps of a search, noted before they are taken, so that a study that goes on repeats its own decisions.

A step is a trial of the search, or a round of the finals. What becomes of it is in the log of starts and bursts; the
step says which servers, in which order, and how many seconds they may take. So a study that goes on with another
budget has all that it has paid for, measures none of it again, and decides anew only what comes next.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infertune.bank.notes import Notes, once
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
        return purpose(self.number)


def noted_step(log: Notes, number: int, decide: Callable[[], Step | None]) -> Step | None:
    """Return a step of a study as it was noted, else decide on one and note it; None where there is no other.

    Args:
        log: Of the study.
        number: From 0; those below it are noted.
        decide: Returns the step of this number.
    """
    noted = once(log, purpose(number), lambda _: _as_json(decide()))
    return None if noted is None else _read(number, noted)


def purpose(number: int) -> str:
    """Return the name under which the log and the account know a step."""
    return f"step {number}"


def _as_json(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "arm": step.arm,
        "servers": [{"settings": dict(each.configuration), "rate": each.rate} for each in step.servers],
        "room": step.room,
        "burst_seconds": step.burst_seconds,
        "beat": step.beat,
        "chance": step.chance,
    }


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
