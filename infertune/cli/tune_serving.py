"""``infertune tune-serving``: which settings of the server, for this model, this machine and this traffic."""

import json
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infertune.cli import limits, serving_budget, serving_goal, shared_options
from infertune.cli.engine import named_values
from infertune.cli.serving_launcher import launcher

if TYPE_CHECKING:
    from infertune.report.live import Status
    from infertune.report.serving_answer import GoOn
    from infertune.serving.measure.goal import Goal
    from infertune.serving.search.result import ServingProgress
    from infertune.space import SearchSpace


def tune_serving(
    workload: shared_options.Workload,
    model: shared_options.Model = shared_options.DEFAULT_MODEL,
    engine: Annotated[
        str,
        typer.Option(help="Server to tune: vllm, hf (transformers), or command for any that --command starts."),
    ] = "vllm",
    slo: Annotated[
        str | None,
        typer.Option(help="Latencies to keep, such as 'p99_ttft<300ms, p99_itl<40ms'; without it an objective."),
    ] = None,
    maximize: Annotated[
        str | None, typer.Option(help="Objective: goodput or throughput; default goodput with --slo.")
    ] = None,
    minimize: Annotated[
        str | None, typer.Option(help="Objective: cost, or a latency such as p50_e2e, p99_ttft or mean_itl.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Requests per second to offer while a latency is minimized.", callback=limits.finite),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Requests in flight while a latency is minimized, instead of --rate.")
    ] = None,
    gpu_hour_price: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Price of one GPU for an hour, of --minimize cost; a server has as many as its parallel sizes.",
            callback=limits.finite,
        ),
    ] = None,
    budget_seconds: Annotated[
        str, typer.Option(help="Server time to spend at most, starts included, such as 15m or 2h.")
    ] = "30m",
    burst_seconds: Annotated[
        float,
        typer.Option(
            min=1.0,
            help="Length of a burst of load in the search; up to twice that in the finals.",
            callback=limits.finite,
        ),
    ] = 10.0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUES",
            help="Values to search of a setting, such as max_num_seqs=16,64; any flag by its name; may be repeated.",
        ),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Search what --set names and nothing else; the rest stays at its default.")
    ] = False,
    changing_answers: Annotated[
        bool,
        typer.Option(
            "--changing-answers", help="Also search what may change answers: dtype, cache types, quantization."
        ),
    ] = False,
    dtype: shared_options.Dtype = None,
    engine_args: shared_options.EngineArgs = None,
    vllm_python: shared_options.VLLMPython = None,
    command: Annotated[
        str | None,
        typer.Option(help="Command line of --engine command, with {model}, {port} and {engine.NAME} to fill in."),
    ] = None,
    reset_path: Annotated[
        str | None, typer.Option(help="Path to POST to before a burst, to empty caches, of --engine command.")
    ] = None,
    config: shared_options.WorkloadConfig = None,
    seed: Annotated[int, typer.Option(min=0, max=limits.MOST_SEED, help="Seed of what is tried and of arrivals.")] = 0,
    study: Annotated[
        str, typer.Option(help="Name of the study; the same name goes on.", callback=limits.name)
    ] = "serving",
    database: shared_options.Database = "infertune.db",
    out: Annotated[Path, typer.Option(help="File to write the settings to.", callback=limits.path)] = Path(
        "serving.yaml"
    ),
    as_json: shared_options.Json = False,
) -> None:
    """Find the settings of a server that are best under an SLO, and say how sure that is.

    Interrupted at any moment, the same command goes on where it was and pays for nothing twice; when it is finished,
    it shows its answer again. A larger --budget-seconds goes on from there.
    """
    from rich.console import Console

    from infertune import __version__
    from infertune.bank.lease import Lease
    from infertune.engines import models
    from infertune.load.synthetic import Synthetic
    from infertune.recipes import recipe as recipes
    from infertune.recipes import serving_recipe
    from infertune.report import serving as report
    from infertune.report import serving_answer, serving_evidence
    from infertune.report.live import View
    from infertune.serving import workload_text
    from infertune.serving.measure.account import LoadAccount
    from infertune.serving.measure.event_log import EventLog
    from infertune.serving.measure.goal import n_devices
    from infertune.serving.search import speculative_lengths
    from infertune.serving.search.first_estimate import first_estimate
    from infertune.serving.search.result import short
    from infertune.serving.search.search import ServingSearch

    goal = serving_goal.goal(
        slo=slo, maximize=maximize, minimize=minimize, rate=rate, concurrency=concurrency, price=gpu_hour_price
    )
    budget = serving_budget.seconds(budget_seconds, burst=burst_seconds)
    serving_recipe.check_writable(out)
    decoding = dict(recipes.read(config).configuration) if config is not None else None
    pressing = workload_text.parse(workload, configuration=decoding)
    with View() as view:
        view.say(f"asking the engine {engine} for its settings")
        starts, space = launcher(
            engine,
            model,
            pressing,
            command=command,
            settings=settings or [],
            only=only,
            dtype=dtype,
            engine_args=named_values(engine_args),
            vllm_python=vllm_python,
            changing_answers=changing_answers,
            reset_path=reset_path,
        )
        if goal.hour_price is not None:  # for parallel sizes that are given and not searched
            given = {f"engine.{name}": value for name, value in starts.facts.items()}
            goal = replace(goal, hour_price=n_devices(given) * goal.hour_price)
        with Lease(database, "tune-serving", study) as lease, closing(EventLog(database, study, lease)) as log:
            log.claim(
                {
                    "steps": 1,  # how they are noted
                    "facts": dict(starts.facts),
                    "space": [[p.name, p.domain, p.default] for p in space.parameters],
                    "workload": pressing.name,
                    "goal": _words(goal),
                    "burst_seconds": burst_seconds,
                    "seed": seed,
                }
            )
            names = ", ".join(p.alias for p in space.parameters if len(p.values()) > 1)
            view.say(f"searching {space.n_configurations:,.0f} settings ({names}); study '{study}' in {database}")
            account = LoadAccount(starts, log, goal.slo, time.monotonic)
            share = speculative_lengths.SHARE if speculative_lengths.are_searched(space) else 0.0
            view.say(
                serving_budget.outlook(
                    budget,
                    burst_seconds,
                    engine=engine,
                    start=account.longest_start,
                    spent=account.spent,
                    schedule=share,
                )
            )
            shared = pressing.prefix if isinstance(pressing, Synthetic) else 0.0
            estimate = (
                first_estimate(models.resolve(model), starts.facts, log, shared=shared) if engine == "vllm" else None
            )
            found = ServingSearch(
                account,
                log,
                space,
                goal,
                budget=budget * (1 - share),
                burst_seconds=burst_seconds,
                seed=seed,
                speed=estimate,
                on_progress=_shown(view.update, goal, space),
            ).run()
            schedule, said = None, ""
            recommended = found.verdict.recommended
            if share and recommended is not None:
                schedule, said = speculative_lengths.about(
                    recommended.configuration, space, account, budget=budget, seed=seed, say=view.say
                )
            of_schedules = account.of_all(speculative_lengths.PURPOSE)
            spent = found.spent | ({"schedule": of_schedules} if of_schedules else {})
            found = replace(found, budget=budget, spent=spent, bought=account.bought)
    notes = [*([said] if said else []), *serving_evidence.notes(found)]
    written = None
    if recommended is not None:
        template = starts.template(recommended.configuration)
        written = serving_recipe.ServingRecipe(
            infertune=__version__,
            model=model,
            engine="command" if template else "vllm",
            engine_version=str(starts.facts.get("version", "")),
            device=str(starts.facts.get("device", "")),
            workload=pressing.name,
            command=template,
            settings=dict(recommended.configuration),
            decoding={name: value for name, value in (decoding or {}).items() if name.startswith("decoding.")},
            evidence=serving_evidence.evidence(found),
        )
    answer = serving_answer.ServingAnswer(
        study=study,
        facts=dict(starts.facts),
        workload=pressing.name,
        found=found,
        schedule=schedule,
        handover=[] if recommended is None else _handover(out, short(recommended.configuration, space)),
        notes=notes,
        go_on=None if found.to_decide is None else _go_on(found.to_decide / (1 - share), budget),
    )
    try:
        if as_json:
            print(json.dumps(serving_answer.as_json(answer), indent=2))
        else:
            report.show(answer, Console())
        sys.stdout.flush()
    finally:
        if written is not None:
            serving_recipe.write(out, written)


