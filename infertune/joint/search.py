"""The joint search: decoding inside, engine settings outside, and a guard on the utility between them.

1. A study searches the decoding under the default engine.
2. Engines are started one after the other (`infertune.joint.outer`) and timed with the decoding that won. Those whose
   facts are the default engine's share its samples: their utility is the same and nothing of it is bought again.
3. Those that shape text are asked in the order of their speed, as long as they are faster than the fastest that does
   not: a study of their own searches the decoding under them, beginning with what won before, and a paired test of
   non-inferiority compares it with the default engine. The first that is not worse is taken.
4. Finals: the default engine and the one that was taken are started in turns, each with both decodings.

Every figure is noted before it is acted on, so that a search killed at any moment goes on where it was.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.configuration import Configuration
from infertune.errors import BudgetError, EngineError
from infertune.joint.answer import Guarded, JointRecommendation, Start
from infertune.joint.finals import finals
from infertune.joint.guard import Guard
from infertune.joint.outer import propose
from infertune.joint.starts import Starts, settings_in_words, speed_name
from infertune.joint.tunable import Tunable
from infertune.noninferiority import check_margin
from infertune.progress import Progress
from infertune.recommendation import Recommendation
from infertune.search import Search
from infertune.select import Wanted
from infertune.space import SearchSpace
from infertune.study import WANTED, Study
from infertune.tasks import Task
from infertune.trial_log import TrialLog
from infertune.types import Engine

MAX_GUARDED = 2  # engines with samples of their own that are worth a search of their own
GUARDED_SHARE = 0.2  # of the budget, for each of them
MIN_GAIN = 1.03  # times as fast as what shapes no text, below which no utility is put at risk
ERROR = 0.05  # of all guards together


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a joint search goes.

    Attributes:
        margin: Most utility that the recommended engine may lose, in (0, 1).
        n_starts: Most engines of the search, at least 1.
        n_requests: Of a burst, at least 1.
        n_turns: Of the finals, at least 1.
    """

    margin: float
    n_starts: int = 12
    n_requests: int = 64
    n_turns: int = 3

    def __post_init__(self) -> None:
        check_margin(self.margin)


