"""Starts engines, times their bursts and notes each figure before anything depends on it; a note is never remade."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infertune.bank import SampleBank
from infertune.bank.notes import once
from infertune.engines.process.server_process import kind_of
from infertune.errors import EngineError
from infertune.evaluation.requests import requests_for
from infertune.joint.running import Slot
from infertune.joint.speed import Speed, measure
from infertune.space.names import MAX_TOKENS, N, settings_in_words
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.types import Configuration, Engine, Request

MAX_FAILURES_IN_A_ROW = 3
_WARM_UP = 4
_SEED_STEP = 1_000_003  # bursts ask with seeds of their own: their samples are no evidence of any study


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of the engine in the search, and the burst that it took.

    Attributes:
        engine: The settings.
        seconds: Of the machine for each request; None where it failed.
        tokens_per_second: Likewise.
        shapes_text: Whether its facts are others than the default engine's, so that it has samples of its own.
        facts: As the engine gave them; empty where it did not start.
        failure: Why it failed, else empty.
    """

    engine: Configuration
    seconds: float | None = None
    tokens_per_second: float | None = None
    shapes_text: bool = False
    facts: Mapping[str, str]
    failure: str = ""


class Starts:
    """All bursts of one joint search.

    Args:
        name: Of the study.
        slot: In which the engines run.
        log: Keeps the figures.
        n_requests: Of a burst, at least 1.
        seed: Of the study.
        clock: Seconds.
        say: Is told what is being done, in a line.
    """

    def __init__(
        self,
        *,
        name: str,
        task: Task,
        slot: Slot,
        bank: SampleBank,
        log: TrialLog,
        n_requests: int,
        seed: int,
        clock: Callable[[], float] = time.perf_counter,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._name = name
        self._task = task
        self._slot = slot
        self._bank = bank
        self._log = log
        self._n_requests = n_requests
        self._seed = seed
        self._clock = clock
        self._say = say
        self._failures: list[str] = []

    def search(self, engine: Configuration, decoding: Configuration, *, default_facts: Mapping[str, str]) -> Start:
        """Return the figures of one start in the search, noted or new; a failure of the engine is one of them.

        Raises:
            EngineError: Three starts in a row failed in the same way.
        """
        key = f"start:{engine.digest}:{decoding.digest}"
        known = once(self._log, key, lambda _: self._searched(engine, decoding))
        self._failures.append(known["kind"])
        last = self._failures[-MAX_FAILURES_IN_A_ROW:]
        if len(last) == MAX_FAILURES_IN_A_ROW and last[0] and len(Counter(last)) == 1:
            raise EngineError(
                f"{MAX_FAILURES_IN_A_ROW} engines in a row failed by {last[0]}, so the search stops here; the last "
                f"one, with {settings_in_words(engine)}, said: {known['failure']}"
            )
        return Start(
            engine=engine,
            seconds=known["seconds"],
            tokens_per_second=known["tokens_per_second"],
            shapes_text=bool(known["facts"]) and known["facts"] != dict(default_facts),
            facts=known["facts"],
            failure=known["failure"],
        )

    def _searched(self, engine: Configuration, decoding: Configuration) -> dict[str, Any]:
        self._say(f"measuring {settings_in_words(engine)}")
        facts: dict[str, str] = {}
        try:
            with self._slot.fresh(engine) as started:
                facts = dict(started.facts)
                speed = self.burst(started, decoding, turn=0)
        except EngineError as error:
            return {
                "kind": kind_of(error),
                "failure": str(error),
                "facts": facts,
                "seconds": None,
                "tokens_per_second": None,
            }
        return {"kind": "", "failure": "", "facts": facts, **_figures(speed)}

    def turn(
        self, engine: Configuration, decodings: Sequence[Configuration], *, turn: int, beside: Sequence[Configuration]
    ) -> list[float]:
        """Return the seconds per request of some decodings under a fresh start of an engine, noted or new.

        Args:
            engine: Is started.
            decodings: One burst each.
            turn: From 1.
            beside: All that is compared in this turn: figures of another comparison are of another hour.
        """
        pair = ",".join(each.digest for each in beside)
        key = f"turn {turn}:{pair}:{engine.digest}:{','.join(each.digest for each in decodings)}"

        def timed(_: None) -> list[float]:
            self._say(f"finals, turn {turn}: {settings_in_words(engine)}")
            with self._slot.fresh(engine) as started:
                return [self.burst(started, each, turn=turn).seconds for each in decodings]

        return [float(each) for each in once(self._log, key, timed)]

    def burst(self, engine: Engine, decoding: Configuration, *, turn: int) -> Speed:
        """Time a burst; of one turn, all engines are asked the same."""
        warm_up, requests = self._requests(decoding, turn)
        facts = engine.facts
        return measure(
            engine,
            warm_up,
            requests,
            landed=lambda response: self._bank.put(speed_name(self._name), facts, response),
            clock=self._clock,
        )

    def _requests(self, decoding: Configuration, turn: int) -> tuple[list[Request], list[Request]]:
        """Return the requests to warm up with, and those of the burst: the examples of ``tune``, round and round."""
        tune, n = self._task.tune, self._n_requests
        made: list[Request] = []
        for lap in range(-(-(n + _WARM_UP) // len(tune))):
            made += requests_for(
                self._task,
                decoding,
                tune[: n + _WARM_UP - len(made)],
                n_samples=int(decoding[N]),
                max_tokens=int(decoding[MAX_TOKENS]),
                seed=self._seed + _SEED_STEP * (1 + turn) + lap,
            )
        return made[:_WARM_UP], made[_WARM_UP:]


def speed_name(study: str) -> str:
    """Return the name in which the bank books the bursts of a study."""
    return f"{study}/speed"


def _figures(speed: Speed) -> dict[str, float]:
    known = asdict(speed)
    return {name: known[name] for name in ("seconds", "tokens_per_second")}
