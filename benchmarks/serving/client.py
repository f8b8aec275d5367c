"""Our generator of load beside `vllm bench serve`: the same prompts, lengths and arrivals, taking turns.

    python -m benchmarks.serving.client --tokenizer FOLDER --vllm-python PATH --base-url URL --model NAME
    python -m benchmarks.serving.client --tokenizer FOLDER --vllm-python PATH --planned

With --together both ask at the same moments instead of taking turns: on a machine whose speed changes from one second
to the next, only then do they see the same server.

The first is against a running server, started without its prefix cache, for every turn asks the same. The second is
against a server of planned delays. Ours counts from when a request was due; here it counts from when it was sent, as
`vllm bench serve` does. Both draw the same arrivals, which is checked.
"""

import argparse
import json
import math
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from infertune import tasks
from infertune.load.arrival_load import Load
from infertune.load.generator import generate
from infertune.load.measures import Measures, measures
from infertune.load.workload import LoadRequest
from infertune.testing.streaming_server import StreamingServer, StreamPlan

# `vllm bench serve` itself looks for a distribution called vllm, which builds under other names do not have.
BENCH = (
    "from vllm.utils.argparse_utils import FlexibleArgumentParser as Parser; from vllm.benchmarks import serve; "
    "parser = Parser(); serve.add_cli_args(parser); serve.main(parser.parse_args())"
)
METRICS = {"ttft": "ttft", "itl": "itl", "tpot": "tpot", "e2e": "e2el"}  # ours: theirs
STATISTICS = {"mean": "mean", "p50": "p50", "p90": "p90", "p99": "p99"}
Figures = dict[str, float]


def prompts(n: int) -> list[str]:
    task = tasks.load("capitals")
    fields = [next(iter(example.fields.values())) for example in (*task.tune, *task.confirm)]
    return [f"Question {number}: tell me all about {fields[number % len(fields)]}." for number in range(n)]


def their_arrivals(n: int, rate: float, seed: int) -> list[float]:
    """Return when `vllm bench serve` sends each request; the first waits for a gap of its own."""
    gaps = np.random.RandomState(seed).gamma(1.0, 1 / rate, n)
    times = np.cumsum(gaps)
    return [float(time) for time in times * (n / rate / times[-1])]


def ours(options: argparse.Namespace, url: str, texts: list[str]) -> tuple[Figures, str]:
    arrivals = their_arrivals(len(texts), options.rate, options.seed)
    requests = [
        LoadRequest(
            prompt=text,
            max_tokens=options.max_tokens,
            arrival=arrival,
            settings=(("temperature", 0.0), ("repetition_penalty", 1.0)),
            ignore_eos=True,
        )
        for text, arrival in zip(texts, arrivals, strict=True)
    ]
    rate = (len(texts) - 1) / (arrivals[-1] - arrivals[0])
    done = generate(url, options.model, requests, Load(rate=rate), seed=options.seed)
    assert not any(timing.error for timing in done.timings), done.timings
    # As they count: from when a request was sent, which leaves out how late that was.
    found = measures([replace(timing, due=timing.sent) for timing in done.timings], done.seconds)
    note = f"lateness {1000 * done.lateness:.1f} ms, lag {1000 * done.lag:.1f} ms, {done.cpu_ms:.2f} ms a request"
    return figures(found), note + (f"; VOID: {done.void}" if done.void else "")


def figures(found: Measures) -> Figures:
    made = {
        f"{statistic} {metric}": getattr(getattr(found, metric), statistic)
        for metric in METRICS
        for statistic in STATISTICS
    }
    return made | {"requests/s": found.request_rate, "tokens/s": found.output_rate}


def theirs(
    options: argparse.Namespace, url: str, texts: list[str], folder: Path, *, begun: Callable[[], None] = lambda: None
) -> tuple[Figures, str]:
    """Run it, and call ``begun`` when its clock starts."""
    # The one form of prompts of one's own that it reads without pandas.
    rows = [{"conversations": [{"value": text}, {"value": "an answer"}]} for text in texts]
    (folder / "prompts.json").write_text(json.dumps(rows))
    command = [
        *(options.vllm_python, "-c", BENCH, "--backend", "openai"),
        *("--base-url", url.removesuffix("/v1"), "--endpoint", "/v1/completions", "--model", options.model),
        *("--tokenizer", options.tokenizer, "--dataset-name", "sharegpt", "--dataset-path", "prompts.json"),
        *("--sharegpt-output-len", str(options.max_tokens), "--disable-shuffle", "--ignore-eos"),
        *("--num-prompts", str(len(texts)), "--request-rate", str(options.rate), "--seed", str(options.seed)),
        *("--temperature", "0", "--ready-check-timeout-sec", "0", "--disable-tqdm", "--save-result"),
        *("--save-detailed", "--result-filename", "result.json"),
        *("--percentile-metrics", "ttft,tpot,itl,e2el", "--metric-percentiles", "50,90,99"),
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (folder / "said.txt").open("w") as said:
        running = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=said, text=True, env=environment
        )
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("Traffic request rate"):
                begun()
    if running.wait():
        sys.exit(f"vllm bench serve failed:\n{(folder / 'said.txt').read_text()[-2000:]}")
    result = json.loads((folder / "result.json").read_text())
    assert result["completed"] == len(texts), result["completed"]
    made = {
        f"{statistic} {metric}": result[f"{their_statistic}_{name}_ms"] / 1000
        for metric, name in METRICS.items()
        for statistic, their_statistic in STATISTICS.items()
    }
    made |= {"requests/s": result["request_throughput"], "tokens/s": result["output_throughput"]}
    return made, f"lateness {1000 * _late(result, options):.1f} ms"


