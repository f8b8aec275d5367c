"""The joint search: decoding inside, engine settings outside, and a guard on the utility between them.

1. A study searches the decoding under the default engine. Where settings that shape text are searched, a part of the
   budget is kept for their guards.
2. Engines are started one after the other (`infertune.joint.proposals`) and timed with the decoding that is
   recommended by then. Those whose facts are the default engine's share its samples: their utility is the same and
   nothing of it is bought again. What no guard will need goes to the study, which goes on.
3. Those that shape text are asked in the order of their speed, as long as they are faster than the fastest that does
   not (`infertune.joint.guard`). The first that is not worse may be taken. What is then left of the budget goes into
   its comparison with both defaults; where none may be taken, into the study.
4. Finals: the default engine and the best seen that is allowed are started in turns, each with both decodings.

Every figure and every decision is noted before it is acted on, so that a search killed at any moment resumes where it
was. An engine is started only for a sample or a figure that is lacking.
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from infertune.allocators import Allocator
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.errors import EngineError
from infertune.joint.context import EngineSide, JointContext
from infertune.joint.engine_trials import Start, Starts, speed_name
from infertune.joint.finals import Contender, JointFinals, finals
from infertune.joint.gain import MARGIN
from infertune.joint.guard import GUARDED_SHARE, LEAST_SHARE, MAX_GUARDED, Guard
from infertune.joint.proposals import propose
from infertune.joint.recommendation import JointRecommendation, Paid
from infertune.joint.running import Slot
from infertune.joint.stages import Stages
from infertune.joint.verdict import engine_verdict
from infertune.selection.recommendation import Recommendation
from infertune.selection.select import Wanted
from infertune.selection.verdict import Verdict
from infertune.space import SearchSpace
from infertune.space.names import settings_in_words
from infertune.statistics.noninferiority import check_margin
from infertune.study.look import Look
from infertune.study.progress import Progress
from infertune.study.study import WANTED
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.types import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class JointLimits:
    """How far a joint search goes.

    Attributes:
        margin: Most utility that the recommended engine may lose, in (0, 1).
        n_starts: Most engines of the search, at least 1.
        n_requests: Of a burst, at least 1.
        n_turns: Most turns of the finals, at least 1; `infertune.joint.gain` says when they are looked at.
    """

    margin: float
    n_starts: int = 12
    n_requests: int = 64
    n_turns: int = 6

    def __post_init__(self) -> None:
        check_margin(self.margin)


class Joint:
    """Runs one joint search to its answer.

    Args:
        name: Of the study under the default engine; those of guards are called ``NAME/...``.
        space: Of decoding; ``engines`` is that of the engine's settings.
        slot: Starts the engines; it is closed at the end.
        facts: Of the default engine.
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
        slot: Slot,
        facts: Mapping[str, str],
        search: Callable[[], Allocator],
        bank: SampleBank,
        log_of: Callable[[str], TrialLog],
        budget: Budget,
        limits: JointLimits,
        starts: Starts,
        seed: int = 0,
        wanted: Wanted = WANTED,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._given = JointContext(
            name=name,
            task=task,
            space=space,
            slot=slot,
            search=search,
            bank=bank,
            log_of=functools.cache(log_of),
            budget=budget,
            seed=seed,
            wanted=wanted,
            on_progress=on_progress,
        )
        self._engines = engines
        self._default = EngineSide(
            engine=engines.default_configuration(), facts=facts, decoding=space.default_configuration()
        )
        self._limits = limits
        self._starts = starts
        self._notes: list[str] = []
        self._found: list[Recommendation] = []

    def run(self) -> JointRecommendation:
        """Go from wherever the search stands to its recommendation.

        Raises:
            BudgetError: The budget is too small for the study under the default engine.
            EngineError: The default engine fails, or three others in a row in the same way.
        """
        try:
            return self._run()
        finally:
            self._given.slot.close()

    def _run(self) -> JointRecommendation:
        given, default = self._given, self._default
        stages = Stages(given.log, given.name, given.budget, self._study)
        share = 1.0 - MAX_GUARDED * GUARDED_SHARE if self._may_shape_text else 1.0
        decoding = stages.go_on(share)
        starts = self._outer(decoding)
        harmless, risky = _divided(starts)
        worth = [each for each in risky if _seconds(each) * (1 + MARGIN) < _seconds(harmless[0])]
        asked, left_out = worth[:MAX_GUARDED], worth[MAX_GUARDED:]
        if (more := 1.0 - GUARDED_SHARE * len(asked)) > share:
            share, decoding = more, stages.go_on(more)
        guard = Guard(given=given, old=replace(default, decoding=decoding), margin=self._limits.margin)
        judged = guard.ask(asked)
        passed = judged.passed
        more = 1.0 - given.used(*given.guards())
        if passed is None and more > share + LEAST_SHARE and not stages.has_next:
            stages.go_on(more)
        while stages.has_next:  # begun by an earlier run, perhaps with another margin
            stages.go_on(more)
        study = self._found[-1]
        contenders = [
            Contender(engine=each.engine, decoding=study.recommended)
            for each in harmless
            if each.engine != default.engine
        ][:1]
        verdicts: dict[Configuration, Verdict] = {}
        if passed is not None:
            start = next(each for each in asked if each.engine == passed.engine)
            verdicts[passed.engine] = guard.beside_defaults(start, passed, study.default)
            contenders.insert(0, Contender(engine=passed.engine, decoding=passed.decoding))
        slower = [each for each in risky if each not in worth]
        is_judged = bool(contenders)
        if not contenders and slower:  # what it would do to the utility is not asked where it is not faster
            contenders = [Contender(engine=slower[0].engine, decoding=study.recommended)]
        timed, seen, failed = self._finals(study, contenders)
        said = engine_verdict(
            seen=None if seen is None else seen.engine,
            gain=timed.gain,
            is_judged=is_judged,
            guards=judged.guards,
            unjudged=(*judged.unjudged, *(each.engine for each in left_out), *failed),
            n_failed=sum(bool(each.failure) for each in starts),
        )
        if left_out:
            self._notes.append(
                f"{len(worth)} kinds of engines that change the text were faster in the search; only the fastest "
                f"{MAX_GUARDED} of them were judged by their utility"
            )
        recommended = Contender(engine=default.engine, decoding=study.recommended)
        if seen is not None and said.kind == "clear winner":
            recommended = seen
        side = "default" if recommended.engine == default.engine else "seen"
        is_new = side == "seen" or recommended.decoding != study.default
        return JointRecommendation(
            study=study,
            starts=tuple(starts),
            guards=judged.guards,
            default_engine=default.engine,
            engine=recommended.engine,
            decoding=recommended.decoding,
            engine_verdict=said,
            verdict=verdicts.get(recommended.engine, study.verdict),
            timed=None if seen is None else seen.engine,
            timed_gain=timed.gain,
            seconds={corner: sum(found) / len(found) for corner, found in timed.seconds.items()},
            whole_gain=timed.whole_gain(side) if is_new and timed.seconds else None,
            n_confirm=len(given.task.confirm),
            paid=self._paid(),
            notes=(*self._notes, *judged.notes),
        )

    def _paid(self) -> Paid:
        given = self._given
        bursts = given.bank.spent(speed_name(given.name))
        return Paid(
            study_tokens=given.spent(given.name).tokens,
            guard_tokens=sum(given.spent(name).tokens for name in given.guards()),
            share=given.used(given.name, *given.guards()),
            burst_tokens=bursts.tokens + sum(Look(given.log).cost),
            n_burst_requests=bursts.n_requests,
        )

    @property
    def _may_shape_text(self) -> bool:
        launcher = self._given.slot.launcher
        return any(launcher.may_shape_text(each.name) for each in self._engines.parameters if len(each.values()) > 1)

    def _study(self, budget: Budget) -> Configuration:
        """Run the study under the default engine, and return the decoding that it recommends."""
        given = self._given
        self._found.append(given.study(given.name, given.engine(self._default), given.space, budget))
        return self._found[-1].recommended

    def _outer(self, decoding: Configuration) -> list[Start]:
        """Start and time engines until their number is reached or nothing is left; the default engine is the first."""
        starts: list[Start] = []
        while len(starts) < self._limits.n_starts:
            engine = propose(self._engines, {each.engine: each.seconds for each in starts})
            if engine is None:
                break
            starts.append(self._starts.search(engine, decoding, default_facts=self._default.facts))
            if starts[0].failure:
                raise EngineError(f"the default engine failed when it was timed: {starts[0].failure}")
        if failed := [each for each in starts if each.failure]:
            self._notes.append(f"{len(failed)} of {len(starts)} engines failed; the last said: {failed[-1].failure}")
        return starts

    def _finals(
        self, study: Recommendation, contenders: Sequence[Contender]
    ) -> tuple[JointFinals, Contender | None, list[Configuration]]:
        """Time one contender after another, until one is not shown to be no faster; return also which failed."""
        default = Contender(engine=self._default.engine, decoding=study.recommended)
        failed: list[Configuration] = []
        last: tuple[JointFinals, Contender | None] | None = None
        for each in contenders:
            timed = finals(
                self._starts,
                default=default,
                seen=each,
                default_decoding=study.default,
                n_turns=self._limits.n_turns,
            )
            if timed.failure:
                failed.append(each.engine)
                self._notes.append(f"{settings_in_words(each.engine)} failed in the finals: {timed.failure}")
                continue
            last = timed, each
            if timed.gain is None or not timed.gain.is_none:
                break
        if last is not None:
            return (*last, failed)
        if study.recommended == study.default:
            return JointFinals(seconds={}, gain=None), None, failed
        alone = finals(
            self._starts, default=default, seen=None, default_decoding=study.default, n_turns=self._limits.n_turns
        )
        return alone, None, failed


def _divided(starts: Sequence[Start]) -> tuple[list[Start], list[Start]]:
    """Return those that shape no text, and of each kind that does the fastest one; both the fastest first."""
    done = sorted((each for each in starts if each.seconds is not None), key=_seconds)
    kinds: dict[str, Start] = {}
    for each in done:
        if each.shapes_text:
            kinds.setdefault(json.dumps(dict(each.facts), sort_keys=True), each)
    return [each for each in done if not each.shapes_text], list(kinds.values())


def _seconds(start: Start) -> float:
    assert start.seconds is not None
    return start.seconds