def _words(goal: "Goal") -> str:
    from infertune.serving.search.result import words

    price = "" if goal.hour_price is None else f"{goal.hour_price:g} an hour"
    load = "" if goal.load is None else words(goal.load)
    return ", ".join(part for part in (str(goal), str(goal.slo), load, price) if part)


def _handover(out: Path, name: str) -> list[str]:
    file = shlex.quote(str(out))
    return [
        f"Written to {out} ({name}).",
        f"Start it:  infertune handover {file}",
        f"As a unit or for a cluster:  infertune handover {file} --as systemd | kubernetes | helm",
        f"Does a running server have these settings?  infertune verify {file} --base-url URL",
    ]


def _go_on(needed: float, budget: float) -> "GoOn":
    from infertune.report.serving_answer import GoOn

    more = serving_budget.rounded(needed) - round(budget)
    return GoOn(seconds=more, command=serving_budget.command(sys.argv[1:], needed))


def _shown(
    update: "Callable[[Callable[[], Status]], None]", goal: "Goal", space: "SearchSpace"
) -> "Callable[[ServingProgress], None]":
    """Return what turns the search's progress into a status."""
    from infertune.report.live import Status
    from infertune.report.table import duration
    from infertune.serving.search.result import short

    def status(progress: "ServingProgress") -> "Status":
        scored = [trial for trial in progress.trials if trial.score is not None]
        best = max(scored, key=lambda trial: trial.score or 0.0, default=None)
        n_failed = sum(trial.failure is not None for trial in progress.trials)
        left = duration(max(progress.budget - progress.spent, 0.0))
        return Status(
            phase=progress.phase,
            share=progress.spent / progress.budget,
            facts=f"{len(progress.trials)} servers, {n_failed} failed, {left} left at most; {progress.doing}",
            best=""
            if best is None or best.score is None
            else f"best so far {goal.value(best.score):.3g} {goal.unit}: {short(best.configuration, space)}",
        )

    return lambda progress: update(lambda: status(progress))
