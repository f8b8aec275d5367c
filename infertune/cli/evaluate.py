"""``infertune evaluate``: one configuration on a task, such as the answer of a study once more."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from infertune.cli import limits, shared_options
from infertune.cli.engine import Options, with_engine_options


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

    from infertune.api.evaluation import measured
    from infertune.api.subject import Given, subject
    from infertune.report import evaluation
    from infertune.report.live import View

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
    found = measured(subject(wanted), View(), split=split, n_examples=examples, n_samples=samples)
    if as_json:
        print(json.dumps(evaluation.as_json(found), indent=2))
    else:
        evaluation.show(found, Console())
