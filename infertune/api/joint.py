"""``infertune.optimize(..., joint=...)``: engine settings searched together with decoding."""

import io
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from infertune.api.decoding import Question
from infertune.api.result import Result
from infertune.api.task_space import Values, as_texts
from infertune.bank import SampleBank
from infertune.bank.lease import Lease
from infertune.engines.launch.hf_engine import HFEngineLauncher
from infertune.engines.launch.launcher import EngineLauncher
from infertune.engines.launch.vllm_engine import VLLMEngineLauncher, vllm_engine_launcher
from infertune.engines.probing.recall import ProbeJournal
from infertune.engines.start import checked, looked, start, starting
from infertune.errors import InvalidInputError
from infertune.joint.context import joint_name, journals
from infertune.joint.default_engine import DefaultEngine, default_engine
from infertune.joint.engine_trials import Starts
from infertune.joint.recommendation import JointRecommendation
from infertune.joint.running import Slot
from infertune.joint.search import Joint as JointSearch
from infertune.joint.search import JointLimits
from infertune.recipes.answer_file import AnswerFile
from infertune.report import joint as report
from infertune.report import space as space_report
from infertune.report.answer import Answer, evidence
from infertune.report.joint import JointAnswer
from infertune.report.live import View
from infertune.report.status import study_status
from infertune.space import SearchSpace
from infertune.space.extra_settings import extra_ends
from infertune.study.confirmation import held
from infertune.study.search_names import search_named
from infertune.study.trial_log import TrialLog
from infertune.types import Engine, Scalar

_COLUMNS = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """How engine settings are searched beside decoding.

    Attributes:
        settings: Values to search by name, such as ``{"engine.max_num_seqs": [16, 64]}``, or ``NAME=VALUES`` texts.
        margin: Most utility that faster engine settings may lose.
        starts: Most engine starts in the search.
        burst: Requests of a speed measurement.
        turns: Most speed measurements of a finalist; 3, 6, 12 ... can decide.
        price_hour: Of the machine; None where it is not known.
    """

    settings: Mapping[str, Values] | Sequence[str] = ()
    margin: float = 0.02
    starts: int = 12
    burst: int = 64
    turns: int = 6
    price_hour: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JointResult(Result):
    """The answer of a joint search; `Result` tells of the study under the default engine.

    Attributes:
        joint: The engine side: settings, speed, guards.
    """

    joint: JointAnswer

    def best_config(self) -> dict[str, Scalar]:
        """Return the recommended decoding and engine settings: dotted names and their values."""
        return {**self.joint.found.decoding, **self.joint.found.engine}

    def as_json(self) -> dict[str, Any]:
        """Return the whole answer in lists, mappings and scalars: that of the study with a key ``joint``."""
        return report.as_json(self.joint)

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), record=True, width=_COLUMNS)
        report.show(self.joint, console)
        return console.export_text()


def searched(question: Question, asked: Joint, file: AnswerFile, view: View) -> JointResult:
    """Search decoding and engine settings together.

    Args:
        question: Checked as far as it can be without an engine.
        asked: How engine settings are searched.
        file: The answer file.
        view: Shows what goes on.

    Raises:
        InvalidInputError: The engine has no settings to search, or not those.
    """
    launcher, engines = _launcher(question, asked)
    checked(question.engine, question.options)
    with view, ExitStack() as opened:
        bank = opened.enter_context(closing(SampleBank(question.database)))
        lease = opened.enter_context(Lease(bank.url, "optimize", question.name))
        view.say(
            f"{question.task.name} with {question.model}, engine settings too; "
            f"study '{question.name}' in {question.database}"
        )
        study = _JointStudy(question=question, asked=asked, engines=engines, bank=bank, lease=lease, view=view)
        journal = journals(question.name, engines.default_configuration(), study.bare_log)
        slot = opened.enter_context(closing(Slot(launcher, lease=lease, journal=journal, say=view.say)))
        space, notes, facts = study.begin(slot)
        found = study.run(slot, space, facts)
        # What a guard confirmed is in the log of another study.
        confirmed = held(study.bare_log(question.name)) if found.guarded is None else ()
    found = replace(found, notes=(*notes, *found.notes))
    answer = Answer(
        study=question.name,
        sampler=question.search,
        space=space,
        facts=facts,
        recommendation=found.study,
        prices=question.budget.prices,
        recipe=file.recipe(
            found.decoding,
            found.study.default,
            evidence=evidence(found.verdict),
            facts=next((each.facts for each in found.starts if each.engine == found.engine and each.facts), facts),
            confirmed=confirmed,
            options=launcher.options(found.engine),
        ),
    )
    joint = JointAnswer(found=found, study=answer, margin=asked.margin, price_hour=asked.price_hour)
    return JointResult(answer=answer, file=file, joint=joint)


