"""Which settings each engine has, and the options that they become: those of the default are `optimize`'s own."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tiny_model
from installed_vllm import on_cpu

from infertune.engines.launch import vllm_engine, vllm_settings
from infertune.engines.launch.hf_engine import HFEngineLauncher
from infertune.engines.launch.vllm_engine import VLLMEngineLauncher, vllm_engine_launcher
from infertune.engines.process.server_process import ServerFailed, kind_of
from infertune.engines.start import start
from infertune.engines.vllm.interpreter import VLLMPython
from infertune.space import SearchSpace
from infertune.testing.launcher_contract import Launch, SettingsContract
from infertune.types import Configuration, Scalar


class TestHFEngineLauncher(SettingsContract):
    """The launcher of a joint search keeps what those of servers keep, with a model in this process."""

    @pytest.fixture
    def launch(self, tmp_path: Path) -> Launch:
        pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
        model = str(tiny_model.write(tmp_path / "model"))
        threads = {"threads": 1, "device": "cpu"}
        return lambda _: HFEngineLauncher(lambda options, _: start("hf", model, {**threads, **options}), threads)


class Started:
    """Remembers the options that an engine was started with."""

    def __init__(self, error: Exception | None = None) -> None:
        self.options: Mapping[str, Scalar] = {}
        self._error = error

    def __call__(self, options: Mapping[str, Scalar], journal: Any) -> Any:
        self.options = options
        if self._error is not None:
            raise self._error
        return None


@pytest.fixture
def started() -> Started:
    return Started()


@pytest.fixture
def vllm(started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VLLMEngineLauncher:
    python = VLLMPython(path=Path(sys.executable), version="0.32.0", on_cpu=True)
    monkeypatch.setattr(vllm_engine, "find", lambda given: python)
    monkeypatch.setattr(vllm_settings.vllm_installed, "ask", lambda *arguments, **named: on_cpu())
    (tmp_path / "config.json").write_text("{}")
    return vllm_engine_launcher(started, str(tmp_path), {"engine_args": json.dumps({"max_model_len": 1024})})


def test_the_default_of_vllm_says_nothing_but_what_was_given(vllm: VLLMEngineLauncher, started: Started) -> None:
    space = SearchSpace(tuple(vllm.parameters), tuple(vllm.constraints))
    vllm.start(space.default_configuration())
    assert started.options == {"engine_args": '{"max_model_len": 1024}'}


def test_what_differs_is_said_to_vllm(vllm: VLLMEngineLauncher, started: Started) -> None:
    default = SearchSpace(tuple(vllm.parameters), tuple(vllm.constraints)).default_configuration()
    vllm.start(default.with_values({"engine.max_num_seqs": 16, "engine.dtype": "float32"}))
    assert started.options["dtype"] == "float32"
    assert json.loads(str(started.options["engine_args"])) == {"max_model_len": 1024, "max_num_seqs": 16}


def test_the_parts_of_speculation_come_together(vllm: VLLMEngineLauncher) -> None:
    default = SearchSpace(tuple(vllm.parameters), tuple(vllm.constraints)).default_configuration()
    lookup = {"engine.speculative_method": "ngram", "engine.speculative_tokens": 4, "engine.prompt_lookup_max": 4}
    told = json.loads(str(vllm.options(default.with_values(lookup))["engine_args"]))
    assert json.loads(told["speculative_config"])["num_speculative_tokens"] == 4


def test_on_a_cpu_vllm_keeps_its_seeds(vllm: VLLMEngineLauncher) -> None:
    assert "engine.enable_chunked_prefill" not in {parameter.name for parameter in vllm.parameters}


@pytest.mark.parametrize("name", ["max_num_seqs", "engine.max_num_seqs", "max-num-seqs", "--max-num-seqs"])
def test_a_setting_of_vllm_is_named_as_on_its_command_line(vllm: VLLMEngineLauncher, name: str) -> None:
    space = vllm.searched([f"{name}=8,16", "scheduling-policy=fcfs,priority"])
    assert space["engine.max_num_seqs"].values() == (8, 16)
    assert space["engine.scheduling_policy"].values() == ("fcfs", "priority")


def test_which_settings_of_vllm_may_shape_text(vllm: VLLMEngineLauncher) -> None:
    shaping = {each.name for each in vllm.parameters if vllm.may_shape_text(each.name)}
    assert {"engine.dtype", "engine.kv_cache_dtype", "engine.speculative_method"} <= shaping
    assert not shaping & {"engine.max_num_seqs", "engine.block_size", "engine.enable_prefix_caching"}


def test_what_is_given_to_hf_is_not_searched() -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    names = {each.name for each in HFEngineLauncher(Started(), {"device": "cpu"}).parameters}
    assert {"engine.batch_size", "engine.dtype"} <= names
    given: dict[str, Scalar] = {"device": "cpu", "batch_size": 4, "dtype": "float32"}
    assert not {"engine.batch_size", "engine.dtype"} & {
        each.name for each in HFEngineLauncher(Started(), given).parameters
    }


@pytest.mark.parametrize("error", [MemoryError("none left"), RuntimeError("CUDA out of memory. Tried ...")])
def test_a_lack_of_memory_in_hf_is_named(error: Exception) -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    with pytest.raises(ServerFailed, match=r"^out of memory: ") as caught:
        HFEngineLauncher(Started(error), {"device": "cpu"}).start(Configuration({}))
    assert caught.value.failure.kind == kind_of(caught.value) == "out of memory"


def test_any_other_fault_of_hf_is_a_fault() -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    with pytest.raises(RuntimeError, match="shapes"):
        HFEngineLauncher(Started(RuntimeError("shapes")), {"device": "cpu"}).start(Configuration({}))
