"""The search of tune-serving against the full grid of ``vllm bench sweep serve``, on real servers of this machine.

    python -m benchmarks.serving.grid FOLDER sweep              the grid; goes on where it was stopped
    python -m benchmarks.serving.grid FOLDER search --seeds 3   tune-serving, each with a fifth of the grid's time
    python -m benchmarks.serving.grid FOLDER judge              the answers and the default, in turns, by long bursts
    python -m benchmarks.serving.grid FOLDER table

The grid starts a server for every combination of settings and presses it with every rate; its answer is the one that
held the highest rate, of several the one with the lowest p90 of the time to first token. The sweep needs pandas beside
vLLM. All answers are judged alike: the capacity under the SLO, found again with bursts five times as long.
"""

import argparse
import itertools
import json
import math
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving.client import BENCH
from infertune.engines import models
from infertune.engines.launch.vllm_server import vllm_server_launcher
from infertune.engines.process.server_process import HOST
from infertune.engines.vllm import arguments, serve_arguments
from infertune.engines.vllm.interpreter import find
from infertune.load.saturation import hopeless
from infertune.load.slo import Slo, parse
from infertune.serving import workload_text
from infertune.serving.launch.under_load import UnderLoad
from infertune.serving.measure.account import LoadAccount, PaidServer
from infertune.serving.measure.capacity import Effort
from infertune.serving.measure.event_log import EventLog
from infertune.serving.measure.goal import Goal
from infertune.serving.measure.score import Press, measure
from infertune.types import Configuration

MODEL = "bundled:smollm2-135m"
SETTINGS: Mapping[str, tuple[Any, ...]] = {
    "max_num_seqs": (4, 128),
    "max_num_batched_tokens": (256, 512, 2048),
    "enable_prefix_caching": (False, True),
}
GIVEN = ("enforce_eager",)
INPUT, OUTPUT, PREFIX = 300, 24, 0.8
SLO = "p90_ttft<600ms, p90_itl<100ms"
RATES = (2, 3, 4, 5, 6)
GRID_SECONDS = 12.0  # of each load
PART = 5  # of the grid's time, for a search
BURST_SECONDS = 4.0  # of a search
JUDGE_SECONDS = 20.0
JUDGE_TURNS = 2
PORT = 8531
SWEEP = (
    "from vllm.utils.argparse_utils import FlexibleArgumentParser as Parser; from vllm.benchmarks.sweep import serve; "
    "parser = Parser(); serve.SweepServeArgs.add_cli_args(parser); serve.main(parser.parse_args())"
)


def sweep(folder: Path) -> None:
    """Run the grid, and add what it took to the file ``seconds.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    python, model = find(None), models.resolve(MODEL)
    combinations = [dict(zip(SETTINGS, values, strict=True)) for values in itertools.product(*SETTINGS.values())]
    (folder / "serve.json").write_text(json.dumps(combinations))
    loads = [{"request_rate": rate, "num_prompts": max(20, int(rate * GRID_SECONDS))} for rate in RATES]
    (folder / "bench.json").write_text(json.dumps(loads))
    given = serve_arguments.words({"generation_config": "vllm", **arguments.read(_given())})
    server = [
        *(str(python.path), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)),
        *("--served-model-name", MODEL, "--host", HOST, "--port", str(PORT), *given),
    ]
    shared = round(INPUT * PREFIX)
    client = [
        *(str(python.path), "-c", BENCH, "--backend", "openai", "--endpoint", "/v1/completions", "--model", MODEL),
        *("--base-url", f"http://{HOST}:{PORT}", "--tokenizer", str(model), "--dataset-name", "random"),
        *("--random-prefix-len", str(shared), "--random-input-len", str(INPUT - shared)),
        *("--random-output-len", str(OUTPUT), "--ignore-eos", "--temperature", "0", "--disable-tqdm"),
        *("--metric-percentiles", "50,90", "--ready-check-timeout-sec", "0"),
    ]
    # It knows this by itself of a server called `vllm serve` only.
    forget = ["curl", "--silent", "--request", "POST", f"http://{HOST}:{PORT}/reset_prefix_cache"]
    command = [
        *(str(python.path), "-c", SWEEP, "--serve-cmd", shlex.join(server), "--bench-cmd", shlex.join(client)),
        *("--serve-params", str(folder / "serve.json"), "--bench-params", str(folder / "bench.json")),
        *("--output-dir", str(folder), "--experiment-name", "grid", "--num-runs", "1"),
        *("--after-bench-cmd", shlex.join(forget)),
        *("--continue-on-error", *(["--resume"] if (folder / "grid").exists() else [])),
    ]
    environment = os.environ | arguments.environment(on_cpu=python.on_cpu, kv_cache_gib=None)
    began = time.monotonic()
    subprocess.run(command, env=environment, check=True)
    took = time.monotonic() - began
    known = folder / "seconds.json"
    known.write_text(json.dumps((json.loads(known.read_text()) if known.exists() else []) + [took]))


def search(folder: Path, seed: int) -> None:
    """Run ``infertune tune-serving`` with its part of the grid's time, and keep its answer and what it took."""
    budget = sum(json.loads((folder / "seconds.json").read_text())) / PART
    settings = [f"--set={name}={','.join(str(v).lower() for v in values)}" for name, values in SETTINGS.items()]
    given = [f"--engine-arg={name}" for name in GIVEN]
    command = [
        *(sys.executable, "-m", "infertune", "tune-serving", "--model", MODEL, "--json", "--only", *settings, *given),
        *("--workload", _workload(), "--slo", SLO, "--budget-seconds", f"{budget:.0f}"),
        *("--burst-seconds", str(BURST_SECONDS), "--seed", str(seed), "--study", f"seed-{seed}"),
        *("--db", str(folder / "search.db"), "--out", str(folder / f"serving-{seed}.yaml")),
    ]
    began = time.monotonic()
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    answer = json.loads(said) | {"wall_seconds": time.monotonic() - began}
    (folder / f"search-{seed}.json").write_text(json.dumps(answer))


