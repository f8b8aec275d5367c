"""``infertune.evaluate``: one configuration on a task, such as the answer of a study once more."""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console

from infertune.api.subject import Given, Subject, subject
from infertune.api.task_space import Values, as_texts
from infertune.bank import SampleBank
from infertune.engines.options import EngineOptions, given
from infertune.engines.probing.probe import ProbeStep
from infertune.engines.start import checked, looked, looks, start, starting
from infertune.errors import EngineError, InvalidInputError
from infertune.evaluation.account import Account
from infertune.evaluation.evaluator import Evaluator
from infertune.evaluation.parts import Part, evaluated, orders
from infertune.evaluation.scoring import CachedScorer
from infertune.report import evaluation
from infertune.report.evaluation import Evaluation
from infertune.report.live import Status, View
from infertune.report.status import probe_status
from infertune.report.table import short
from infertune.space.extra_settings import extra_ends
from infertune.space.names import N
from infertune.space.restriction import check_supported
from infertune.statistics.intervals import mean_interval
from infertune.study.look import Look
from infertune.study.trial_log import TrialLog
from infertune.types import Scalar

_ACCOUNT = "evaluate"  # in whose name the database books
_MIN_P_BEFORE_TOP_P = {"hf": False, "vllm": True}


def evaluate(
    config: str | Path | None = None,
    *,
    task: str | None = None,
    model: str | None = None,
    engine: str | EngineOptions | None = None,
    engine_options: Mapping[str, Scalar] | None = None,
    settings: Mapping[str, Values] | None = None,
    split: Literal["tune", "confirm"] = "confirm",
    examples: int | None = None,
    samples: int | None = None,
    data: str | Path | None = None,
    seed: int | None = None,
    database: str | Path | None = None,
    progress: bool = True,
) -> Evaluation:
    """Measure one configuration; samples that the database already holds cost nothing.

        again = infertune.evaluate("capitals.yaml")
        greedy = infertune.evaluate("capitals.yaml", settings={"temperature": 0})
        print(again.utility, greedy.utility)

    Args:
        config: An answer file; what is left out below is as that says. Without it a task's default configuration.
        task: A shipped task's name or a task file.
        model: As of `infertune.optimize`, likewise ``engine`` and ``engine_options``.
        settings: Values by name that are other than the file's, such as ``{"temperature": 0}``.
        split: Which examples; those of ``confirm`` are what the file's figures are of.
        examples: So many of them at most, the first.
        samples: Of each example, from which its n are drawn in all ways; by default as many as the file's figures had.
        data: File or folder with the examples.
        seed: Of every generation.
        database: SQLite file or PostgreSQL URL of samples.
        progress: Whether progress is shown on standard error.

    Returns:
        Utility with its interval, cost, and a row for each example with its samples.

    Raises:
        InvalidInputError: Something is not there, or does not fit the task.
        EngineError: No example was answered.
    """
    options = given(engine) if isinstance(engine, EngineOptions) else {}
    asked = Given(
        config=None if config is None else Path(config),
        task=task,
        data=None if data is None else Path(data),
        settings=as_texts(settings or {}),
        split=split,
        model=model,
        engine=engine.engine if isinstance(engine, EngineOptions) else engine,
        options=options | dict(engine_options or {}),
        seed=seed,
        database=None if database is None else str(database),
    )
    view = View() if progress else View(Console(quiet=True))
    return measured(subject(asked), view, split=split, n_examples=examples, n_samples=samples)


