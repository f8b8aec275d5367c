"""``infertune evaluate``: one configuration on a task, such as the answer of a study once more."""

import itertools
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infertune.cli import limits, shared_options
from infertune.cli.engine import Options, with_engine_options

if TYPE_CHECKING:
    from infertune.api.subject import Subject
    from infertune.engines.probing.probe import ProbeStep
    from infertune.evaluation.parts import Part
    from infertune.report.evaluation import Evaluation
    from infertune.types import Scalar

_ACCOUNT = "evaluate"  # in whose name the database books
_MIN_P_BEFORE_TOP_P = {"hf": False, "vllm": True}


@with_engine_options
def evaluate(
    config: Annotated[
        Path | None,
        typer.Option(
            help="Answer file written by optimize [default: the task's default configuration].", callback=limits.path
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Shipped task or task file [default: that of the answer file].", callback=limits.path),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"Model [default: that of the answer file, or {shared_options.DEFAULT_MODEL}].", callback=limits.path
        ),
    ] = None,
    split: Annotated[Literal["confirm", "tune"], typer.Option(help="Split to measure on.")] = "confirm",
    examples: Annotated[
        int | None, typer.Option(min=1, help="Number of examples, from the first [default: all].")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Samples per example, from which n are drawn in all ways [default: as many as in the confirmation of "
            "the answer file, or n].",
        ),
    ] = None,
    settings: shared_options.Set = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=limits.MOST_SEED, help="Random seed of generation [default: that of the answer file, or 0]."
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--db",
            help="SQLite file or PostgreSQL URL for samples [default: that of the study, or infertune.db here].",
            callback=limits.path,
        ),
    ] = None,
    data: shared_options.Data = None,
    engine: Annotated[
        str | None, typer.Option(help="hf, vllm, openai or replay [default: that of the answer file, or hf].")
    ] = None,
    as_json: shared_options.Json = False,
    *,
    options: Options,
) -> None:
    """Measure one configuration; samples that the database already holds cost nothing."""
    from rich.console import Console

    from infertune.api.subject import Given, subject
    from infertune.report import evaluation

    wanted = Given(
        config=config,
        task=task,
        data=data,
        settings=settings or [],
        split=split,
        model=model,
        engine=engine,
        options=options,
        seed=seed,
        database=database,
    )
    found = _measured(subject(wanted), split=split, n_examples=examples, n_samples=samples)
    if as_json:
        print(json.dumps(evaluation.as_json(found), indent=2))
    else:
        evaluation.show(found, Console())


def _measured(wanted: "Subject", *, split: str, n_examples: int | None, n_samples: int | None) -> "Evaluation":
    """Buy what the database lacks, and return the figures."""
    from infertune.bank import SampleBank
    from infertune.engines.start import checked, looked, looks, start, starting
    from infertune.errors import EngineError
    from infertune.evaluation.account import Account
    from infertune.evaluation.evaluator import Evaluator
    from infertune.evaluation.parts import evaluated, orders
    from infertune.evaluation.scoring import CachedScorer
    from infertune.report import evaluation
    from infertune.report.live import Status, View
    from infertune.report.status import probe_status
    from infertune.report.table import short
    from infertune.space.extra_settings import extra_ends
    from infertune.space.restriction import check_supported
    from infertune.statistics.intervals import mean_interval
    from infertune.study.look import Look
    from infertune.study.trial_log import TrialLog

    task, configuration = wanted.task, wanted.configuration
    space = wanted.space.fixed(configuration)
    examples = getattr(task, split)[:n_examples]
    parts = _parts(wanted, len(examples), n_samples)
    with View() as view:
        view.say(
            f"{task.name} with {wanted.model}: {short(configuration, wanted.space)}; samples in {wanted.database}"
        )
        for note in wanted.notes:
            view.say(f"Note: {note}.")
        view.say(starting(wanted.engine, wanted.model, wanted.options))
        make = partial(start, wanted.engine, wanted.model, wanted.options, extra=extra_ends(space))
        checked(wanted.engine, wanted.options)

        def shown(step: "ProbeStep") -> None:
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
    return evaluation.Evaluation(
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


def _parts(wanted: "Subject", n_examples: int, n_samples: int | None) -> "list[Part]":
    """Return examples in a row with how many further samples each of them gets."""
    from infertune.errors import InvalidInputError
    from infertune.evaluation.parts import Part

    n = int(wanted.configuration["strategy.n"])
    if n_samples is not None:
        if n_samples < n:
            raise InvalidInputError(f"--samples must be at least n, which is {n} here, not {n_samples}")
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


def order_note(found_on: str, engine: str, facts: Mapping[str, str], configuration: "Mapping[str, Scalar]") -> str:
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
