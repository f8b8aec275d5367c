"""A real vLLM server over minutes: what kills it, what it shares with transformers, and studies that survive."""

import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from test_vllm_real import MODEL, SMALL, capitals

from infertune import tasks
from infertune.engines import models
from infertune.engines.endpoint.capabilities import vllm_capabilities
from infertune.engines.hf.engine import HFEngine
from infertune.engines.openai.engine import EndpointGone, OpenAIEngine
from infertune.engines.vllm.engine import VLLMEngine
from infertune.engines.vllm.interpreter import VARIABLE
from infertune.engines.vllm.server import VLLMServer
from infertune.types import Decoding, Engine, Request

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"needs a Python with vLLM, named by ${VARIABLE}"),
]


# What kills it


def long_prompts() -> list[Request]:
    """Return more prompt tokens at once than the server computes in one step, each prompt with its own beginning."""
    words = "river stone cloud market garden winter letter music bridge window".split()
    return [
        Request(
            example_id=str(number),
            prompt=" ".join(f"{word} {number} {line}" for line in range(16) for word in words),
            decoding=Decoding(max_tokens=4),
            samples=tuple(range(24)),
        )
        for number in range(8)
    ]


def test_by_its_own_defaults_it_dies_of_many_long_seeded_prompts(tmp_path: Path) -> None:
    """When this fails, vLLM has mended it, and our defaults on a CPU can be its own."""
    server = VLLMServer(
        python=Path(os.environ[VARIABLE]),
        model=models.resolve(MODEL),
        name="m",
        arguments=["--dtype", "bfloat16", "--max-model-len", "1024", "--enforce-eager"],
        environment={"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"},
        log=tmp_path / "server.log",
    )
    client = OpenAIEngine("m", base_url=server.base_url, capabilities=vllm_capabilities(), alive=server.is_well)
    with pytest.raises(EndpointGone):
        list(client.generate(long_prompts()))
    failure = server.failure(wait_seconds=60)
    client.close()
    server.stop()
    assert (failure.kind, failure.line) == ("crash", "RuntimeError: CPU Generator does not use offset")


@pytest.mark.parametrize(
    "engine_args",
    [{}, {"max_num_batched_tokens": 1024}, {"enable_chunked_prefill": True}, {"long_prefill_token_threshold": 64}],
    ids=json.dumps,
)
def test_as_we_start_it_it_lives(engine_args: dict[str, Any]) -> None:
    """With the user's own arguments too: where these split prompts, no seed is sent."""
    engine = VLLMEngine(
        MODEL, dtype="bfloat16", max_model_len=1024, engine_args={"enforce_eager": True, **engine_args}
    )
    try:
        for _ in range(2):
            responses = list(engine.generate(long_prompts()))
            assert len(responses) == 8
            assert not any(each.error for each in responses)
            assert all(each.prompt_tokens > 700 for each in responses)
        assert not engine.failures
        splits = {"enable_chunked_prefill", "long_prefill_token_threshold"} & engine_args.keys()
        assert engine.facts["seeded"] == ("no" if splits else "yes")
    finally:
        engine.close()


def test_killed_at_work_it_is_started_again_and_goes_on() -> None:
    asked = capitals(temperature=1.0, n=2)
    engine = VLLMEngine(MODEL, **SMALL)  # type: ignore[arg-type]
    responses = []
    try:
        for response in engine.generate(asked):
            responses.append(response)
            if len(responses) == 10:
                os.kill(engine.server_pid, signal.SIGKILL)
    finally:
        engine.close()
    assert sorted(each.request.example_id for each in responses) == sorted(each.example_id for each in asked)
    assert not any(each.error for each in responses)
    assert [failure.kind for failure in engine.failures] == ["killed"]


# What it has in common with transformers


def _texts(engine: Engine, asked: list[Request]) -> dict[str, list[str]]:
    return {each.request.example_id: [made.text for made in each.generations] for each in engine.generate(asked)}


def _utilities(texts: dict[str, list[str]]) -> list[float]:
    task = tasks.load("capitals")
    examples = {one.id: one for one in (*task.tune, *task.confirm)}
    return [
        sum(task.score(task.extract(text), examples[name]) for text in made) / len(made)
        for name, made in sorted(texts.items())
    ]


