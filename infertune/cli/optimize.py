"""``infertune optimize``: the main job, from a task and a model to a recommendation."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer

from infertune.cli import options, pricing
from infertune.cli.engine import counted, given, looked, named_values, probing, start, starting
from infertune.cli.space import divided, searched

if TYPE_CHECKING:
    from infertune.budget import Budget
    from infertune.cli.live import Status
    from infertune.prices import Prices
    from infertune.progress import Progress
    from infertune.space import SearchSpace

Value = TypeVar("Value")


def optimize(
    task: Annotated[str, typer.Option(help="Shipped task (see `infertune tasks`), or a task file.")],
    model: options.Model = options.DEFAULT_MODEL,
    budget_tokens: Annotated[str | None, typer.Option(help="Most tokens to spend, such as 200k.")] = None,
    budget_seconds: Annotated[str | None, typer.Option(help="Most time to generate, such as 90s, 10m, 1h.")] = None,
    budget_money: Annotated[float | None, typer.Option(help="Most money to spend; needs prices.")] = None,
    prices: pricing.PriceFile = None,
    price_prompt: pricing.PricePrompt = None,
    price_completion: pricing.PriceCompletion = None,
    max_cost_tokens: Annotated[
        float | None, typer.Option(min=1, help="Maximum average tokens per request of the recommended configuration.")
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
        str, typer.Option(help="How the search decides: infertune, ecooptigen, tpe, random, qmc or grid.")
    ] = "infertune",
    seed: Annotated[int, typer.Option(min=0, help="Of every proposal and every sample.")] = 0,
    study: Annotated[str | None, typer.Option(help="Its name; by default the task's. The same name goes on.")] = None,
    database: options.Database = "infertune.db",
    data: options.Data = None,
    settings: options.Set = None,
    space_file: options.SpaceFile = None,
    seeds_safe: options.SeedsSafe = False,
    engine: options.Engine = "hf",
    device: options.Device = None,
    dtype: options.Dtype = None,
    batch_size: options.BatchSize = None,
    threads: options.Threads = None,
    engine_args: options.EngineArgs = None,
    vllm_python: options.VLLMPython = None,
    base_url: options.BaseUrl = None,
    api_key_env: options.ApiKeyEnv = None,
    api_key_file: options.ApiKeyFile = None,
    concurrency: options.Concurrency = None,
    extra_body: options.ExtraBody = None,
    joint: Annotated[
        bool, typer.Option("--joint", help="Search the engine's own settings too: see docs/joint.md.")
    ] = False,
    margin: Annotated[
        float, typer.Option(help="Of --joint: most utility that faster engine settings may lose.")
    ] = 0.02,
    starts: Annotated[int, typer.Option(min=1, help="Of --joint: most engines that the search starts.")] = 12,
    burst: Annotated[int, typer.Option(min=1, help="Of --joint: requests of one measurement of speed.")] = 64,
    turns: Annotated[
        int, typer.Option(min=1, help="Of --joint: most measurements of each finalist; 3, 6, 12 ... can decide.")
    ] = 6,
    price_hour: Annotated[
        float | None,
        typer.Option(min=0, help="Of --joint: what an hour of the machine costs."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the recommended configuration is written.")] = Path("best.yaml"),
    picture: Annotated[Path | None, typer.Option(help="Draw the front into this .png, .svg or .pdf.")] = None,
    as_json: options.Json = False,
) -> None:
    """Find the configuration that buys the most utility per token, and say how sure that is.

    Interrupted at any moment, the same command goes on where it was and pays nothing twice.
    """
    from rich.console import Console

    from infertune import __version__, tasks
    from infertune.bank import SampleBank
    from infertune.cli.live import View
    from infertune.extra_settings import extra_ends
    from infertune.narrow import narrowed
    from infertune.report import answer, recipe, table
    from infertune.report import picture as drawing
    from infertune.report import space as space_report
    from infertune.search_names import search_named
    from infertune.select import Preference, Wanted
    from infertune.study import Study
    from infertune.trial_log import TrialLog

    # All that can be wrong with the input is found before the model is loaded, the dear things last.
    known = pricing.known_prices(prices, model, price_prompt, price_completion)
    budget = _budget(budget_tokens, budget_seconds, budget_money, known)
    wanted = Wanted(
        prefer=cast(Preference, prefer),
        max_cost_tokens=max_cost_tokens,
        min_utility=min_utility,
        min_answered=min_answered,
    )
    search = search_named(sampler)
    recipe.check_writable(out)
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
    if joint:
        from infertune.cli.joint import Wish, run

        wish = Wish(
            name=name,
            given_task=task,
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
            margin=margin,
            n_starts=starts,
            n_requests=burst,
            n_turns=turns,
            price_hour=price_hour,
        )
        run(wish, out=out, picture=picture, as_json=as_json, shown=_shown)
        return
    bank = SampleBank(database)
    with View() as view:
        view.say(f"{loaded.name} with {model}; study '{name}' in {database}")
        view.say(starting(engine, model))
        running = start(engine, model, engine_options, extra=extra_ends(space), on_probe=probing(view))
        try:
            kinds = {name: template.kind for name, template in loaded.prompts.items()}
            narrow = narrowed(space, running.unsupported, kinds=kinds)
            space = narrow.space
            if said := looked(running):
                view.say(said)
            for note in narrow.notes:
                view.say(f"Note: {note}.")
            log = TrialLog(bank.url, name)
            log.claim(
                {
                    "task": loaded.name,
                    "task_digest": loaded.digest,
                    "engine": dict(running.facts),
                    "space": space_report.as_json(space),
                    "sampler": sampler,
                    "seed": seed,
                    **asdict(wanted),
                }
            )
            found = Study(
                name=name,
                task=loaded,
                space=space,
                engine=running,
                search=search,
                bank=bank,
                log=log,
                budget=budget,
                seed=seed,
                wanted=wanted,
                on_progress=_shown(view.update, budget, space),
            ).run()
        finally:
            running.close()
            bank.close()
    found = replace(found, notes=(*narrow.notes, *found.notes))
    result = answer.Answer(
        study=name,
        sampler=sampler,
        space=space,
        facts=running.facts,
        engine_metrics=counted(running),
        recommendation=found,
        prices=budget.prices,
        recipe=recipe.Recipe(
            infertune=__version__,
            task=task,
            task_digest=loaded.digest,
            model=model,
            engine=engine,
            engine_options=engine_options,
            seed=seed,
            configuration=dict(found.recommended),
            evidence=answer.evidence(found.verdict),
        ),
    )
    recipe.write(out, result.recipe)
    if picture is not None:
        drawing.draw(result, picture)
    if as_json:
        print(json.dumps(answer.as_json(result), indent=2))
    else:
        table.show(result, Console())
        print(f"Written to {out}; run it again with: infertune evaluate --config {out}")


def _budget(tokens: str | None, seconds: str | None, money: float | None, prices: "Prices | None") -> "Budget":
    from infertune.budget import Budget, parse_seconds, parse_tokens

    return Budget(
        tokens=None if tokens is None else _option("--budget-tokens", parse_tokens, tokens),
        seconds=None if seconds is None else _option("--budget-seconds", parse_seconds, seconds),
        money=money,
        prices=prices,
    )


def _option(name: str, parse: Callable[[str], Value], text: str) -> Value:
    from infertune.errors import InvalidInputError

    try:
        return parse(text)
    except InvalidInputError as error:
        raise InvalidInputError(f"{name} {error}") from None


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
