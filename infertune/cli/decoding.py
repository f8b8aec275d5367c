"""A study of decoding from the command line: run to its end, or read from the log where it is finished."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from infertune.cli.engine import checked, counted, looked, probing, start, starting

if TYPE_CHECKING:
    from infertune.bank import SampleBank
    from infertune.bank.lease import Lease
    from infertune.budget import Budget
    from infertune.cli.live import Status, View
    from infertune.evaluation.parts import Part
    from infertune.selection.select import Wanted
    from infertune.space import SearchSpace
    from infertune.study.finished import Finished
    from infertune.study.progress import Progress
    from infertune.study.trial_log import TrialLog
    from infertune.tasks import Task
    from infertune.types import Scalar, Unsupported

Shown = Callable[["Callable[[Callable[[], Status]], None]", "Budget", "SearchSpace"], "Callable[[Progress], None]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for.

    Attributes:
        name: Of the study.
        options: Of the engine, as given.
    """

    name: str
    task: "Task"
    space: "SearchSpace"
    model: str
    engine: str
    options: "Mapping[str, Scalar]"
    sampler: str
    budget: "Budget"
    wanted: "Wanted"
    seed: int
    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished study, the space that its engine left, and what its confirmation holds."""

    finished: "Finished"
    space: "SearchSpace"
    confirmed: "tuple[Part, ...]"


def run(wish: Wish, *, shown: Shown) -> Outcome:
    """Go from wherever the study stands to its end; where it is there, no engine is started."""
    from infertune.bank import SampleBank
    from infertune.bank.lease import Lease
    from infertune.cli.live import View
    from infertune.study import confirmation, finished
    from infertune.study.trial_log import TrialLog

    checked(wish.engine, wish.options)
    asked = _asked(wish)
    bank = SampleBank(wish.database)
    try:
        log = TrialLog(bank.url, wish.name)
        found = finished.kept(log, asked)
        with View() as view:
            view.say(f"{wish.task.name} with {wish.model}; study '{wish.name}' in {wish.database}")
            if found is None:
                with Lease(bank.url, "optimize", wish.name) as lease:
                    log = TrialLog(bank.url, wish.name, lease)
                    found = _searched(wish, bank, log, lease, view, shown)
                    finished.keep(log, asked, found)
            else:
                view.say("The study is finished: this is its answer. A larger budget resumes it.")
        return Outcome(finished=found, space=_narrow(wish, found.unsupported)[0], confirmed=confirmation.held(log))
    finally:
        bank.close()


def _searched(
    wish: Wish, bank: "SampleBank", log: "TrialLog", lease: "Lease", view: "View", shown: Shown
) -> "Finished":
    from infertune import tasks
    from infertune.engines.leased import LeasedEngine
    from infertune.report import space as space_report
    from infertune.space.extra_settings import extra_ends
    from infertune.study import Study
    from infertune.study.finished import Finished
    from infertune.study.look import Look
    from infertune.study.search_names import search_named

    for warning in tasks.warnings(wish.task):
        view.say(f"Warning: {warning}.")
    asked = {
        "task": wish.task.name,
        "task_digest": wish.task.digest,
        "sampler": wish.sampler,
        "seed": wish.seed,
        **asdict(wish.wanted),
    }
    log.check(asked)
    view.say(starting(wish.engine, wish.model, wish.options))
    running = start(
        wish.engine,
        wish.model,
        wish.options,
        extra=extra_ends(wish.space),
        on_probe=probing(view),
        journal=Look(log),
    )
    try:
        space, notes = _narrow(wish, tuple(running.unsupported))
        if said := looked(running):
            view.say(said)
        for note in notes:
            view.say(f"Note: {note}.")
        log.claim(asked | {"engine": dict(running.facts), "space": space_report.as_json(space)})
        found = Study(
            name=wish.name,
            task=wish.task,
            space=space,
            engine=LeasedEngine(running, lease),
            search=search_named(wish.sampler),
            bank=bank,
            log=log,
            budget=wish.budget,
            seed=wish.seed,
            wanted=wish.wanted,
            on_progress=shown(view.update, wish.budget, space),
        ).run()
        return Finished(
            recommendation=replace(found, notes=(*notes, *found.notes)),
            facts=dict(running.facts),
            unsupported=tuple(running.unsupported),
            metrics=counted(running),
        )
    finally:
        running.close()


def _narrow(wish: Wish, unsupported: "tuple[Unsupported, ...]") -> "tuple[SearchSpace, tuple[str, ...]]":
    """Return the space without what an engine does not honour, and why what is left out is."""
    from infertune.space.restriction import narrowed

    kinds = {name: template.kinds for name, template in wish.task.prompts.items()}
    narrow = narrowed(wish.space, unsupported, kinds=kinds)
    return narrow.space, tuple(narrow.notes)


def _asked(wish: Wish) -> dict[str, Any]:
    """Return all that the answer depends on and that is known before an engine starts."""
    from infertune import __version__
    from infertune.report import space as space_report

    return {
        "infertune": __version__,
        "task_digest": wish.task.digest,
        "model": wish.model,
        "engine": wish.engine,
        "options": dict(wish.options),
        "space": space_report.as_json(wish.space),
        "sampler": wish.sampler,
        "seed": wish.seed,
        "wanted": asdict(wish.wanted),
        "budget": [wish.budget.tokens, wish.budget.seconds, wish.budget.money],
    }