def judge(folder: Path) -> None:
    """Find the capacity of every answer again, in turns, and keep what was found."""
    servers = vllm_server_launcher(MODEL, engine_args=_given())
    launcher = UnderLoad(servers, workload_text.parse(_workload(), configuration=None))
    goal = Goal(kind="goodput", slo=parse(SLO))
    log = EventLog(folder / "judge.db", "judge")
    account = LoadAccount(launcher, log, goal.slo, time.monotonic)
    found: dict[str, list[float]] = {}
    answers = {_key(settings): settings for _, settings in _answers(folder)}
    for turn in range(JUDGE_TURNS):
        for key, settings in list(answers.items())[:: 1 if turn % 2 == 0 else -1]:
            named = Configuration({f"engine.{name}": value for name, value in settings.items()})
            with account.open(named, f"turn {turn}") as server:
                measured = measure(
                    goal,
                    _pressed(server, seed=10 * turn),
                    seconds=JUDGE_SECONDS,
                    effort=Effort(most_bursts=6, tolerance=0.05),
                    start=3.0,
                )
            found.setdefault(key, []).append(math.exp(measured.score) if measured.score is not None else 0.0)
            print(key, found[key], flush=True)
    log.close()
    (folder / "judged.json").write_text(json.dumps(found))


def _pressed(server: PaidServer, *, seed: int) -> Press:
    slo = parse(SLO)
    return lambda load, n, turn: server.press(load, n_requests=n, seed=seed + turn, hopeless=hopeless(slo, n))


def table(folder: Path) -> None:
    """Print who answered what, in which time, and what that is worth."""
    judged = json.loads((folder / "judged.json").read_text())
    seconds = sum(json.loads((folder / "seconds.json").read_text()))
    best = float(np.mean(judged[_key(_grid_answer(folder))]))
    print(f"the grid: {math.prod(map(len, SETTINGS.values()))} settings, {len(RATES)} rates, {seconds:,.0f} s\n")
    print("| answer of | settings | wall time, s | requests/s under the SLO, by turn | of the grid's |")
    print("|---|---|---:|---|---:|")
    for name, settings in _answers(folder):
        at = folder / f"{name}.json"
        took = seconds if name == "grid" else json.loads(at.read_text())["wall_seconds"] if at.exists() else None
        wall = "" if took is None else f"{took:,.0f}"
        turns = judged[_key(settings)]
        words = " ".join(f"{key}={value}" for key, value in settings.items())
        shown = ", ".join(f"{each:.2f}" for each in turns)
        print(f"| {name} | {words} | {wall} | {shown} | {np.mean(turns) / best:.0%} |")


def _answers(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield who answered, and which settings; the random control is judged by what looked best in its own bursts."""
    yield "grid", _grid_answer(folder)
    for at in sorted(folder.glob("search-*.json")):
        answer = json.loads(at.read_text())
        if at.stem == "search-0":
            yield "default", _plain(answer["default"])
        if answer["verdict"]["recommended"] is not None:
            yield at.stem, _plain(answer["verdict"]["recommended"])
        control = [trial for trial in answer["trials"] if trial["arm"] == "random" and trial["value"] is not None]
        if control:
            yield at.stem.replace("search", "random"), _plain(max(control, key=lambda t: t["value"])["settings"])


def _grid_answer(folder: Path) -> dict[str, Any]:
    slo, best = parse(SLO), None
    for at in (folder / "grid").glob("*/summary.json"):
        for run in json.loads(at.read_text()):
            if run["completed"] == run["num_prompts"] and _keeps(run, slo):
                score = (run["request_rate"], -run["p90_ttft_ms"])
                if best is None or score > best[0]:
                    best = (score, {name: run[name] for name in SETTINGS})
    assert best is not None, "no setting of the grid keeps the SLO at any rate"
    return best[1]


def _keeps(run: Mapping[str, float], slo: Slo) -> bool:
    limits = {f"p{each.percentile:g}_{each.metric}_ms": 1000 * each.limit for each in slo.promises}
    return all(run[name] <= limit for name, limit in limits.items())


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[f"engine.{name}"] for name in SETTINGS}


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps({name: settings[name] for name in SETTINGS})


def _given() -> dict[str, Any]:
    return dict.fromkeys(GIVEN, True)


def _workload() -> str:
    return f"synthetic:input={INPUT},output={OUTPUT},prefix={PREFIX}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("act", choices=("sweep", "search", "judge", "table"))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    if asked.act == "search":
        for number in range(asked.seeds):
            search(asked.folder, number)
    else:
        {"sweep": sweep, "judge": judge, "table": table}[asked.act](asked.folder)
