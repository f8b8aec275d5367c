"""A real vLLM server: started with settings that are not the defaults, pressed, and verified by what it does."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fakes import Few

from infertune.engines.launch.command_server import CommandLauncher
from infertune.engines.launch.command_settings import parameters
from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.launch.vllm_server import VLLMServerLauncher, vllm_server_launcher
from infertune.engines.process.server_process import ServerFailed
from infertune.engines.vllm.interpreter import VARIABLE
from infertune.exports.service import Service
from infertune.load.arrival_load import Load
from infertune.load.workload import LoadRequest
from infertune.serving.launch.server_deployment import ServerDeployment
from infertune.serving.launch.under_load import UnderLoad
from infertune.serving.verify.probes import effects
from infertune.serving.verify.running_server import RunningServer
from infertune.serving.verify.verify import verify
from infertune.types import Configuration

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"needs a Python with vLLM, named by ${VARIABLE}"),
]

UNLIKE_THE_DEFAULT: dict[str, Any] = {
    "engine.max_num_seqs": 6,
    "engine.max_num_batched_tokens": 1024,
    "engine.block_size": 64,
    "engine.enable_prefix_caching": False,
    "engine.speculative_method": "ngram",
    "engine.speculative_tokens": 3,
    "engine.prompt_lookup_max": 4,
}
CACHED: dict[str, Any] = {"engine.max_num_seqs": 5, "engine.block_size": 32, "engine.enable_prefix_caching": True}


class Long(Few):
    """Prompts of some blocks, so that a cache would show."""

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        return [LoadRequest(prompt=f"{seed}-{index} {'word ' * 90}", max_tokens=4) for index in range(n)]


@pytest.fixture(scope="module")
def servers() -> VLLMServerLauncher:
    return vllm_server_launcher("bundled:smollm2-135m", engine_args={"max_model_len": 1024, "enforce_eager": True})


@pytest.fixture(scope="module")
def launcher(servers: VLLMServerLauncher) -> UnderLoad:
    return UnderLoad(servers, Long())


@pytest.fixture(scope="module")
def unlike(launcher: UnderLoad) -> Iterator[ServerDeployment]:
    running = launcher.start(Configuration(UNLIKE_THE_DEFAULT))
    yield running
    running.close()


def test_the_settings_are_those_of_the_installed_version(launcher: UnderLoad) -> None:
    defaults = {parameter.alias: parameter.default for parameter in launcher.parameters}
    assert defaults["max_num_seqs"] == 128 and defaults["block_size"] == 128  # of the CPU build
    assert "optimization_level" not in defaults  # enforce_eager is given


def test_bursts_are_answered_and_counted(unlike: ServerDeployment) -> None:
    burst = unlike.press(Load(concurrency=4), n_requests=12, seed=1)
    assert not any(timing.error for timing in burst.timings)
    tokens = sum(timing.completion_tokens for timing in burst.timings)
    assert burst.counters["generation_tokens"] == tokens
    assert burst.counters["prompt_tokens"] == sum(timing.prompt_tokens for timing in burst.timings)
    assert unlike.start_seconds > 0


def test_every_setting_is_proved(unlike: ServerDeployment) -> None:
    with RunningServer(unlike.base_url) as server:
        findings = verify(server, settings=UNLIKE_THE_DEFAULT | {"engine.max_model_len": 1024}, decoding={})
    assert {finding.name: finding.verdict for finding in findings} == dict.fromkeys(
        [*UNLIKE_THE_DEFAULT, "engine.max_model_len"], "proved"
    )


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("max_num_seqs", 4),
        ("max_num_seqs", 8),
        ("enable_prefix_caching", True),
        ("speculative_method", "none"),
        ("speculative_tokens", 4),
        ("max_model_len", 2048),
        ("max_model_len", 512),
    ],
)
def test_a_wrong_file_is_contradicted_by_effect_alone(unlike: ServerDeployment, name: str, wrong: Any) -> None:
    right = {each.removeprefix("engine."): value for each, value in UNLIKE_THE_DEFAULT.items()}
    with RunningServer(unlike.base_url) as server:
        seen = [each.agrees for each in effects(server, {**right, name: wrong}) if each.name == name]
    assert seen == [False]


def test_the_prefix_cache_shows_its_blocks_and_is_empty_before_each_burst(
    launcher: UnderLoad, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = launcher.start(Configuration(CACHED))
    try:
        with RunningServer(running.base_url) as server:
            right = {each.removeprefix("engine."): value for each, value in CACHED.items()}
            assert all(each.agrees for each in effects(server, right))
            wrong = effects(server, {**right, "block_size": 64})
            assert [each.agrees for each in wrong if each.name == "block_size"] == [False]
        bursts = [running.press(Load(concurrency=1), n_requests=3, seed=1) for _ in range(2)]
        assert all(burst.counters["prefix_queried_tokens"] > 3 * 64 for burst in bursts)
        assert [burst.counters["prefix_hit_tokens"] for burst in bursts] == [0, 0]
        monkeypatch.setattr(running, "_reset", lambda _: None)
        again = running.press(Load(concurrency=1), n_requests=3, seed=1)  # what the second one has asked
        assert again.counters["prefix_hit_tokens"] >= 3 * 64
    finally:
        running.close()


def test_what_vllm_refuses_is_a_bad_argument(launcher: UnderLoad) -> None:
    with pytest.raises(ServerFailed, match=r"bad argument: .*max_num_batched_tokens") as caught:
        launcher.start(Configuration({"engine.max_num_seqs": 64, "engine.max_num_batched_tokens": 32}))
    assert caught.value.failure.kind == "bad argument"


def test_a_real_death_under_load_is_told_with_its_cause(servers: VLLMServerLauncher) -> None:
    """On a CPU, vLLM 0.32 dies of seeded requests whose prompts are computed in more than one step."""
    if servers.facts["device"] != "cpu":
        pytest.skip("a fault of the CPU build")
    running = UnderLoad(servers, Seeded()).start(Configuration({"engine.max_num_batched_tokens": 256}))
    with pytest.raises(ServerFailed, match="CPU Generator does not use offset") as caught:
        running.press(Load(concurrency=16), n_requests=64, seed=1)
    running.close()
    assert caught.value.failure.kind == "crash"


class Seeded(Long):
    """What a load must not ask of a CPU."""

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        return [
            LoadRequest(prompt=request.prompt, max_tokens=24, settings=(("seed", index),))
            for index, request in enumerate(super().requests(n, seed=seed))
        ]


def test_the_same_server_by_a_command(launcher: UnderLoad) -> None:
    from infertune.engines import models
    from infertune.engines.vllm.interpreter import find

    template = CommandTemplate(
        f"{find(None).path} -m vllm.entrypoints.openai.api_server --model {{model}} --host {{host}} --port {{port}} "
        "--max-model-len 1024 --enforce-eager --max-num-seqs {engine.seqs} --block-size 32"
    )
    by_command = CommandLauncher(
        template,
        str(models.resolve("bundled:smollm2-135m")),
        parameters=parameters(template, ["seqs=5,7"]),
        reset_path="/reset_prefix_cache",
        environment={"VLLM_SERVER_DEV_MODE": "1", "VLLM_CPU_KVCACHE_SPACE": "2", "HF_HUB_OFFLINE": "1"},
    )
    running = UnderLoad(by_command, Long()).start(Configuration({"engine.seqs": 7}))
    try:
        bursts = [running.press(Load(rate=8.0), n_requests=6, seed=1) for _ in range(2)]
        assert not any(timing.error for burst in bursts for timing in burst.timings)
        assert [burst.counters["prefix_hit_tokens"] for burst in bursts] == [0, 0]
        with RunningServer(running.base_url) as server:
            (seen,) = effects(server, {"max_num_seqs": 7})
        assert seen.agrees
    finally:
        running.close()


def test_the_parser_takes_what_is_handed_over() -> None:
    from infertune.engines import models
    from infertune.engines.vllm import installed
    from infertune.engines.vllm.interpreter import find

    decoding = {"decoding.temperature": 0.7, "decoding.top_p": 0.9, "decoding.max_tokens": 9}
    service = Service(model="m", settings=UNLIKE_THE_DEFAULT, decoding=decoding)
    taken = installed.ask(find(None), models.resolve("bundled:smollm2-135m"), arguments=service.flags())
    for name, value in UNLIKE_THE_DEFAULT.items():
        assert taken.default(name.removeprefix("engine.")) == value
    assert taken.config["model_config"]["override_generation_config"] == {"temperature": 0.7, "top_p": 0.9}
