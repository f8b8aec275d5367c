"""How busy a search keeps its engine: its tokens per second, and those of the same requests sent in one open loop.

    python -m benchmarks.engine_busy                                   # a simulated server at 8, 64 and 256 in flight
    python -m benchmarks.engine_busy --vllm-python PATH --in-flight 64 # vLLM with a small model

The simulated server is a process of its own that gives each sample a place and a token every so often, so nothing but
its client can leave a place empty. Search and open loop take turns in one run; both count completion tokens, from the
first request to the last answer, the start and the end of the search with what they leave empty among them. The open
loop has nothing else to do: it neither keeps, scores nor decides.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infertune import tasks
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.engines.endpoint.capabilities import vllm_capabilities
from infertune.engines.openai.engine import OpenAIEngine
from infertune.engines.vllm.engine import VLLMEngine
from infertune.space.default_space import default_space
from infertune.space.notation import changed
from infertune.study import Study
from infertune.study.progress import Progress
from infertune.study.search_names import search_named
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.testing import FakeEngine, OpenAIServer
from infertune.types import Engine, Request, Response, Unsupported

SECONDS = 60.0  # that a search takes about
TOKEN_SECONDS = 0.03  # of the simulated server
USUAL_TOKENS = 40.0
PROMPT_TOKENS = 12
SEARCH_SHARE = 0.55  # of a budget, about
_NUMBER = re.compile(r"q(\d+)")


def write(request: Request, sample: int, source: random.Random) -> str:
    """Write some words and an answer, right by chance: best with the good prompt and little temperature."""
    number = _NUMBER.search(str(request.prompt))
    chance = 0.3 + 0.3 * ("at once" in str(request.prompt)) + 0.2 * (1 - min(request.decoding.temperature, 1.0))
    answer = f"a{number[1] if number else 0}" if source.random() < chance else f"no{source.randint(0, 3)}"
    return " ".join(["so"] * min(int(source.lognormvariate(3.5, 0.5)), 120) + [answer])


class Server(OpenAIServer):
    """Gives each call a place for every sample, for as long as the longest of them takes."""

    def __init__(self, n_places: int) -> None:
        super().__init__(FakeEngine(write))
        self._n_places = self._n_free = n_places
        self._freed = threading.Condition()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        n = min(int(body.get("n", 1)), self._n_places)
        with self._freed:
            self._freed.wait_for(lambda: self._n_free >= n)
            self._n_free -= n
        status, said = super().answer(path, body)
        self.bodies.clear()
        time.sleep(TOKEN_SECONDS * max((len(each["token_ids"]) for each in said.get("choices", [])), default=0))
        with self._freed:
            self._n_free += n
            self._freed.notify_all()
        return status, said


@contextmanager
def simulated(n_places: int) -> Iterator[str]:
    """Serve from a process of its own; give its address."""
    command = [sys.executable, "-m", "benchmarks.engine_busy", "--serve", str(n_places)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


@dataclass
class Watched:
    """An engine whose calls are watched: what was asked in a phase of the study, how long it took, what it brought."""

    engine: Engine
    phase: str = ""
    requests: list[Request] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0

    @property
    def facts(self) -> Mapping[str, str]:
        return self.engine.facts

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        return self.engine.unsupported

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        began = time.monotonic()
        asked: list[Request] = []
        tokens, phase = 0, ""

        def noted() -> Iterator[Request | None]:
            for request in requests:
                if request is not None:
                    asked.append(request)
                yield request

        for response in self.engine.generate(noted()):
            tokens += response.completion_tokens
            yield response
            phase = phase or self.phase
        if phase == "search":
            self.requests += asked
            self.seconds += time.monotonic() - began
            self.tokens += tokens

    def close(self) -> None:
        self.engine.close()


def task_of(folder: Path, n_examples: int) -> Task:
    """Return a task with four prompts whose answers the simulated server knows."""
    rows = [{"number": f"q{number}", "answer": f"a{number}"} for number in range(n_examples)]
    (folder / "busy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    prompts = (
        "Say the answer to {number} at once:",
        "The question is {number}:",
        "{number}?",
        "Think about {number}:",
    )
    definition = {
        "name": "busy",
        "version": 1,
        "source": "made",
        "licence": "Apache-2.0",
        "data": "busy.jsonl",
        "fields": {"number": "number"},
        "reference": "answer",
        "splits": {"tune": n_examples - 100, "confirm": 100},
        "prompts": [{"name": f"p{at}", "kind": "plain", "text": text} for at, text in enumerate(prompts)],
        "max_tokens": [128, 256],
        "extraction": [{"kind": "regex", "pattern": r"(\S+)$"}],
        "scorer": "exact",
    }
    (folder / "busy.yaml").write_text(json.dumps(definition))
    return tasks.load(folder / "busy.yaml")


def measured(engine: Engine, task: Task, budget: int, search: str) -> dict[str, float]:
    """Run a study and the requests of its search once more in an open loop; close the engine."""
    watched = Watched(engine)

    def on_progress(progress: Progress) -> None:
        watched.phase = progress.phase

    space = default_space(prompts=tuple(task.prompts), max_tokens=task.max_tokens_choices)
    with tempfile.TemporaryDirectory() as folder:
        bank = SampleBank(Path(folder) / "study.db")
        used = time.process_time()
        found = Study(
            name="busy",
            task=task,
            space=changed(space, ("n=1,3,5",)),
            engine=watched,
            search=search_named(search),
            bank=bank,
            log=TrialLog(bank.url, "busy"),
            budget=Budget(tokens=budget),
            on_progress=on_progress,
        ).run()
        used = time.process_time() - used
        bank.close()
    began = time.monotonic()
    tokens = sum(response.completion_tokens for response in engine.generate(watched.requests))
    seconds = time.monotonic() - began
    engine.close()
    return {
        "search": watched.tokens / watched.seconds,
        "open": tokens / seconds,
        "seconds": watched.seconds,
        "requests": len(watched.requests),
        "orders": found.n_trials,
        "cpu": used / watched.seconds,
    }


def at_simulated(in_flight: int, seconds: float, search: str, folder: Path) -> dict[str, float]:
    """Measure at a simulated server with so many places."""
    pace = in_flight / TOKEN_SECONDS * (1 + PROMPT_TOKENS / USUAL_TOKENS)
    with simulated(in_flight) as base_url:
        known = vllm_capabilities(seed=True)
        engine = OpenAIEngine("fake", base_url=base_url, concurrency=in_flight, capabilities=known)
        return measured(engine, task_of(folder, 1_100), int(seconds * pace / SEARCH_SHARE), search)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[8, 64, 256])
    parser.add_argument("--vllm-python", help="interpreter that has vLLM, in place of a simulated server")
    parser.add_argument("--model", default="bundled:smollm2-135m", help="of vLLM")
    parser.add_argument("--task", default="capitals", help="for it")
    parser.add_argument("--tokens", type=int, default=150_000, help="budget of the study on it")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="that a search at the simulated one takes about"
    )
    parser.add_argument("--search", default="knowledge-gradient")
    options = parser.parse_args()
    if options.serve:
        with Server(options.serve) as server:
            print(server.base_url, flush=True)
            threading.Event().wait()
    print("| in flight | search, tokens/s | open loop, tokens/s | ratio | requests | orders | seconds | own CPU |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for in_flight in options.in_flight:
            if options.vllm_python:
                # What the search has asked would else be answered faster when it is asked again.
                own = {"enable_prefix_caching": False}
                engine = VLLMEngine(
                    options.model, vllm_python=options.vllm_python, concurrency=in_flight, engine_args=own
                )
                found = measured(engine, tasks.load(options.task), options.tokens, options.search)
            else:
                found = at_simulated(in_flight, options.seconds, options.search, Path(folder))
            ratio = found["search"] / found["open"]
            print(
                f"| {in_flight} | {found['search']:,.0f} | {found['open']:,.0f} | {ratio:.3f} "
                f"| {found['requests']:,.0f} | {found['orders']:,.0f} | {found['seconds']:.0f} | {found['cpu']:.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