def measured(wanted: Subject, view: View, *, split: str, n_examples: int | None, n_samples: int | None) -> Evaluation:
    """Buy what the database lacks, and return the figures."""
    task, configuration = wanted.task, wanted.configuration
    space = wanted.space.fixed(configuration)
    examples = getattr(task, split)[:n_examples]
    parts = parts_of(wanted, len(examples), n_samples)
    with view:
        view.say(
            f"{task.name} with {wanted.model}: {short(configuration, wanted.space)}; samples in {wanted.database}"
        )
        for note in wanted.notes:
            view.say(f"Note: {note}.")
        view.say(starting(wanted.engine, wanted.model, wanted.options))
        make = partial(start, wanted.engine, wanted.model, wanted.options, extra=extra_ends(space))
        checked(wanted.engine, wanted.options)

        def shown(step: ProbeStep) -> None:
            view.update(lambda: probe_status(step))

        with ExitStack() as opened:
            bank = opened.enter_context(closing(SampleBank(wanted.database)))
            look = Look(TrialLog(bank.url, _ACCOUNT)) if looks(wanted.engine) else None
            earlier = sum(look.cost) if look else 0
            running = opened.enter_context(closing(make(on_probe=shown, journal=look)))
            looked_tokens = sum(look.cost) - earlier if look else 0
            if said := looked(running):
                view.say(said)
            kinds = {name: template.kinds for name, template in task.prompts.items()}
            check_supported(configuration, wanted.space, running.unsupported, kinds=kinds)
            numbers = itertools.count(1)

            def landed() -> None:
                n = next(numbers)
                facts = f"{n} of {len(examples)} examples answered, {account.run_tokens:,} tokens spent"
                view.update(lambda: Status(phase=split, share=n / len(examples), facts=facts))

            account = Account(study=_ACCOUNT, engine=running, bank=bank, on_landing=landed)
            evaluator = Evaluator(
                scorer=CachedScorer(task), examples=examples, space=space, account=account, seed=wanted.seed
            )
            wished = orders(evaluator, configuration, parts)
            evaluator.buy(wished)
            found = evaluated(evaluator, configuration, parts)
            responses = [each for order in wished for each in evaluator.responses(order)]
            facts = dict(running.facts)
            if look and found is not None:
                look.forget()  # the next evaluation may meet another server
    errors = [response.error for response in responses if response.error]
    if found is None:
        raise EngineError(f"no example was answered, so there is no utility to report{_said(errors)}")
    engine_notes = (
        order_note(wanted.found_on, wanted.engine, facts, configuration),
        facts_note(wanted.facts, facts),
    )
    notes = [*wanted.notes, *filter(None, engine_notes)]
    if failed := len(examples) - len(found.example_ids):
        notes.append(f"{failed} examples failed and count neither right nor wrong{_said(errors)}")
    return Evaluation(
        task=task.name,
        task_digest=wanted.digest,
        model=wanted.model,
        facts=facts,
        seed=wanted.seed,
        split=split,
        configuration=configuration,
        utility=mean_interval(found.scores),
        cost_tokens=found.cost_tokens,
        rows=evaluation.rows(evaluator.scorer, found, examples, responses),
        spent_tokens=looked_tokens + account.run_tokens,
        notes=notes,
        source=wanted.source,
        evidence=wanted.evidence,
        is_own=wanted.is_own,
        incomparable=wanted.incomparable,
    )


def parts_of(wanted: Subject, n_examples: int, n_samples: int | None) -> list[Part]:
    """Return examples in a row with how many further samples each of them gets."""
    n = int(wanted.configuration[N])
    if n_samples is not None:
        if n_samples < n:
            raise InvalidInputError(f"`samples` must be at least n, which is {n} here, not {n_samples}")
        return [Part(n_examples, n_samples - n)]
    parts, left = [], n_examples
    for n_part, n_more in (*wanted.further_samples, (n_examples, 0)):
        parts.append(Part(min(n_part, left), n_more))
        left -= parts[-1].n_examples
    return [part for part in parts if part.n_examples]


def _said(errors: Sequence[str]) -> str:
    return f"; the first said: {errors[0]}" if errors else ""


def facts_note(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return what to say where an engine is not as it was; empty where it is, or where nothing is known of it."""
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)] if was else []
    differing = "; ".join(
        f"{name} was {was.get(name, 'not there')}, now {now.get(name, 'not there')}" for name in names
    )
    return f"the engine is not as it was, so these are other samples: {differing}" if differing else ""


def order_note(found_on: str, engine: str, facts: Mapping[str, str], configuration: Mapping[str, Scalar]) -> str:
    """Return what to say where another engine applies ``top_p`` and ``min_p`` in another order; empty otherwise.

    Args:
        found_on: The engine that a configuration was found on.
        engine: The one that runs it now, with its ``facts``.
        configuration: The order matters only where both settings take something away.
    """
    both = float(configuration.get("decoding.top_p", 1)) < 1 and float(configuration.get("decoding.min_p", 0)) > 0
    if not both or found_on == engine:
        return ""
    order = facts.get("warpers", "")
    here = order.find("min_p") < order.find("top_p") if "min_p" in order and "top_p" in order else None
    there = _MIN_P_BEFORE_TOP_P.get(found_on)
    if here is not None and here == there:
        return ""
    shown = f"{engine} applies {order.replace(',', ', ')}" if here is not None else f"that of {engine} is not known"
    return (
        f"the file's figures are of the engine {found_on}, which may apply top_p and min_p in another order: {shown}; "
        "so this is another distribution, and the samples of the two are kept apart"
    )
