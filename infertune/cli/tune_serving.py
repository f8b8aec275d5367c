"""``infertune tune-serving``: which settings of the server, for this model, this machine and this traffic."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infertune.cli import options
from infertune.cli.engine import named_values
from infertune.cli.serving_launcher import launcher

if TYPE_CHECKING:
    from infertune.cli.live import Status
    from infertune.load.slo import Slo
    from infertune.report.serving_recipe import ServingEvidence
    from infertune.serving.deployment import Launcher
    from infertune.serving.goal import Goal
    from infertune.serving.log import EventLog
    from infertune.serving.paid import Account
    from infertune.serving.search import Found, Progress
    from infertune.serving.speculation import Schedule
    from infertune.serving.speed import SpeedModel
    from infertune.space import SearchSpace

_SCHEDULE_SHARE = 0.2  # of the budget, where speculative lengths are searched
_SCHEDULE_REPEATS = 3
_MOST_IN_FLIGHT = 64  # of the schedule


def tune_serving(
    workload: Annotated[
        str, typer.Option(help="task:NAME, synthetic:input=200,output=50,prefix=0.5 or trace:FILE.jsonl.")
    ],
    model: options.Model = options.DEFAULT_MODEL,
    engine: Annotated[str, typer.Option(help="vllm, or command for any server that --command starts.")] = "vllm",
    slo: Annotated[str | None, typer.Option(help="What must be kept, such as 'p99_ttft<300ms, p99_itl<40ms'.")] = None,
    maximize: Annotated[str | None, typer.Option(help="goodput (the default with --slo) or throughput.")] = None,
    minimize: Annotated[
        str | None, typer.Option(help="cost, or a latency such as e2e_p50, ttft_p99 or itl_mean.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Of a latency: requests per second.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Of a latency: requests in flight.")] = None,
    gpu_hour_price: Annotated[
        float | None, typer.Option(help="Of --minimize cost: of all that the server runs on, for an hour.")
    ] = None,
    budget_seconds: Annotated[str, typer.Option(help="Most server time to spend, such as 15m or 2h.")] = "30m",
    burst_seconds: Annotated[
        float, typer.Option(min=1.0, help="How long a burst of the search lasts; those of the finals take twice that.")
    ] = 10.0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUES", help="max_num_seqs=16,64, any flag by its name; may be repeated."
        ),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Search what --set names and nothing else; the rest stays at its default.")
    ] = False,
    changing_answers: Annotated[
        bool,
        typer.Option(
            "--changing-answers", help="Also search what may change answers: dtype, cache types, quantisation."
        ),
    ] = False,
    engine_args: options.EngineArgs = None,
    vllm_python: options.VLLMPython = None,
    command: Annotated[
        str | None, typer.Option(help="Of --engine command: with {model}, {port} and {engine.NAME}.")
    ] = None,
    reset_path: Annotated[
        str | None, typer.Option(help="Of --engine command: posted to before a burst, to empty caches.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="What optimize wrote: the decoding configuration of a workload task:NAME.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of proposals and arrivals.")] = 0,
    study: Annotated[str, typer.Option(help="Its name. The same name goes on.")] = "serving",
    database: options.Database = "infertune.db",
    out: Annotated[Path, typer.Option(help="Where the settings are written.")] = Path("serving.yaml"),
    as_json: options.Json = False,
) -> None:
    """Find the settings of a server that are best under a promise, and say how sure that is.

    Interrupted at any moment, the same command goes on where it was and pays for nothing twice.
    """
    from rich.console import Console

    from infertune import __version__
    from infertune.cli.live import View
    from infertune.load import slo as promises
    from infertune.report import recipe as recipes
    from infertune.report import serving as report
    from infertune.report import serving_recipe
    from infertune.serving import workload_text
    from infertune.serving.log import EventLog
    from infertune.serving.paid import Account
    from infertune.serving.search import Search, short

    goal = _goal(
        promises.parse(slo) if slo else promises.Slo(()), maximize, minimize, rate, concurrency, gpu_hour_price
    )
    budget = _seconds(budget_seconds)
    recipes.check_writable(out)
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
            engine_args=named_values(engine_args),
            vllm_python=vllm_python,
            changing_answers=changing_answers,
            reset_path=reset_path,
        )
        if only:
            space = _only(space, settings or [])
        log = EventLog(database, study)
        try:
            log.claim(
                {
                    "facts": dict(starts.facts),
                    "space": [[p.name, p.domain, p.default] for p in space.parameters],
                    "workload": pressing.name,
                    "goal": [goal.kind, str(goal.slo), str(goal.load), goal.latency, goal.hour_price],
                    "burst_seconds": burst_seconds,
                    "seed": seed,
                }
            )
            names = ", ".join(p.alias for p in space.parameters if len(p.values()) > 1)
            view.say(f"searching {space.n_configurations:,.0f} settings ({names}); study '{study}' in {database}")
            account = Account(starts, log, goal.slo, time.monotonic)
            scheduled = _lengths(space)
            search_budget = budget * (1 - _SCHEDULE_SHARE) if scheduled else budget
            found = Search(
                account,
                space,
                goal,
                budget=search_budget,
                burst_seconds=burst_seconds,
                seed=seed,
                speed=_speed(engine, model, starts, log, float(getattr(pressing, "prefix", 0.0))),
                on_progress=_shown(view.update, goal, space),
            ).run()
            schedule, schedule_notes = None, list[str]()
            if scheduled and found.verdict.winner is not None:
                schedule, schedule_notes = _schedule(account, found, space, budget, seed, view.say)
        finally:
            log.close()
    notes = [*schedule_notes, *_notes(found, space)]
    winner = found.verdict.winner
    if winner is not None:
        written = serving_recipe.ServingRecipe(
            infertune=__version__,
            model=model,
            engine=engine,
            engine_version=str(starts.facts.get("version", "")),
            device=str(starts.facts.get("device", "")),
            workload=pressing.name,
            command=command or "",
            settings=dict(winner.configuration),
            decoding={name: value for name, value in (decoding or {}).items() if name.startswith("decoding.")},
            evidence=_evidence(found),
        )
        serving_recipe.write(out, written)
    handover = (
        []
        if winner is None
        else [
            f"Written to {out} ({short(winner.configuration, space)}).",
            f"Start it:  infertune handover {out}",
            f"As a unit or for a cluster:  infertune handover {out} --as systemd | kubernetes | helm",
            f"Does a running server have these settings?  infertune verify {out} --base-url URL",
        ]
    )
    answer = report.ServingAnswer(
        study=study,
        facts=dict(starts.facts),
        workload=pressing.name,
        found=found,
        schedule=schedule,
        handover=handover,
        notes=notes,
    )
    if as_json:
        print(json.dumps(report.as_json(answer), indent=2))
    else:
        report.show(answer, Console())


def _goal(
    slo: "Slo",
    maximize: str | None,
    minimize: str | None,
    rate: float | None,
    concurrency: int | None,
    price: float | None,
) -> "Goal":
    from infertune.errors import InvalidInputError, nearest
    from infertune.load.load import Load
    from infertune.serving.goal import LATENCIES, Goal

    if maximize is not None and minimize is not None:
        raise InvalidInputError("give --maximize or --minimize, not both")
    load: Load | None = Load(rate=rate, concurrency=concurrency) if rate or concurrency else None
    if minimize is not None:
        if minimize == "cost":
            return Goal(kind="cost", slo=slo, load=load, hour_price=price)
        if minimize not in LATENCIES:
            raise InvalidInputError(f"--minimize has no '{minimize}'{nearest(minimize, ('cost', *LATENCIES))}")
        return Goal(kind="latency", slo=slo, load=load, latency=minimize)
    kind = maximize or ("goodput" if slo.promises else "throughput")
    if kind == "goodput":
        return Goal(kind="goodput", slo=slo, load=load)
    if kind == "throughput":
        return Goal(kind="throughput", slo=slo, load=load)
    raise InvalidInputError(f"--maximize has no '{kind}'{nearest(kind, ('goodput', 'throughput'))}")


def _seconds(text: str) -> float:
    from infertune.budget import parse_seconds
    from infertune.errors import InvalidInputError

    try:
        seconds = parse_seconds(text)
    except InvalidInputError as error:
        raise InvalidInputError(f"--budget-seconds {error}") from None
    if seconds <= 0:
        raise InvalidInputError("--budget-seconds must be above 0")
    return seconds


def _only(space: "SearchSpace", settings: list[str]) -> "SearchSpace":
    """Return the space in which everything that was not named stays at its default."""
    named = {setting.partition("=")[0].strip().lstrip("-").replace("-", "_") for setting in settings}
    fixed = {p.name: p.default for p in space.parameters if not {p.name, p.alias} & named}
    default = space.default_configuration()
    return space.fixed({name: default.get(name, value) for name, value in fixed.items()})


def _lengths(space: "SearchSpace") -> bool:
    """Whether there are speculative lengths to choose between."""
    from infertune.serving.speculation import LENGTH, METHOD

    return METHOD in space and LENGTH in space and any(each != "none" for each in space[METHOD].values())


def _speed(engine: str, model: str, starts: "Launcher", log: "EventLog", shared: float) -> "SpeedModel | None":
    """Return the estimate of a vLLM server; what the machine did at the first run is kept, so that a study repeats."""
    from infertune import models
    from infertune.errors import InvalidInputError
    from infertune.serving import speed

    if engine != "vllm":
        return None
    try:
        facts = speed.model_facts(models.resolve(model))
    except InvalidInputError:
        return None  # an architecture that the estimate does not know; the search goes without
    known = log.get("machine")
    if known is None:
        rough = speed.rough_machine(on_cpu=str(starts.facts.get("device", "")).startswith("cpu"))
        known = {"overhead": rough.overhead, "compute": rough.compute, "bandwidth": rough.bandwidth}
        log.put("machine", known)
    return speed.SpeedModel(
        facts, speed.MachineFacts(**known), speed.TrafficFacts(prompt=200.0, output=50.0, shared=shared)
    )


def _schedule(
    account: "Account", found: "Found", space: "SearchSpace", budget: float, seed: int, say: Callable[[str], None]
) -> "tuple[Schedule | None, list[str]]":
    """Measure speculative lengths about the winner's other settings."""
    from infertune.configuration import Configuration
    from infertune.errors import InvalidInputError
    from infertune.serving import speculation

    assert found.verdict.winner is not None
    winner = found.verdict.winner.configuration
    before = account.spent
    method = str(winner.get(speculation.METHOD, "none"))
    if method == "none":
        method = next(str(each) for each in space[speculation.METHOD].values() if each != "none")
    lengths = [0, *(int(each) for each in space[speculation.LENGTH].values())]
    most = min(int(winner.get("engine.max_num_seqs", _MOST_IN_FLIGHT)), _MOST_IN_FLIGHT)
    settings = dict(winner)
    if "engine.prompt_lookup_max" in space:
        settings.setdefault("engine.prompt_lookup_max", space["engine.prompt_lookup_max"].default)
    evidence, complete = speculation.measured(
        account,
        Configuration(settings),
        method=method,
        lengths=lengths,
        loads=speculation.loads_to_measure(most),
        repeats=_SCHEDULE_REPEATS,
        budget=budget,
        seed=seed,
        say=say,
    )
    found.spent["schedule"] = account.spent - before
    try:
        return speculation.schedule(evidence, complete=complete), (
            [] if complete else ["the budget had no room for every speculative length, or a server with one failed"]
        )
    except InvalidInputError:
        return None, ["the budget had no room for a schedule of speculative lengths"]


