"""``infertune.tune_serving``: which settings of the server, for this model, this machine and this traffic.

The command's options are made from its signature, so what it needs is imported when it runs.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from infertune.api.serving_launcher import launcher
from infertune.engines.options import DEFAULT_MODEL

if TYPE_CHECKING:
    from infertune.api.serving_result import ServingResult
    from infertune.api.task_space import Values


def tune_serving(
    workload: str,
    model: str = DEFAULT_MODEL,
    *,
    engine: str = "vllm",
    slo: str | None = None,
    maximize: str | None = None,
    minimize: str | None = None,
    rate: float | None = None,
    concurrency: int | None = None,
    gpu_hour_price: float | None = None,
    budget_seconds: float | str = "30m",
    burst_seconds: float = 10.0,
    settings: "Mapping[str, Values] | Sequence[str] | None" = None,
    only: bool = False,
    changing_answers: bool = False,
    dtype: str | None = None,
    engine_args: str | None = None,
    vllm_python: str | None = None,
    command: str | None = None,
    reset_path: str | None = None,
    config: str | Path | None = None,
    seed: int = 0,
    study: str = "serving",
    database: str | Path = "infertune.db",
    out: str | Path = "serving.yaml",
    progress: bool = True,
) -> "ServingResult":
    """Find the settings of a server that are best under an SLO, and say how sure that is.

        result = infertune.tune_serving(
            "task:gsm8k", "./my-model", slo="p99_ttft<300ms, p99_itl<40ms", budget_seconds="30m"
        )
        result.save()

    Args:
        workload: ``task:NAME``, ``synthetic:input=200,output=50`` or ``trace:FILE``.
        model: What the server serves.
        engine: ``vllm``, ``hf``, or ``command`` for any server that ``command`` starts.
        slo: Latencies to keep.
        maximize: ``goodput`` (the default with an SLO) or ``throughput``.
        minimize: ``cost``, or a latency such as ``p50_e2e``; then at ``rate`` requests per second or ``concurrency``
            in flight.
        gpu_hour_price: Of one GPU, for ``cost``.
        budget_seconds: Most server time, starts included.
        burst_seconds: Length of a burst of load in the search.
        settings: Values to search by name, such as ``{"max_num_seqs": [16, 64]}``, or ``NAME=VALUES`` texts.
        only: Search what ``settings`` name and nothing else.
        changing_answers: Also search what may change answers.
        dtype: Of the weights, for every server; ``engine_args`` likewise, as JSON.
        vllm_python: A Python with vLLM.
        command: A command line with ``{model}``, ``{port}`` and ``{engine.NAME}`` to fill in.
        reset_path: A path to POST to before a burst, to empty caches.
        config: An answer file with the decoding of a workload ``task:NAME``.
        seed: Of what is tried and of arrivals.
        study: Its name; the same call resumes it.
        database: SQLite file or PostgreSQL URL.
        out: The file of `ServingResult.save`; its place is checked before anything is started.
        progress: Whether progress is shown on standard error.

    Raises:
        InvalidInputError: Something that was given cannot be.
        BudgetError: The budget is too small.
        EngineError: No server could be started.
    """
    from rich.console import Console

    from infertune import __version__
    from infertune.api import serving_budget, serving_goal
    from infertune.api.serving_result import ServingResult
    from infertune.api.serving_study import ServingStudy
    from infertune.api.task_space import as_texts
    from infertune.bank.lease import Lease
    from infertune.recipes import recipe as recipes
    from infertune.recipes import serving_recipe
    from infertune.recipes.serving_recipe import ServingRecipe
    from infertune.report import serving_evidence
    from infertune.report.live import View
    from infertune.serving import workload_text
    from infertune.serving.measure.event_log import EventLog
    from infertune.serving.measure.goal import n_devices
    from infertune.space.names import DECODING

    view = View() if progress else View(Console(quiet=True))
    out, database = Path(out), str(database)
    goal = serving_goal.goal(
        slo=slo, maximize=maximize, minimize=minimize, rate=rate, concurrency=concurrency, price=gpu_hour_price
    )
    budget = serving_budget.seconds(budget_seconds, burst=burst_seconds)
    serving_recipe.check_writable(out)
    decoding = dict(recipes.read(Path(config)).configuration) if config is not None else {}
    traffic = workload_text.parse(workload, configuration=decoding or None)
    with view:
        view.say(f"asking the engine {engine} for its settings")
        starts, space = launcher(
            engine,
            model,
            traffic,
            command=command,
            settings=as_texts(settings),
            only=only,
            dtype=dtype,
            engine_args=engine_args,
            vllm_python=vllm_python,
            changing_answers=changing_answers,
            reset_path=reset_path,
        )
        if goal.hour_price is not None:  # for parallel sizes that are given and not searched
            given = {f"engine.{name}": value for name, value in starts.facts.items()}
            goal = replace(goal, hour_price=n_devices(given) * goal.hour_price)
        with Lease(database, "tune-serving", study) as lease, closing(EventLog(database, study, lease)) as log:
            search = ServingStudy(
                engine=engine, model=model, traffic=traffic, starts=starts, space=space, goal=goal, log=log, view=view
            )
            log.claim(search.claim(burst_seconds, seed))
            names = ", ".join(p.alias for p in space.parameters if len(p.values()) > 1)
            view.say(f"searching {space.n_configurations:,.0f} settings ({names}); study '{study}' in {database}")
            answer, share = search.run(study, budget=budget, burst_seconds=burst_seconds, seed=seed)
    found = answer.found
    recommended = found.verdict.recommended
    recipe = None
    if recommended is not None:
        template = starts.template(recommended.configuration)
        recipe = ServingRecipe(
            infertune=__version__,
            model=model,
            engine="command" if template else "vllm",
            engine_version=str(starts.facts.get("version", "")),
            device=str(starts.facts.get("device", "")),
            workload=traffic.name,
            command=template,
            settings=dict(recommended.configuration),
            decoding={name: value for name, value in decoding.items() if name.startswith(DECODING)},
            evidence=serving_evidence.evidence(found),
        )
    needed = None if found.to_decide is None else found.to_decide / (1 - share)
    return ServingResult(answer=answer, space=space, recipe=recipe, out=out, seconds_to_decide=needed)
