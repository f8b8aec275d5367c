"""``infertune optimize``: the main job, from a task and a model to a recommendation."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from infertune.cli import joint_options, limits, pricing, resume, shared_options, study_budget
from infertune.cli.engine import Options, with_engine_options
from infertune.cli.space import divided

if TYPE_CHECKING:
    from infertune.api.result import Result


@with_engine_options
def optimize(
    task: Annotated[
        str,
        typer.Option(
            help="Shipped task (listed by `infertune tasks`), or a task file.",
            callback=limits.path,
            rich_help_panel="Task",
        ),
    ],
    model: shared_options.Model = shared_options.DEFAULT_MODEL,
    engine: shared_options.Engine = "hf",
    data: shared_options.Data = None,
    budget_tokens: Annotated[
        str | None, typer.Option(help="Maximum tokens to spend, such as 200k.", rich_help_panel="Budget")
    ] = None,
    budget_seconds: Annotated[
        str | None,
        typer.Option(help="Maximum generation time, such as 90s, 10m or 1h.", rich_help_panel="Budget"),
    ] = None,
    budget_money: Annotated[
        float | None,
        typer.Option(help="Maximum cost; needs prices.", callback=limits.finite, rich_help_panel="Budget"),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="End the search early, once nothing is believed to be more than this much better, such as 0.05.",
            callback=limits.finite,
            rich_help_panel="Budget",
        ),
    ] = None,
    prices: pricing.PriceFile = None,
    price_prompt: pricing.PricePrompt = None,
    price_completion: pricing.PriceCompletion = None,
    settings: shared_options.Set = None,
    space_file: shared_options.SpaceFile = None,
    prefer: Annotated[
        str,
        typer.Option(
            help="utility: the best. balanced: the cheapest shown to be as good as the best. cost: the cheapest shown "
            "to be as good as the default.",
            rich_help_panel="Search",
        ),
    ] = "utility",
    max_cost_tokens: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="Maximum average tokens per request of the recommended configuration [default: no limit].",
            callback=limits.finite,
            rich_help_panel="Search",
        ),
    ] = None,
    min_utility: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Minimum utility of the recommended configuration.", rich_help_panel="Search"),
    ] = None,
    min_answered: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Minimum share of examples that the model answers rather than refuses.",
            rich_help_panel="Search",
        ),
    ] = 0.98,
    search: Annotated[
        str,
        typer.Option(
            "--search",
            "--sampler",
            help="Search method: knowledge-gradient, ecooptigen, tpe, random, qmc or grid.",
            rich_help_panel="Search",
        ),
    ] = "knowledge-gradient",
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=limits.MOST_SEED,
            help="Random seed of the search and of generation.",
            rich_help_panel="Search",
        ),
    ] = 0,
    study: Annotated[
        str | None,
        typer.Option(
            help="Name of the study; an existing one is resumed [default: the task's name].",
            callback=limits.name,
            rich_help_panel="Output",
        ),
    ] = None,
    database: shared_options.Database = "infertune.db",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the recommended configuration [default: STUDY.yaml, after the study's name].",
            callback=limits.path,
            rich_help_panel="Output",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            help="File for a plot of the front: .png, .svg or .pdf.", callback=limits.path, rich_help_panel="Output"
        ),
    ] = None,
    as_json: shared_options.Json = False,
    joint: joint_options.Joint = False,
    margin: joint_options.Margin = None,
    starts: joint_options.Starts = None,
    burst: joint_options.Burst = None,
    turns: joint_options.Turns = None,
    price_hour: joint_options.PriceHour = None,
    *,
    options: Options,
) -> None:
    """Find the configuration that buys the most utility per token, and say how sure that is.

    Interrupted at any moment, the same command resumes and pays nothing twice; finished, it shows the answer again.
    """
    from infertune import tasks
    from infertune.api.optimization import answered, asked
    from infertune.cli.answer import hand_over
    from infertune.report import picture as drawing
    from infertune.report.live import View
    from infertune.selection.select import Preference

    # All that can be wrong with the input is found before the model is loaded, the dear things last.
    _check_joint(joint, margin=margin, starts=starts, burst=burst, turns=turns, price_hour=price_hour)
    budget = study_budget.read(
        budget_tokens,
        budget_seconds,
        budget_money,
        pricing.known_prices(prices, model, price_prompt, price_completion),
        tolerance,
    )
    if picture is not None:
        drawing.check_drawable(picture)
    loaded = tasks.load(task, data=data)
    mine, engines = divided(settings or [], joint=joint)
    question, file = asked(
        loaded,
        model,
        asked_task=task,
        data=data,
        engine=engine,
        options=options,
        budget=budget,
        settings=mine,
        space=space_file,
        search=search,
        prefer=cast(Preference, prefer),
        max_cost_tokens=max_cost_tokens,
        min_utility=min_utility,
        min_answered=min_answered,
        seed=seed,
        study=study,
        database=database,
        out=out,
    )
    if joint:
        from infertune.api.joint import Joint, searched
        from infertune.cli import joint as outcome

        given = {"margin": margin, "starts": starts, "burst": burst, "turns": turns, "price_hour": price_hour}
        how = Joint(
            settings=[each.strip() for each in engines],
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        )
        found = searched(question, how, file, View())
        outcome.hand_over(found, budget, picture=picture, as_json=as_json)
        return
    result = answered(question, file, View())
    times = result.recommendation.budget_to_decide
    if times is not None:
        command = resume.command(sys.argv[1:], resume.larger(budget, times))
        result = replace(result, answer=replace(result.answer, resume=command))
    hand_over(result, picture=picture, as_json=as_json, show=lambda: _show(result, as_json))


def _show(result: "Result", as_json: bool) -> None:
    from rich.console import Console

    from infertune.report import table

    if as_json:
        print(json.dumps(result.as_json(), indent=2))
    else:
        table.show(result.answer, Console())


def _check_joint(joint: bool, **given: Any) -> None:
    """Raise InvalidInputError where an option of the joint search is given without it."""
    from infertune.errors import InvalidInputError

    flags = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if flags and not joint:
        verb = "needs" if len(flags) == 1 else "need"
        raise InvalidInputError(f"{' and '.join(flags)} {verb} --joint, the search of engine settings")