def test_it_agrees_with_transformers() -> None:
    """Greedily in float32 token by token; at temperature 1 in utility, within the error of sampling."""
    greedy, sampled = capitals(), capitals(temperature=1.0, n=4)
    vllm = VLLMEngine(MODEL, dtype="float32", max_model_len=1024, engine_args={"enforce_eager": True})
    mine, mine_sampled = _texts(vllm, greedy), _texts(vllm, sampled)
    vllm.close()
    hf = HFEngine(MODEL, dtype="float32")
    theirs, theirs_sampled = _texts(hf, greedy), _texts(hf, sampled)
    hf.close()
    same = sum(mine[name] == theirs[name] for name in mine)
    assert same >= 98  # of 100: a near-tie may flip
    differences = [a - b for a, b in zip(_utilities(mine_sampled), _utilities(theirs_sampled), strict=True)]
    mean = sum(differences) / len(differences)
    error = math.sqrt(sum((each - mean) ** 2 for each in differences) / (len(differences) - 1) / len(differences))
    print(f"{same} of {len(mine)} greedy texts agree; utility at temperature 1 differs by {mean:+.3f} +- {error:.3f}")
    assert abs(mean) < 4 * error


# Studies that survive


class Study:
    """``infertune optimize`` with a server, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [
            *(sys.executable, "-m", "infertune", "optimize", "--task", "capitals", "--engine", "vllm"),
            *("--model", MODEL, "--budget-tokens", "30k", "--db", "study.db", "--dtype", "bfloat16"),
            *("--engine-arg", "enforce_eager", "--engine-arg", "max_model_len=1024", "--json"),
        ]
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            self.process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err)

    def n_requests(self) -> int:
        """Return how many answers are in the database."""
        if not (self.folder / "study.db").exists():
            return 0
        with sqlite3.connect(f"file:{self.folder / 'study.db'}?mode=ro", uri=True, timeout=30) as connection:
            try:
                return int(connection.execute("SELECT count(*) FROM bank_requests").fetchone()[0])
            except sqlite3.OperationalError:
                return 0  # no table yet

    def wait_for(self, n_requests: int) -> bool:
        """Wait until there are so many; return whether the study still runs then."""
        while self.process.poll() is None and self.n_requests() < n_requests:
            time.sleep(0.05)
        return self.process.poll() is None

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def answer(self) -> Any:
        assert self.process.wait() == 0, (self.folder / "err").read_text()
        return json.loads((self.folder / "out").read_text())

    def check_books(self, answer: Any) -> None:
        """Check that no sample was bought twice, and that what was spent is what the answer says."""
        with sqlite3.connect(self.folder / "study.db") as connection:
            samples = Counter(
                connection.execute(
                    "SELECT key, sample FROM bank_requests r JOIN bank_generations g ON g.request = r.id"
                ).fetchall()
            )
            n_failed = connection.execute("SELECT count(*) FROM bank_requests WHERE error != ''").fetchone()[0]
        assert samples and set(samples.values()) == {1}
        assert n_failed == 0
        assert answer["spent"]["n_failed"] == 0


def test_ten_kills_of_the_server_lose_nothing(tmp_path: Path) -> None:
    study = Study(tmp_path)
    n_killed = 0
    while n_killed < 10 and study.wait_for(study.n_requests() + 20):
        servers = [one for one in study.family() if "vllm.entrypoints.openai.api_server" in one.cmdline()]
        servers = [one for one in servers if one.cmdline()[0] == os.environ[VARIABLE]]
        if servers:
            os.kill(servers[0].pid, signal.SIGKILL)
            psutil.wait_procs(servers, timeout=30)
            n_killed += 1
    answer = study.answer()
    assert n_killed == 10
    assert answer["engine_metrics"]["n_restarts"] == 10
    assert answer["engine_metrics"]["last_failure"].startswith("killed: ")
    study.check_books(answer)


def test_a_kill_of_infertune_leaves_no_process_and_the_study_goes_on(tmp_path: Path) -> None:
    study = Study(tmp_path)
    assert study.wait_for(100)
    family = study.family()
    assert len(family) >= 4  # supervisor, server, engine core, worker
    study.process.kill()
    study.process.wait()
    assert not psutil.wait_procs(family, timeout=30)[1]
    before = study.n_requests()
    again = Study(tmp_path)
    answer = again.answer()
    assert again.n_requests() > before >= 100
    again.check_books(answer)