class Joint:
    """Runs one joint search to its answer.

    Args:
        name: Of the study under the default engine; the others are called ``NAME/...``.
        space: Of decoding; ``engines`` is that of the engine's settings.
        tunable: Starts them.
        default_engine: Running with the default settings; it is closed here.
        search: Gives each study its way to search.
        log_of: Gives each study its log, in the bank's database.
        budget: Of the studies; bursts are limited by ``limits``.
        starts: Times the bursts.
        on_progress: Called as `Study` calls it.
    """

    def __init__(
        self,
        *,
        name: str,
        task: Task,
        space: SearchSpace,
        engines: SearchSpace,
        tunable: Tunable,
        default_engine: Engine,
        search: Callable[[], Search],
        bank: SampleBank,
        log_of: Callable[[str], TrialLog],
        budget: Budget,
        limits: Limits,
        starts: Starts,
        seed: int = 0,
        wanted: Wanted = WANTED,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._name = name
        self._task = task
        self._space = space
        self._engines = engines
        self._default_engine = engines.default_configuration()
        self._running: Engine = default_engine
        self._facts = dict(default_engine.facts)
        self._search = search
        self._bank = bank
        self._log_of = log_of
        self._log = log_of(joint_name(name))
        self._budget = budget
        self._limits = limits
        self._starts = starts
        self._seed = seed
        self._wanted = wanted
        self._on_progress = on_progress
        self._notes: list[str] = []
        may_shape = any(
            tunable.may_shape_text(parameter.name) for parameter in engines.parameters if len(parameter.values()) > 1
        )
        self._share = 1.0 - MAX_GUARDED * GUARDED_SHARE if may_shape else 1.0

    def run(self) -> JointRecommendation:
        """Go from wherever the search stands to its recommendation.

        Raises:
            BudgetError: The budget is too small for the study under the default engine.
            EngineError: The default engine fails, or three others in a row in the same way.
        """
        try:
            study = self._study(self._name, self._running, self._space, self._share)
        finally:
            self._running.close()
        decoding = study.recommended
        starts = self._outer(decoding)
        harmless, risky = _divided(starts)
        guards = self._guarded(study.default, decoding, harmless, risky)
        passed = guards[-1] if guards and guards[-1].test.answer == "not worse" else None
        engine = passed.engine if passed else harmless.engine
        chosen = passed.decoding if passed else decoding
        timed = finals(
            self._starts,
            default=(self._default_engine, study.default, decoding),
            other=None if engine == self._default_engine else (engine, study.default, chosen),
            n_turns=self._limits.n_turns,
        )
        if timed.kept:
            engine, chosen = self._default_engine, decoding
        return JointRecommendation(
            study=study,
            starts=tuple(starts),
            guards=tuple(guards),
            default_engine=self._default_engine,
            engine=engine,
            decoding=chosen,
            seconds=timed.seconds,
            engine_gain=timed.engine_gain,
            whole_gain=timed.whole_gain,
            kept=timed.kept,
            speed_spent=self._bank.spent(speed_name(self._name)),
            notes=tuple(self._notes),
        )

    def _study(self, name: str, engine: Engine, space: SearchSpace, share: float) -> Recommendation:
        return Study(
            name=name,
            task=self._task,
            space=space,
            engine=engine,
            search=self._search(),
            bank=self._bank,
            log=self._log_of(name),
            budget=self._budget.part(share),
            seed=self._seed,
            wanted=self._wanted,
            on_progress=self._on_progress,
        ).run()

    def _outer(self, decoding: Configuration) -> list[Start]:
        """Start and time engines until their number is reached or nothing is left; the default engine is the first."""
        starts: list[Start] = []
        while len(starts) < self._limits.n_starts:
            engine = propose(self._engines, {each.engine: each.seconds for each in starts})
            if engine is None:
                break
            starts.append(self._starts.search(engine, decoding, default_facts=self._facts))
            if starts[0].failure:
                raise EngineError(f"the default engine failed when it was timed: {starts[0].failure}")
        if failed := [each for each in starts if each.failure]:
            self._notes.append(
                f"{len(failed)} of {len(starts)} engines failed, which is no figure of theirs; the last said: "
                f"{failed[-1].failure}"
            )
        return starts

    def _guarded(
        self, default: Configuration, decoding: Configuration, harmless: Start, risky: Sequence[Start]
    ) -> list[Guarded]:
        """Ask those that shape text and are faster than what does not, until one is not worse."""
        worth = [each for each in risky if _seconds(each) * MIN_GAIN < _seconds(harmless)]
        if len(worth) > MAX_GUARDED:
            self._notes.append(
                f"{len(worth)} kinds of engines that shape text were faster; the fastest {MAX_GUARDED} of them were "
                "judged by their utility, the others not"
            )
        asked = worth[:MAX_GUARDED]
        guards: list[Guarded] = []
        for each in asked:
            guard = Guard(
                task=self._task,
                space=self._space,
                bank=self._bank,
                seed=self._seed,
                facts=self._facts,
                decoding=decoding,
                margin=self._limits.margin,
                confidence=1 - ERROR / len(asked),
            )
            try:
                guards.append(self._judged(each, default, decoding, guard))
            except EngineError as error:  # it lived through a burst, and not through a study
                self._notes.append(f"{settings_in_words(each.engine)} could not be judged: {error}")
                continue
            if guards[-1].test.answer == "not worse":
                break
        return guards

    def _judged(self, start: Start, default: Configuration, decoding: Configuration, guard: Guard) -> Guarded:
        """Search the decoding under one engine, noted once it is done, and compare what the bank then holds."""
        study = f"{self._name}/{start.engine.digest}"
        # A larger budget answers more examples under the default engine, and then more are bought here.
        key = f"guard:{start.engine.digest}:{decoding.digest}:{guard.n_examples}"
        known = self._log.noted(key)
        if known is None:
            known = {"decoding": dict(decoding), "note": ""}
            with self._starts.running(start.engine) as engine:
                try:
                    inner = self._study(study, engine, _beginning_at(self._space, decoding), GUARDED_SHARE)
                    known["decoding"] = dict(inner.recommended)
                except BudgetError as error:
                    known["note"] = (
                        f"under {settings_in_words(start.engine)} decoding was not searched, but is the default "
                        f"engine's: {error}"
                    )
                guard.buy(engine, Configuration(known["decoding"]), study=study)
            self._log.note(key, known)
        if known["note"]:
            self._notes.append(known["note"])
        best = Configuration(known["decoding"])
        return Guarded(
            engine=start.engine,
            decoding=best,
            test=guard.test(start.facts, best),
            verdict=guard.verdict(start.facts, best, default),
        )


def joint_name(study: str) -> str:
    """Return the name under which the log keeps what is joint about a study."""
    return f"{study}/joint"


def _divided(starts: Sequence[Start]) -> tuple[Start, list[Start]]:
    """Return the fastest that shapes no text, and of each kind that does the fastest one, the fastest kind first."""
    done = sorted((each for each in starts if each.seconds is not None), key=_seconds)
    harmless = next(each for each in done if not each.shapes_text)
    kinds: dict[str, Start] = {}
    for each in done:
        if each.shapes_text:
            kinds.setdefault(json.dumps(dict(each.facts), sort_keys=True), each)
    return harmless, list(kinds.values())


def _seconds(start: Start) -> float:
    assert start.seconds is not None
    return start.seconds


def _beginning_at(space: SearchSpace, configuration: Configuration) -> SearchSpace:
    """Return the space with this configuration for its default, so that a study begins at it and compares with it."""
    return space.replaced(
        [
            replace(parameter, default=configuration[parameter.name])
            for parameter in space.parameters
            if parameter.name in configuration
        ]
    )
