"""``infertune tune-serving``: which settings of the server, for this model, this machine and this traffic."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infertune.api import serving
from infertune.cli import limits, resume, shared_options
from infertune.cli.engine import named_values
from infertune.cli.signature import feeding

if TYPE_CHECKING:
    from infertune.report.serving_answer import GoOn


_WORDS = {
    "workload": shared_options.Workload,
    "model": shared_options.Model,
    "engine": typer.Option(help="Server to tune: vllm, hf (transformers), or command for any that --command starts."),
    "slo": typer.Option(help="Latencies to keep, such as 'p99_ttft<300ms, p99_itl<40ms'; without it an objective."),
    "maximize": typer.Option(help="Objective: goodput or throughput; default goodput with --slo."),
    "minimize": typer.Option(help="Objective: cost, or a latency such as p50_e2e, p99_ttft or mean_itl."),
    "rate": typer.Option(help="Requests per second to offer while a latency is minimized.", callback=limits.finite),
    "concurrency": typer.Option(min=1, help="Requests in flight while a latency is minimized, instead of --rate."),
    "gpu_hour_price": typer.Option(
        min=0,
        help="Price of one GPU for an hour, of --minimize cost; a server has as many as its parallel sizes.",
        callback=limits.finite,
    ),
    "budget_seconds": Annotated[
        str, typer.Option(help="Server time to spend at most, starts included, such as 15m or 2h.")
    ],
    "burst_seconds": typer.Option(
        min=1.0,
        help="Length of a burst of load in the search; up to twice that in the finals.",
        callback=limits.finite,
    ),
    "settings": Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUES",
            help="Values to search of a setting, such as max_num_seqs=16,64; any flag by its name; may be repeated.",
        ),
    ],
    "only": typer.Option("--only", help="Search what --set names and nothing else; the rest stays at its default."),
    "changing_answers": typer.Option(
        "--changing-answers", help="Also search what may change answers: dtype, cache types, quantization."
    ),
    "dtype": shared_options.Dtype,
    "engine_args": shared_options.EngineArgs,
    "vllm_python": shared_options.VLLMPython,
    "command": typer.Option(
        help="Command line of --engine command, with {model}, {port} and {engine.NAME} to fill in."
    ),
    "reset_path": typer.Option(help="Path to POST to before a burst, to empty caches, of --engine command."),
    "config": shared_options.WorkloadConfig,
    "seed": typer.Option(min=0, max=limits.MOST_SEED, help="Seed of what is tried and of arrivals."),
    "study": typer.Option(help="Name of the study; the same name goes on.", callback=limits.name),
    "database": shared_options.Database,
    "out": Annotated[Path, typer.Option(help="File to write the settings to.", callback=limits.path)],
}


@feeding(serving.tune_serving, _WORDS, "asked")
def tune_serving(*, asked: dict[str, Any], as_json: shared_options.Json = False) -> None:
    """Find the settings of a server that are best under an SLO, and say how sure that is.

    Interrupted at any moment, the same command goes on where it was and pays for nothing twice; when it is finished,
    it shows its answer again. A larger --budget-seconds goes on from there.
    """
    from rich.console import Console

    from infertune.report import serving as report
    from infertune.report import serving_answer
    from infertune.serving.search.result import short

    result = serving.tune_serving(**{**asked, "engine_args": named_values(asked["engine_args"])})
    recommended, needed = result.answer.found.verdict.recommended, result.seconds_to_decide
    answer = replace(
        result.answer,
        handover=[]
        if recommended is None
        else _handover(asked["out"], short(recommended.configuration, result.space)),
        go_on=None if needed is None else _go_on(needed, result.answer.found.budget),
    )
    try:
        if as_json:
            print(json.dumps(serving_answer.as_json(answer), indent=2))
        else:
            report.show(answer, Console())
        sys.stdout.flush()
    finally:
        result.save()


def _handover(out: Path, name: str) -> list[str]:
    file = shlex.quote(str(out))
    return [
        f"Written to {out} ({name}).",
        f"Start it:  infertune export {file}",
        f"As a unit or for a cluster:  infertune export {file} --as systemd | kubernetes | helm",
        f"Does a running server have these settings?  infertune verify {file} --base-url URL",
    ]


def _go_on(needed: float, budget: float) -> "GoOn":
    from infertune.report.serving_answer import GoOn

    total = round(resume.rounded(needed))
    command = resume.command(sys.argv[1:], {"--budget-seconds": str(total)})
    return GoOn(seconds=total - round(budget), command=command)