def _late(result: Mapping[str, list[float]], options: argparse.Namespace) -> float:
    """Return how far their arrivals are from those that we take for theirs, the start of the clock left open."""
    sent = np.sort(result["start_times"])
    away = sent - np.array(their_arrivals(len(sent), options.rate, options.seed))
    return float(np.quantile(away - away.min(), 0.95))


def together(options: argparse.Namespace, url: str, texts: list[str], folder: Path) -> dict[str, tuple[Figures, str]]:
    """Run both at the same moments, so that whatever holds up the server holds up both."""
    first = their_arrivals(len(texts), options.rate, options.seed)[0]

    def ours_then() -> tuple[Figures, str]:
        time.sleep(first)
        return ours(options, url, texts)

    with ThreadPoolExecutor() as pool:
        started: list[Future[tuple[Figures, str]]] = []
        other = theirs(options, url, texts, folder, begun=lambda: started.append(pool.submit(ours_then)))
        return {"ours": started[0].result(), "theirs": other}


def in_turns(
    options: argparse.Namespace, url: str, texts: list[str], folder: Path, number: int
) -> dict[str, tuple[Figures, str]]:
    return {
        side: theirs(options, url, texts, folder) if side == "theirs" else ours(options, url, texts)
        for side in (("ours", "theirs") if number % 2 else ("theirs", "ours"))
    }


@contextmanager
def server(options: argparse.Namespace) -> Iterator[str]:
    if not options.planned:
        yield options.base_url
        return
    # In a process of its own, for threads of one process wait for each other.
    context = multiprocessing.get_context("spawn")
    urls: multiprocessing.Queue[str] = context.Queue()
    process = context.Process(target=serve_planned, args=(options.requests, urls), daemon=True)
    process.start()
    try:
        yield urls.get(timeout=60)
    finally:
        process.terminate()
        process.join()


def serve_planned(n_requests: int, urls: "multiprocessing.Queue[str]") -> None:
    """Serve until this process is ended."""
    rng = np.random.default_rng(0)
    delays = [(float(rng.gamma(4, 0.02)), float(rng.uniform(0.005, 0.03))) for _ in range(n_requests)]

    def planned(number: int, body: Mapping[str, object]) -> StreamPlan:
        ttft, itl = delays[int(str(body["prompt"]).split()[1].rstrip(":"))]
        return StreamPlan(ttft=ttft, itl=itl)

    with StreamingServer(planned) as running:
        urls.put(running.base_url)
        signal.pause()


def table(rounds: list[dict[str, Figures]]) -> Iterator[str]:
    yield "| | ours | `vllm bench serve` | ratio, median turn | its range over turns | ours apart | theirs apart |"
    yield "|---|---:|---:|---:|---|---:|---:|"
    for name in rounds[0]["ours"]:
        own, other = ([turn[side][name] for turn in rounds] for side in ("ours", "theirs"))
        ratios = [a / b for a, b in zip(own, other, strict=True)]
        name, scale = (name, 1) if name.endswith("/s") else (f"{name}, ms", 1000)
        yield (
            f"| {name} | {scale * statistics.median(own):.2f} | {scale * statistics.median(other):.2f} | "
            f"{statistics.median(ratios):.3f} | {min(ratios):.3f} to {max(ratios):.3f} | "
            f"{_apart(own):.1%} | {_apart(other):.1%} |"
        )


def _apart(values: list[float]) -> float:
    """Return the standard deviation between turns of one side, as a share of the mean."""
    return statistics.stdev(values) / statistics.mean(values) if len(values) > 1 else math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planned", action="store_true", help="against a server of planned delays")
    parser.add_argument("--together", action="store_true", help="both at the same time instead of in turns")
    parser.add_argument("--base-url")
    parser.add_argument("--model", default="planned")
    parser.add_argument("--tokenizer", required=True, help="folder of the model, for vllm bench serve")
    parser.add_argument("--vllm-python", required=True, type=os.path.abspath, help="the Python that has vLLM")
    parser.add_argument("--rate", type=float, default=2.0)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    texts, rounds = prompts(options.requests), []
    with server(options) as url, tempfile.TemporaryDirectory() as folder:
        ours(options, url, texts[:8])  # warms the server up
        for number in range(options.rounds):
            run = together if options.together else partial(in_turns, number=number)
            turn = run(options, url, texts, Path(folder))
            for side, (_, note) in turn.items():
                print(f"turn {number + 1}, {side}: {note}", flush=True)
            rounds.append({side: found for side, (found, _) in turn.items()})
    print(*table(rounds), sep="\n")


if __name__ == "__main__":
    main()
