"""Which settings each engine has, and the options that they become: those of the default are `optimize`'s own."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from installed_vllm import on_cpu

from infertune.engines.vllm.interpreter import VLLMPython
from infertune.errors import EngineError
from infertune.joint import tunable
from infertune.joint.tunable import HFTunable, VLLMTunable
from infertune.space import SearchSpace
from infertune.types import Configuration, Scalar


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
def vllm(started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VLLMTunable:
    python = VLLMPython(path=Path(sys.executable), version="0.32.0", on_cpu=True)
    monkeypatch.setattr(tunable, "find", lambda given: python)
    monkeypatch.setattr(tunable.installed, "ask", lambda *arguments, **named: on_cpu())
    (tmp_path / "config.json").write_text("{}")
    return VLLMTunable(started, str(tmp_path), {"engine_args": json.dumps({"max_model_len": 1024})})


def test_the_default_of_vllm_says_nothing_but_what_was_given(vllm: VLLMTunable, started: Started) -> None:
    space = SearchSpace(tuple(vllm.parameters), tuple(vllm.constraints))
    vllm.start(space.default_configuration())
    assert started.options == {"engine_args": '{"max_model_len": 1024}'}


def test_what_differs_is_said_to_vllm(vllm: VLLMTunable, started: Started) -> None:
    default = SearchSpace(tuple(vllm.parameters), tuple(vllm.constraints)).default_configuration()
    vllm.start(default.with_values({"engine.max_num_seqs": 16, "engine.dtype": "float32"}))
    assert started.options["dtype"] == "float32"
    assert json.loads(str(started.options["engine_args"])) == {"max_model_len": 1024, "max_num_seqs": 16}


def test_the_parts_of_speculation_come_together(vllm: VLLMTunable) -> None:
    default = SearchSpace(tuple(vllm.parameters), tuple(vllm.constraints)).default_configuration()
    lookup = {"engine.speculative_method": "ngram", "engine.speculative_tokens": 4, "engine.prompt_lookup_max": 4}
    told = json.loads(str(vllm.options(default.with_values(lookup))["engine_args"]))
    assert json.loads(told["speculative_config"])["num_speculative_tokens"] == 4


def test_on_a_cpu_vllm_keeps_its_seeds(vllm: VLLMTunable) -> None:
    assert "engine.enable_chunked_prefill" not in {parameter.name for parameter in vllm.parameters}


def test_which_settings_of_vllm_may_shape_text(vllm: VLLMTunable) -> None:
    shaping = {each.name for each in vllm.parameters if vllm.may_shape_text(each.name)}
    assert {"engine.dtype", "engine.kv_cache_dtype", "engine.speculative_method"} <= shaping
    assert not shaping & {"engine.max_num_seqs", "engine.block_size", "engine.enable_prefix_caching"}


def test_what_is_given_to_hf_is_not_searched() -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    names = {each.name for each in HFTunable(Started(), {"device": "cpu"}).parameters}
    assert {"engine.batch_size", "engine.dtype"} <= names
    given: dict[str, Scalar] = {"device": "cpu", "batch_size": 4, "dtype": "float32"}
    assert not {"engine.batch_size", "engine.dtype"} & {each.name for each in HFTunable(Started(), given).parameters}


@pytest.mark.parametrize("error", [MemoryError("none left"), RuntimeError("CUDA out of memory. Tried ...")])
def test_a_lack_of_memory_in_hf_is_named(error: Exception) -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    with pytest.raises(EngineError, match=r"^out of memory: "):
        HFTunable(Started(error), {"device": "cpu"}).start(Configuration({}))


def test_any_other_fault_of_hf_is_a_fault() -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    with pytest.raises(RuntimeError, match="shapes"):
        HFTunable(Started(RuntimeError("shapes")), {"device": "cpu"}).start(Configuration({}))
