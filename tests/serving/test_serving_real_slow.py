"""A real vLLM server: started with settings that are not the defaults, pressed, and verified by what it does."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import Few

from infertune.configuration import Configuration
from infertune.engines.vllm.interpreter import VARIABLE
from infertune.engines.vllm.process import ServerFailed
from infertune.load.load import Load
from infertune.serving.running_server import RunningServer
from infertune.serving.server_deployment import ServerDeployment
from infertune.serving.verify import verify
from infertune.serving.verify_probes import effects
from infertune.serving.vllm_launcher import VLLMLauncher, vllm_launcher

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


@pytest.fixture(scope="module")
def launcher() -> VLLMLauncher:
    return vllm_launcher("bundled:smollm2-135m", Few(), engine_args={"max_model_len": 1024, "enforce_eager": True})


@pytest.fixture(scope="module")
def unlike(launcher: VLLMLauncher) -> Iterator[ServerDeployment]:
    running = launcher.start(Configuration(UNLIKE_THE_DEFAULT))
    yield running
    running.close()


def test_the_settings_are_those_of_the_installed_version(launcher: VLLMLauncher) -> None:
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


def test_the_prefix_cache_shows_its_blocks_and_is_empty_before_each_burst(launcher: VLLMLauncher) -> None:
    running = launcher.start(Configuration(CACHED))
    try:
        with RunningServer(running.base_url) as server:
            right = {each.removeprefix("engine."): value for each, value in CACHED.items()}
            assert all(each.agrees for each in effects(server, right))
            wrong = effects(server, {**right, "block_size": 64})
            assert [each.agrees for each in wrong if each.name == "block_size"] == [False]
            server.complete([300] * 200, max_tokens=1)
        for _ in range(2):  # the second asks what the first has asked
            burst = running.press(Load(concurrency=1), n_requests=3, seed=1)
            assert burst.counters["prefix_queried_tokens"] > 0
            assert burst.counters["prefix_hit_tokens"] == 0
    finally:
        running.close()


def test_what_vllm_refuses_is_a_bad_argument(launcher: VLLMLauncher, tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="bad argument: .*max_num_batched_tokens") as caught:
        launcher.start(Configuration({"engine.max_num_seqs": 64, "engine.max_num_batched_tokens": 32}))
    assert caught.value.failure.kind == "bad argument"