def _notes(found: "Found", space: "SearchSpace") -> list[str]:
    notes = []
    bursts = [each for _, each in found.bursts]
    n_void = sum(bool(each.void) for each in bursts)
    if n_void:
        why = next(each.void for each in bursts if each.void)
        notes.append(f"{n_void} of {len(bursts)} bursts were void, the generator of load itself was late: {why}")
    default = found.trials[0]
    if default.failure is not None:
        notes.append(f"the default settings failed: {default.failure}")
    elif default.score is None:
        notes.append("the default settings keep the promise at no load that was tried")
    if len({trial.configuration for trial in found.trials}) >= space.n_configurations:
        notes.append("every setting of the space was tried")
    if max((len(each.turns) for each in found.finalists), default=0) < 2:
        notes.append("the budget had no room for a second turn of the finals, so nothing is clear")
    return notes


def _evidence(found: "Found") -> "ServingEvidence | None":
    from infertune.report.serving import finalist_values
    from infertune.report.serving_recipe import ServingEvidence
    from infertune.serving.search import words

    winner, goal = found.verdict.winner, found.goal
    base = next((each for each in found.finalists if each.configuration == found.default), None)
    if winner is None or base is None or not base.scores:
        return None
    value, interval = finalist_values(winner, goal)
    default_value, default_interval = finalist_values(base, goal)
    turns = [turn for turn in winner.turns if turn is not None]
    rate = sum(turn.rate for turn in turns) / len(turns)
    return ServingEvidence(
        objective=str(goal),
        promise=str(goal.slo),
        load=words(goal.load) if goal.load is not None else f"{rate:.3g} requests/s",
        value=value,
        interval=interval,
        default_value=default_value,
        default_interval=default_interval,
        n_repeats=len(turns),
        n_requests=max(burst.n_planned for turn in turns for burst in turn.bursts),
        clear=found.verdict.is_clear,
    )


def _shown(
    update: "Callable[[Callable[[], Status]], None]", goal: "Goal", space: "SearchSpace"
) -> "Callable[[Progress], None]":
    """Return what turns the search's progress into a status."""
    from infertune.cli.live import Status
    from infertune.report.table import duration
    from infertune.serving.search import short

    def status(progress: "Progress") -> "Status":
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
