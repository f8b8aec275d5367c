"""One study of decoding, from what was asked to its answer: run to its end, or read from its log where it is there."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from infertune import __version__, tasks
from infertune.bank import SampleBank
from infertune.bank.lease import Lease
from infertune.budget import Budget
from infertune.engines.leased import LeasedEngine
from infertune.engines.start import checked, counted, looked, start, starting
from infertune.evaluation.parts import Part
from infertune.recipes import recipe_task
from infertune.recipes.answer_file import AnswerFile
from infertune.report import space as space_report
from infertune.report.live import View
from infertune.report.status import probe_status, study_status
from infertune.selection.select import Wanted
from infertune.space import SearchSpace
from infertune.space.extra_settings import extra_ends
from infertune.space.restriction import narrowed
from infertune.study import Study, confirmation, finished, opening, task_store
from infertune.study.finished import Finished
from infertune.study.look import Look
from infertune.study.opening import Opening
from infertune.study.progress import Progress
from infertune.study.search_names import search_named
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.types import Engine, Scalar, Unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a study.

    Attributes:
        name: Of the study.
        engine: As registered; ``options`` are its own, as given.
        search: Name of an allocator or a sampler.
        started: An engine that runs already, in place of one that is started by its name; its owner closes it.
    """

    name: str
    task: Task
    space: SearchSpace
    model: str
    engine: str
    options: Mapping[str, Scalar]
    search: str
    budget: Budget
    wanted: Wanted
    seed: int
    database: str
    started: Engine | None = None

    def narrow(self, unsupported: tuple[Unsupported, ...]) -> tuple[SearchSpace, tuple[str, ...]]:
        """Return the space without what an engine does not honour, and why what is left out is."""
        kinds = {name: template.kinds for name, template in self.task.prompts.items()}
        narrow = narrowed(self.space, unsupported, kinds=kinds)
        return narrow.space, tuple(narrow.notes)

    def identity(self) -> dict[str, Any]:
        """Return all that the answer depends on and that is known before an engine starts."""
        return {
            "infertune": __version__,
            "task_digest": self.task.digest,
            "model": self.model,
            "engine": self.engine,
            "options": dict(self.options),
            "space": space_report.as_json(self.space),
            "sampler": self.search,
            "seed": self.seed,
            "wanted": asdict(self.wanted),
            "budget": self.budget.limits,
        }

    def claim(self) -> dict[str, Any]:
        """Return what a study is bound to, whatever its budget and engine."""
        return {
            "task": self.task.name,
            "task_digest": self.task.digest,
            "sampler": self.search,
            "seed": self.seed,
            **asdict(self.wanted),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished study, the space that its engine left, and what its confirmation holds."""

    finished: Finished
    space: SearchSpace
    confirmed: tuple[Part, ...]


def run(
    question: Question,
    file: AnswerFile,
    view: View,
    *,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Go from wherever the study stands to its end; where it is there, no engine is started.

    Args:
        question: What is asked.
        file: Says how the task was named.
        view: Is shown what goes on, while it is entered.
        on_progress: Told as well.
    """
    if question.started is None:
        checked(question.engine, question.options)
    asked = question.identity()
    bank = SampleBank(question.database)
    try:
        log = TrialLog(bank.url, question.name)
        found = finished.kept(log, asked)
        with view:
            view.say(f"{question.task.name} with {question.model}; study '{question.name}' in {question.database}")
            if found is None:
                with Lease(bank.url, "optimize", question.name) as lease:
                    log = TrialLog(bank.url, question.name, lease)
                    found = _searched(question, file, bank, log, lease, view, on_progress)
                    finished.keep(log, asked, found)
            else:
                view.say("The study is finished: this is its answer. A larger budget resumes it.")
        space, _ = question.narrow(found.unsupported)
        return Outcome(finished=found, space=space, confirmed=confirmation.held(log))
    finally:
        bank.close()


def _searched(
    question: Question,
    file: AnswerFile,
    bank: SampleBank,
    log: TrialLog,
    lease: Lease,
    view: View,
    on_progress: Callable[[Progress], None],
) -> Finished:
    for warning in tasks.warnings(question.task):
        view.say(f"Warning: {warning}.")
    log.check(question.claim())
    running = question.started or _started(question, log, view)
    try:
        space, notes = question.narrow(tuple(running.unsupported))
        if said := looked(running):
            view.say(said)
        for note in notes:
            view.say(f"Note: {note}.")
        log.claim(question.claim() | {"engine": dict(running.facts), "space": space_report.as_json(space)})
        opening.keep(log, opened(question, file, space, running.facts, bill=running))
        status = study_status(question.budget, space)

        def shown(progress: Progress) -> None:
            view.update(status(progress))
            on_progress(progress)

        found = Study(
            name=question.name,
            task=question.task,
            space=space,
            engine=LeasedEngine(running, lease),
            search=search_named(question.search),
            bank=bank,
            log=log,
            budget=question.budget,
            seed=question.seed,
            wanted=question.wanted,
            on_progress=shown,
        ).run()
        return Finished(
            recommendation=replace(found, notes=(*notes, *found.notes)),
            facts=dict(running.facts),
            unsupported=tuple(running.unsupported),
            metrics=counted(running),
        )
    finally:
        if question.started is None:
            running.close()


def opened(
    question: Question, file: AnswerFile, space: SearchSpace, facts: Mapping[str, str], *, bill: object
) -> Opening:
    """Return what a study is begun with; its task is kept with it.

    Args:
        question: What is asked.
        file: Says how the task was named.
        space: Without what the engine does not honour.
        facts: Of the engine.
        bill: The engine, which says for how many samples it bills a prompt.
    """
    task_file, folder = recipe_task.task_file(file.asked_task), Path(question.model).expanduser()
    return Opening(
        task=task_store.keep(question.database, question.task),
        asked_task=file.asked_task if task_file is None else str(task_file.absolute()),
        data=None if file.data is None else str(file.data.absolute()),
        model=str(folder.absolute()) if file.has_folder else question.model,
        engine=question.engine,
        options=dict(question.options),
        facts=dict(facts),
        samples_per_prompt=getattr(bill, "samples_per_prompt", None),
        search=question.search,
        seed=question.seed,
        prices=question.budget.prices,
        parameters=space.parameters,
        constraints=space.constraints,
    )


def _started(question: Question, log: TrialLog, view: View) -> Engine:
    view.say(starting(question.engine, question.model, question.options))
    return start(
        question.engine,
        question.model,
        question.options,
        extra=extra_ends(question.space),
        on_probe=lambda step: view.update(lambda: probe_status(step)),
        journal=Look(log),
    )