@dataclass(frozen=True, slots=True, kw_only=True)
class _JointStudy:
    question: Question
    asked: Joint
    engines: SearchSpace
    bank: SampleBank
    lease: Lease
    view: View

    def bare_log(self, name: str) -> TrialLog:
        """Return the log of a study, bound to nothing yet."""
        return TrialLog(self.bank.url, name, self.lease)

    def begin(self, slot: Slot) -> tuple[SearchSpace, tuple[str, ...], Mapping[str, str]]:
        """Return the space of decoding without what the default engine does not honour, notes on that, and its facts.

        The engine is started only where an earlier run did not.
        """
        question, default = self.question, self.engines.default_configuration()
        log = self.bare_log(joint_name(question.name))
        asked = {
            "model": question.model,
            "engine": question.engine,
            "options": dict(question.options),
            "settings": dict(default),
            "space": space_report.as_json(question.space),
        }

        def start_it() -> DefaultEngine:
            self.view.say(starting(question.engine, question.model, question.options))
            running = slot.running(default)
            if said := looked(running):
                self.view.say(said)
            found = DefaultEngine(facts=dict(running.facts), unsupported=tuple(running.unsupported))
            self._narrowed(log, found)  # a study that began with another engine goes on to know that one
            return found

        found = default_engine(log, asked, start_it)
        space, notes = self._narrowed(log, found)
        for note in notes:
            self.view.say(f"Note: {note}.")
        return space, notes, found.facts

    def _narrowed(self, log: TrialLog, engine: DefaultEngine) -> tuple[SearchSpace, tuple[str, ...]]:
        """Bind the study to an engine; return the space without what that does not honour, and notes on it.

        Raises:
            InvalidInputError: It began with others.
        """
        space, notes = self.question.narrow(engine.unsupported)
        log.claim(
            self.question.claim()
            | {
                "space": space_report.as_json(space),
                "engine": dict(engine.facts),
                "burst": self.asked.burst,
                "engines": space_report.as_json(self.engines),
            }
        )
        return space, notes

    def run(self, slot: Slot, space: SearchSpace, facts: Mapping[str, str]) -> JointRecommendation:
        """Return what the search recommends."""
        question, asked = self.question, self.asked
        status = study_status(question.budget, space)

        def log_of(name: str) -> TrialLog:
            log = self.bare_log(name)
            if name != joint_name(question.name):
                claim = question.claim() | {"space": space_report.as_json(space)}
                log.claim(claim | {"share of": question.name})
            return log

        starts = Starts(
            name=question.name,
            task=question.task,
            slot=slot,
            bank=self.bank,
            log=log_of(joint_name(question.name)),
            n_requests=asked.burst,
            seed=question.seed,
            say=self.view.say,
        )
        return JointSearch(
            name=question.name,
            task=question.task,
            space=space,
            engines=self.engines,
            slot=slot,
            facts=facts,
            search=lambda: search_named(question.search),
            bank=self.bank,
            log_of=log_of,
            budget=question.budget,
            limits=JointLimits(
                margin=asked.margin, n_starts=asked.starts, n_requests=asked.burst, n_turns=asked.turns
            ),
            starts=starts,
            seed=question.seed,
            wanted=question.wanted,
            on_progress=lambda progress: self.view.update(status(progress)),
        ).run()


def _launcher(question: Question, asked: Joint) -> tuple[EngineLauncher, SearchSpace]:
    """Return what starts the engine, and the space of its settings with the user's changes."""

    def begin(options: Mapping[str, Scalar], journal: ProbeJournal | None) -> Engine:
        given = {**question.options, **options}
        return start(question.engine, question.model, given, extra=extra_ends(question.space), journal=journal)

    settings = as_texts(asked.settings)
    launcher: HFEngineLauncher | VLLMEngineLauncher
    if question.engine == "hf":
        launcher = HFEngineLauncher(begin, question.options)
    elif question.engine == "vllm":
        launcher = vllm_engine_launcher(begin, question.model, question.options)
    else:
        raise InvalidInputError(
            f"`joint` must start the engine itself: it takes `engine` hf or vllm, not '{question.engine}'"
        )
    return launcher, launcher.searched(settings)
