"""``infertune optimize``: the main job, from a task and a model to a recommendation."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from infertune.cli import answer_file, decoding, joint_options, limits, pricing, resume, shared_options, study_budget
from infertune.cli.engine import given, named_values
from infertune.cli.space import divided, searched

if TYPE_CHECKING:
    from infertune.budget import Budget
    from infertune.cli.live import Status
    from infertune.space import SearchSpace
    from infertune.study.progress import Progress

# Of the joint search; its help names them too.
_MARGIN, _STARTS, _BURST, _TURNS = 0.02, 12, 64, 6


def optimize(
    task: Annotated[
        str, typer.Option(help="Shipped task (listed by `infertune tasks`), or a task file.", callback=limits.path)
    ],
    model: shared_options.Model = shared_options.DEFAULT_MODEL,
    budget_tokens: Annotated[str | None, typer.Option(help="Maximum tokens to spend, such as 200k.")] = None,
    budget_seconds: Annotated[
        str | None, typer.Option(help="Maximum generation time, such as 90s, 10m or 1h.")
    ] = None,
    budget_money: Annotated[
        float | None, typer.Option(help="Maximum cost; needs prices.", callback=limits.finite)
    ] = None,
    prices: pricing.PriceFile = None,
    price_prompt: pricing.PricePrompt = None,
    price_completion: pricing.PriceCompletion = None,
    max_cost_tokens: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="Maximum average tokens per request of the recommended configuration [default: no limit].",
            callback=limits.finite,
        ),
    ] = None,
    prefer: Annotated[
        str,
        typer.Option(
            help="utility: the best. balanced: the cheapest shown to be as good as the best. cost: the cheapest shown "
            "to be as good as the default."
        ),
    ] = "utility",
    min_utility: Annotated[
        float | None, typer.Option(min=0, max=1, help="Minimum utility of the recommended configuration.")
    ] = None,
    min_answered: Annotated[
        float, typer.Option(min=0, max=1, help="Minimum share of examples that the model answers rather than refuses.")
    ] = 0.98,
    sampler: Annotated[
        str, typer.Option(help="Search method: infertune, ecooptigen, tpe, random, qmc or grid.")
    ] = "infertune",
    seed: Annotated[
        int, typer.Option(min=0, max=limits.MOST_SEED, help="Random seed of the search and of generation.")
    ] = 0,
    study: Annotated[
        str | None,
        typer.Option(
            help="Name of the study; an existing one is resumed [default: the task's name].", callback=limits.name
        ),
    ] = None,
    database: shared_options.Database = "infertune.db",
    data: shared_options.Data = None,
    settings: shared_options.Set = None,
    space_file: shared_options.SpaceFile = None,
    seeds_safe: shared_options.SeedsSafe = False,
    engine: shared_options.Engine = "hf",
    device: shared_options.Device = None,
    dtype: shared_options.Dtype = None,
    batch_size: shared_options.BatchSize = None,
    threads: shared_options.Threads = None,
    engine_args: shared_options.EngineArgs = None,
    vllm_python: shared_options.VLLMPython = None,
    base_url: shared_options.BaseUrl = None,
    api_key_env: shared_options.ApiKeyEnv = None,
    api_key_file: shared_options.ApiKeyFile = None,
    concurrency: shared_options.Concurrency = None,
    extra_body: shared_options.ExtraBody = None,
    joint: joint_options.Joint = False,
    margin: joint_options.Margin = None,
    starts: joint_options.Starts = None,
    burst: joint_options.Burst = None,
    turns: joint_options.Turns = None,
    price_hour: joint_options.PriceHour = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the recommended configuration [default: STUDY.yaml, after the study's name].",
            callback=limits.path,
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="File for a plot of the front: .png, .svg or .pdf.", callback=limits.path)
    ] = None,
    as_json: shared_options.Json = False,
) -> None:
    """Find the configuration that buys the most utility per token, and say how sure that is.

    Interrupted at any moment, the same command resumes and pays nothing twice; finished, it shows the answer again.
    """
    from rich.console import Console

    from infertune import tasks
    from infertune.report import answer, table
    from infertune.report import picture as drawing
    from infertune.selection.select import Preference, Wanted
    from infertune.study.search_names import search_named

    # All that can be wrong with the input is found before the model is loaded, the dear things last.
    _check_joint(joint, margin=margin, starts=starts, burst=burst, turns=turns, price_hour=price_hour)
    known = pricing.known_prices(prices, model, price_prompt, price_completion)
    budget = study_budget.read(budget_tokens, budget_seconds, budget_money, known)
    wanted = Wanted(
        prefer=cast(Preference, prefer),
        max_cost_tokens=max_cost_tokens,
        min_utility=min_utility,
        min_answered=min_answered,
    )
    search_named(sampler)
    if picture is not None:
        drawing.check_drawable(picture)
    loaded = tasks.load(task, data=data)
    mine, engines = divided(settings or [], joint=joint)
    space = searched(loaded, space_file, mine)
    name = study or loaded.name
    engine_options = given(
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        threads=threads,
        base_url=base_url,
        api_key_env=api_key_env,
        api_key_file=api_key_file,
        concurrency=concurrency,
        extra_body=extra_body,
        engine_args=named_values(engine_args),
        vllm_python=vllm_python,
        seeds_safe=seeds_safe or None,
    )
    written = answer_file.prepare(
        out,
        study=name,
        task=loaded,
        given_task=task,
        data=data,
        model=model,
        engine=engine,
        options=engine_options,
        seed=seed,
        database=database,
    )
    if joint:
        from infertune.cli.joint import Wish, run

        wish = Wish(
            name=name,
            task=loaded,
            space=space,
            settings=engines,
            model=model,
            engine=engine,
            options=engine_options,
            sampler=sampler,
            budget=budget,
            wanted=wanted,
            seed=seed,
            database=database,
            margin=_MARGIN if margin is None else margin,
            n_starts=starts or _STARTS,
            n_requests=burst or _BURST,
            n_turns=turns or _TURNS,
            price_hour=price_hour,
        )
        run(wish, written=written, picture=picture, as_json=as_json, shown=_shown)
        return
    outcome = decoding.run(
        decoding.Wish(
            name=name,
            task=loaded,
            space=space,
            model=model,
            engine=engine,
            options=engine_options,
            sampler=sampler,
            budget=budget,
            wanted=wanted,
            seed=seed,
            database=database,
        ),
        shown=_shown,
    )
    found = outcome.finished.recommendation
    times = found.budget_to_decide
    result = answer.Answer(
        study=name,
        sampler=sampler,
        space=outcome.space,
        facts=outcome.finished.facts,
        engine_metrics=outcome.finished.metrics,
        recommendation=found,
        prices=budget.prices,
        resume="" if times is None else resume.command(sys.argv[1:], resume.larger(budget, times)),
        recipe=written.recipe(
            found.recommended,
            found.default,
            evidence=answer.evidence(found.verdict),
            facts=outcome.finished.facts,
            confirmed=outcome.confirmed,
        ),
    )

    def show() -> None:
        if as_json:
            print(json.dumps(answer.as_json(result), indent=2))
        else:
            table.show(result, Console())

    answer_file.hand_over(result, written.path, picture=picture, as_json=as_json, show=show)


def _check_joint(joint: bool, **given: float | None) -> None:
    """Raise InvalidInputError where an option of the joint search is given without it."""
    from infertune.errors import InvalidInputError

    flags = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if flags and not joint:
        verb = "needs" if len(flags) == 1 else "need"
        raise InvalidInputError(f"{' and '.join(flags)} {verb} --joint, the search of engine settings")


def _shown(
    update: "Callable[[Callable[[], Status]], None]", budget: "Budget", space: "SearchSpace"
) -> "Callable[[Progress], None]":
    """Return what turns the study's progress into a status; the time left is judged by this run's own pace."""
    from infertune.cli.live import Status
    from infertune.report.plot import text_plot
    from infertune.report.table import duration, short

    began: list[tuple[float, float]] = []

    def status(progress: "Progress") -> "Status":
        share, started = began[0]
        pace = (progress.share_used - share) / max(time.monotonic() - started, 1e-9)
        left = (1 - progress.share_used) / pace if pace > 0 else 0.0
        limit = f" of {budget.tokens:,}" if budget.tokens is not None else ""
        facts = [f"{progress.spent.tokens:,}{limit} tokens", f"{progress.n_trials} trials"]
        if progress.run_tokens:
            facts.append(f"{progress.run_tokens / progress.run_seconds:,.0f} tokens/s")
        if left > 0:
            facts.append(f"{duration(left)} left at most")
        best = progress.best
        return Status(
            phase=progress.phase,
            share=progress.share_used,
            facts=", ".join(facts),
            best=""
            if best is None
            else f"best so far {best.utility:.3f} by the search's own examples, at {best.cost_tokens:.0f} tokens per "
            "request: "
            f"{short(best.configuration, space)}",
            picture=lambda width: text_plot({"front": progress.front}, width=width, height=8),
        )

    def show(progress: "Progress") -> None:
        if not began:
            began.append((progress.share_used, time.monotonic()))
        update(lambda: status(progress))

    return show
