"""``infertune optimize --joint``: from what the command was told to the joint search, and its answer."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from infertune.cli import resume
from infertune.engines.start import checked, start, starting
from infertune.recipes.answer_file import AnswerFile

if TYPE_CHECKING:
    from infertune.api.decoding import Question
    from infertune.bank import SampleBank
    from infertune.bank.lease import Lease
    from infertune.engines.probing.recall import ProbeJournal
    from infertune.joint.recommendation import JointRecommendation
    from infertune.joint.running import Slot
    from infertune.joint.search import JointLimits
    from infertune.joint.tunable import Tunable
    from infertune.report.live import View
    from infertune.space import SearchSpace
    from infertune.types import Engine, Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for; the names are those of the options of `infertune optimize`."""

    question: "Question"
    settings: Sequence[str]
    margin: float
    n_starts: int
    n_requests: int
    n_turns: int
    price_hour: float | None


def run(
    wish: Wish,
    *,
    file: AnswerFile,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Search, write the file that runs again, and say what was found.

    Args:
        wish: Checked as far as it can be without an engine.
        file: The answer file.
        picture: A file to draw the front into; None for none.
        as_json: Whether the answer is for scripts.

    Raises:
        InvalidInputError: The engine has no settings to search, or not those.
    """
    question = wish.question
    from rich.console import Console

    from infertune.api.result import Result
    from infertune.bank import SampleBank
    from infertune.bank.lease import Lease
    from infertune.cli.answer import hand_over
    from infertune.joint.context import journals
    from infertune.joint.running import Slot
    from infertune.joint.search import JointLimits
    from infertune.report import answer
    from infertune.report import joint as report
    from infertune.report.live import View
    from infertune.study.confirmation import held
    from infertune.study.trial_log import TrialLog

    limits = JointLimits(margin=wish.margin, n_starts=wish.n_starts, n_requests=wish.n_requests, n_turns=wish.n_turns)
    tunable = _tunable(wish)
    engines = _engines(wish, tunable)
    checked(question.engine, question.options)
    with View() as view, ExitStack() as opened:
        bank = opened.enter_context(closing(SampleBank(question.database)))
        lease = opened.enter_context(Lease(bank.url, "optimize", question.name))
        view.say(
            f"{question.task.name} with {question.model}, engine settings too; "
            f"study '{question.name}' in {question.database}"
        )
        journal = journals(
            question.name, engines.default_configuration(), lambda name: TrialLog(bank.url, name, lease)
        )
        slot = opened.enter_context(closing(Slot(tunable, lease=lease, journal=journal, say=view.say)))
        space, notes, facts = _began(wish, engines, slot, bank, lease, view.say)
        found = _search(wish, engines, space, slot, facts, bank, lease, limits, view)
        # What a guard confirmed is in the log of another study.
        confirmed = held(TrialLog(bank.url, question.name)) if found.guarded is None else ()
    found = replace(found, notes=(*notes, *found.notes))
    more = found.study.budget_to_decide
    result = answer.Answer(
        study=question.name,
        sampler=question.search,
        space=space,
        facts=facts,
        recommendation=found.study,
        prices=question.budget.prices,
        recipe=file.recipe(
            found.decoding,
            found.study.default,
            evidence=answer.evidence(found.verdict),
            facts=next((each.facts for each in found.starts if each.engine == found.engine and each.facts), facts),
            confirmed=confirmed,
            options=tunable.options(found.engine),
        ),
        resume="" if more is None else resume.command(sys.argv[1:], resume.larger(question.budget, more)),
    )
    joint = report.JointAnswer(
        found=found, study=result, margin=wish.margin, price_hour=wish.price_hour, resume=_resume(wish, found)
    )

    def show() -> None:
        if as_json:
            print(json.dumps(report.as_json(joint), indent=2))
        else:
            report.show(joint, Console())

    hand_over(Result(answer=result, file=file), picture=picture, as_json=as_json, show=show)


def _resume(wish: Wish, found: "JointRecommendation") -> str:
    """Return the command that would about decide on the engine; empty where it is decided, or none would."""
    question = wish.question
    if found.turns_to_decide is not None:
        return resume.command(sys.argv[1:], {"--turns": str(found.turns_to_decide)})
    if found.budget_to_decide is not None:
        return resume.command(sys.argv[1:], resume.larger(question.budget, found.budget_to_decide))
    return ""


def _began(
    wish: Wish,
    engines: "SearchSpace",
    slot: "Slot",
    bank: "SampleBank",
    lease: "Lease",
    say: Callable[[str], None],
) -> "tuple[SearchSpace, tuple[str, ...], Mapping[str, str]]":
    """Return the space of decoding without what the default engine does not honour, notes on that, and its facts.

    The engine is started only where an earlier run did not.
    """
    question = wish.question
    from infertune.engines.start import looked
    from infertune.joint.context import joint_name
    from infertune.joint.default_engine import DefaultEngine, keep, kept
    from infertune.report import space as space_report
    from infertune.space.restriction import narrowed
    from infertune.study.trial_log import TrialLog

    default = engines.default_configuration()
    log = TrialLog(bank.url, joint_name(question.name), lease)
    asked = {
        "model": question.model,
        "engine": question.engine,
        "options": dict(question.options),
        "settings": dict(default),
        "space": space_report.as_json(question.space),
    }
    known = kept(log, asked)
    found = known
    if found is None:
        say(starting(question.engine, question.model, question.options))
        running = slot.running(default)
        if said := looked(running):
            say(said)
        found = DefaultEngine(facts=dict(running.facts), unsupported=tuple(running.unsupported))
    kinds = {name: template.kinds for name, template in question.task.prompts.items()}
    narrow = narrowed(question.space, found.unsupported, kinds=kinds)
    for note in narrow.notes:
        say(f"Note: {note}.")
    log.claim(
        question.claim()
        | {
            "space": space_report.as_json(narrow.space),
            "engine": dict(found.facts),
            "burst": wish.n_requests,
            "engines": space_report.as_json(engines),
        }
    )
    if known is None:
        keep(log, asked, found)
    return narrow.space, narrow.notes, found.facts


def _search(
    wish: Wish,
    engines: "SearchSpace",
    space: "SearchSpace",
    slot: "Slot",
    facts: Mapping[str, str],
    bank: "SampleBank",
    lease: "Lease",
    limits: "JointLimits",
    view: "View",
) -> "JointRecommendation":
    question = wish.question
    from infertune.joint.context import joint_name
    from infertune.joint.engine_trials import Starts
    from infertune.joint.search import Joint
    from infertune.report import space as space_report
    from infertune.report.status import study_status
    from infertune.study.search_names import search_named
    from infertune.study.trial_log import TrialLog

    status = study_status(question.budget, space)

    def log_of(name: str) -> TrialLog:
        log = TrialLog(bank.url, name, lease)
        if name != joint_name(question.name):
            claim = question.claim() | {"space": space_report.as_json(space)}
            log.claim(claim | {"share of": question.name})
        return log

    starts = Starts(
        name=question.name,
        task=question.task,
        slot=slot,
        bank=bank,
        log=log_of(joint_name(question.name)),
        n_requests=wish.n_requests,
        seed=question.seed,
        say=view.say,
    )
    return Joint(
        name=question.name,
        task=question.task,
        space=space,
        engines=engines,
        slot=slot,
        facts=facts,
        search=lambda: search_named(question.search),
        bank=bank,
        log_of=log_of,
        budget=question.budget,
        limits=limits,
        starts=starts,
        seed=question.seed,
        wanted=question.wanted,
        on_progress=lambda progress: view.update(status(progress)),
    ).run()


def _tunable(wish: Wish) -> "Tunable":
    question = wish.question
    from infertune.errors import InvalidInputError
    from infertune.joint.tunable import HFTunable, VLLMTunable
    from infertune.space.extra_settings import extra_ends

    def begin(options: Mapping[str, "Scalar"], journal: "ProbeJournal | None") -> "Engine":
        given = {**question.options, **options}
        return start(question.engine, question.model, given, extra=extra_ends(question.space), journal=journal)

    if question.engine == "hf":
        return HFTunable(begin, question.options)
    if question.engine == "vllm":
        return VLLMTunable(begin, question.model, question.options)
    raise InvalidInputError(
        f"--joint must start the engine itself: it takes --engine hf or vllm, not '{question.engine}'"
    )


def _engines(wish: Wish, tunable: "Tunable") -> "SearchSpace":
    """Return the space of the engine's settings, with the changes of ``--set``."""
    from infertune.joint.tunable import VLLMTunable
    from infertune.space import SearchSpace
    from infertune.space.notation import changed

    space = SearchSpace(tuple(tunable.parameters), tuple(tunable.constraints))
    settings = [each.strip() for each in wish.settings]
    if isinstance(tunable, VLLMTunable):
        space = tunable.with_flags(space, settings)
    return changed(space, settings)
