"""Which speculative length at which load: a schedule, chosen carefully from bursts at several loads and lengths.

Drafted tokens are nearly free while a step waits for memory, and cost what they take when it computes: so speculation
helps at small loads and hurts at large ones. At each load every length is measured several times, and the one of the
highest conservative value wins,

    median - lambda MAD

with MAD the median absolute deviation of the repeats (times 1.4826, a standard deviation where they are normal); of
equal ones the shortest, as it is what wastes least when the text gets harder to guess. Loads between two measured ones
belong to the lower.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from infertune.engines.process.server_process import ServerFailed
from infertune.errors import InvalidInputError
from infertune.load.arrival_load import Load
from infertune.serving.measure.account import LoadAccount
from infertune.serving.measure.figures import Figures
from infertune.types import Configuration

METHOD, LENGTH = "engine.speculative_method", "engine.speculative_tokens"
LAMBDA = 1.0
_TO_DEVIATION = 1.4826
_EQUAL = 0.01  # share of the best value within which a length is as good
_ROUNDS = 2  # requests of each caller in a burst
_FEWEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeculationEvidence:
    """What one length was worth at one load: generated tokens per second, once for each repeat."""

    load: int
    length: int
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the values."""
        return float(np.median(self.values))

    @property
    def deviation(self) -> float:
        """Their median absolute deviation, scaled to a standard deviation."""
        return _TO_DEVIATION * float(np.median(np.abs(np.array(self.values) - self.median)))

    @property
    def careful(self) -> float:
        """Median less lambda deviations."""
        return self.median - LAMBDA * self.deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A length for every load.

    Attributes:
        steps: ``(lowest load, highest load, length)``, loads in requests in flight, both ends included; length 0 is no
            speculation.
        evidence: All that was measured.
        complete: Whether all was measured that was to be; otherwise the budget or a server ended.
    """

    steps: tuple[tuple[int, int, int], ...]
    evidence: tuple[SpeculationEvidence, ...]
    complete: bool


def schedule(evidence: Sequence[SpeculationEvidence], *, complete: bool = True) -> Schedule:
    """Return which length to use at which load.

    Args:
        evidence: At most one for each load and length; a load counts only if all lengths were measured at it.
        complete: See `Schedule`.

    Raises:
        InvalidInputError: There is no load at which more than one length was measured.
    """
    lengths = {each.length for each in evidence}
    loads = sorted(
        load
        for load in {each.load for each in evidence}
        if {each.length for each in evidence if each.load == load} == lengths
    )
    if len(lengths) < 2 or not loads:
        raise InvalidInputError("a schedule needs two speculative lengths or more, measured at the same load")
    best = []
    for load in loads:
        here = sorted((each for each in evidence if each.load == load), key=lambda each: each.length)
        most = max(each.careful for each in here)
        best.append(next(each.length for each in here if each.careful >= most - _EQUAL * abs(most)))
    steps: list[tuple[int, int, int]] = []
    for place, (load, length) in enumerate(zip(loads, best, strict=True)):
        low = 1 if not place else load
        high = loads[place + 1] - 1 if place + 1 < len(loads) else load
        if steps and steps[-1][2] == length:
            steps[-1] = (steps[-1][0], high, length)
        else:
            steps.append((low, high, length))
    return Schedule(steps=tuple(steps), evidence=tuple(evidence), complete=complete)


def loads_to_measure(most: int) -> tuple[int, ...]:
    """Return 1, 4, 16 ... up to the most that may be in flight, that one included."""
    powers = [4**exponent for exponent in range(8) if 4**exponent < most]
    return (*powers, most)


def measured(
    account: LoadAccount,
    settings: Configuration,
    *,
    method: str,
    lengths: Sequence[int],
    loads: Sequence[int],
    repeats: int,
    room: float,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
    purpose: str = "schedule",
) -> tuple[tuple[SpeculationEvidence, ...], bool]:
    """Measure lengths at loads, each length on one server that all loads and repeats press in turns.

    Args:
        account: Opens servers.
        settings: Of the servers, but for speculation.
        method: Of speculation, such as ``ngram``.
        lengths: Among them 0, for none.
        loads: In flight.
        repeats: Of each load, at least 1.
        room: Seconds for all this, what earlier runs spent on it included; a length is begun only where there is room
            for one that takes as long as the longest so far.
        seed: Of the arrivals; the same for all lengths.
        say: Told what is done.
        purpose: Of the account.

    Returns:
        What was measured whole, and whether that is all.
    """
    found: list[SpeculationEvidence] = []
    complete = True
    used = most = 0.0  # seconds of all lengths so far, and of the longest
    for length in lengths:
        if used + most > room:
            return tuple(found), False
        took = 0.0
        values: dict[int, list[float]] = {load: [] for load in loads}
        try:
            with account.open(with_length(settings, method, length), purpose) as server:
                for repeat in range(repeats):
                    for load in loads:
                        took = server.used
                        if used + took >= room:
                            complete = False
                            break
                        if server.is_running:
                            say(f"speculative length {length}: {load} in flight, repeat {repeat + 1}")
                        n = max(_FEWEST, _ROUNDS * load)
                        burst: Figures = server.press(Load(concurrency=load), n_requests=n, seed=seed + repeat)
                        values[load].append(burst.output_rate)
                took = server.used
        except ServerFailed:
            complete = False
        used, most = used + took, max(most, took)
        found += [
            SpeculationEvidence(load=load, length=length, values=tuple(each))
            for load, each in values.items()
            if len(each) == repeats
        ]
    return tuple(found), complete


def with_length(settings: Mapping[str, object], method: str, length: int) -> Configuration:
    """Return the settings with speculation of a length, or without any for 0."""
    rest = {
        name: value
        for name, value in settings.items()
        if name not in (METHOD, LENGTH) and not (name == "engine.prompt_lookup_max" and not length)
    }
    own = {METHOD: method, LENGTH: length} if length else {METHOD: "none"}
    return Configuration({**rest, **own})  # type: ignore[dict-item]
