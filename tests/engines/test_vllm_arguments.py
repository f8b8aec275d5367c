"""The command line of a managed server, and where its Python is found."""

import itertools
import sys
from pathlib import Path
from typing import Any

import pytest

from infertune.engines.vllm import interpreter as vllm_python
from infertune.engines.vllm.arguments import ServerArguments, read, server_arguments
from infertune.errors import DataUnavailableError, InvalidInputError

FAKE = Path(__file__).parent / "fake_vllm"


def arguments(given: Any = None, *, on_cpu: bool = True, **options: Any) -> ServerArguments:
    return server_arguments(read(given), on_cpu=on_cpu, **options)


def test_the_defaults_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    made = arguments()
    assert made.words() == [
        *("--generation-config", "vllm", "--dtype", "auto", "--block-size", "32", "--no-enable-chunked-prefill")
    ]
    assert made.environment["VLLM_CPU_KVCACHE_SPACE"] == "2"
    assert made.seeds_are_safe
    assert made.shaping == {"generation_config": "vllm", "dtype": "auto"}


def test_the_defaults_elsewhere() -> None:
    made = arguments(on_cpu=False, dtype="float16", max_model_len=512)
    assert made.words() == ["--generation-config", "vllm", "--dtype", "float16", "--max-model-len", "512"]
    assert "VLLM_CPU_KVCACHE_SPACE" not in made.environment
    assert made.seeds_are_safe
    assert made.shaping == {"generation_config": "vllm", "dtype": "float16", "max_model_len": "512"}


def test_the_cache_of_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "7")
    assert arguments().environment["VLLM_CPU_KVCACHE_SPACE"] == "7"
    assert arguments(kv_cache_gib=3).environment["VLLM_CPU_KVCACHE_SPACE"] == "3"


def test_the_users_arguments_come_before_the_defaults() -> None:
    given = {
        "--max-num-seqs": "64",
        "block_size": 64,
        "enforce-eager": "",
        "enable_prefix_caching": "false",
        "no-async-scheduling": "true",
        "quantization": "fp8",
        "speculative_config": {"method": "ngram", "num_speculative_tokens": 4},
    }
    made = arguments(given)
    words = made.words()
    pairs = dict(itertools.pairwise(words))
    assert (pairs["--max-num-seqs"], pairs["--block-size"], pairs["--quantization"]) == ("64", "64", "fp8")
    assert words.count("--block-size") == 1
    assert {"--enforce-eager", "--no-enable-prefix-caching", "--no-async-scheduling"} <= set(words)
    assert pairs["--speculative-config"] == '{"method": "ngram", "num_speculative_tokens": 4}'
    assert set(made.shaping) == {"generation_config", "dtype", "quantization", "speculative_config"}
    assert arguments('{"max_num_seqs": "64"}').values["max_num_seqs"] == "64"


@pytest.mark.parametrize(
    ("given", "is_safe"),
    [
        ({"enable_chunked_prefill": True}, False),
        ({"enable-chunked-prefill": ""}, False),
        ({"no_enable_chunked_prefill": ""}, True),
        ({"long_prefill_token_threshold": "64"}, False),
        ({"long_prefill_token_threshold": 0}, True),
        ({"max_num_batched_tokens": 4096}, True),
    ],
)
def test_no_seeds_on_a_cpu_that_computes_a_prompt_in_several_steps(given: dict[str, Any], is_safe: bool) -> None:
    assert arguments(given).seeds_are_safe == is_safe
    assert arguments(given, on_cpu=False).seeds_are_safe


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[1]", r"must be an object of names and values, not \[1\]"),
        ("{", "must be a JSON object, and is none"),
        ({"port": 1}, "the engine argument port cannot be set: a free one is chosen"),
        ({"--host": "0.0.0.0"}, "host cannot be set: the server listens on 127.0.0.1 only"),
        ({"dtype": "half"}, "dtype cannot be set: use dtype"),
        ({"max num seqs": 1}, "must be a name such as max_num_seqs, not 'max num seqs'"),
        ({"max_num_seqs": None}, "max_num_seqs must be a plain value, not None"),
        ({"max_num_seqs": 1, "max-num-seqs": 2}, "max_num_seqs is given twice"),
        ({"no_enforce_eager": "ture"}, "a flag must be true or false, not 'ture'; did you mean 'true'"),
    ],
)
def test_messages(given: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read(given)


def test_a_length_that_is_given_twice() -> None:
    with pytest.raises(InvalidInputError, match="max_model_len is given twice"):
        arguments({"max_model_len": 5}, max_model_len=6)


# Where the Python is


@pytest.fixture
def without_vllm(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(vllm_python, "find_spec", lambda _name: None)
    monkeypatch.delenv("INFERTUNE_VLLM_PYTHON", raising=False)
    return monkeypatch


def test_a_python_that_is_named(without_vllm: pytest.MonkeyPatch) -> None:
    without_vllm.setenv("PYTHONPATH", str(FAKE))
    found = vllm_python.find(sys.executable)
    assert (found.path, found.version, found.on_cpu) == (Path(sys.executable), "0.32.0", False)
    without_vllm.setenv("INFERTUNE_VLLM_PYTHON", sys.executable)
    assert vllm_python.find(None) == found


def test_this_python_comes_before_the_environment(without_vllm: pytest.MonkeyPatch) -> None:
    without_vllm.setattr(vllm_python, "find_spec", lambda name: name)
    without_vllm.setenv("PYTHONPATH", str(FAKE))
    without_vllm.setenv("INFERTUNE_VLLM_PYTHON", "/nowhere/python")
    assert vllm_python.find(None).path == Path(sys.executable)


@pytest.mark.usefixtures("without_vllm")
def test_nowhere() -> None:
    with pytest.raises(DataUnavailableError, match=r"needs the package vllm: .*vllm_python or .INFERTUNE_VLLM_PYTHON"):
        vllm_python.find(None)
    with pytest.raises(InvalidInputError, match="there is no program '/nowhere/python'"):
        vllm_python.find("/nowhere/python")
    with pytest.raises(InvalidInputError, match=r"'/bin/false' is no Python"):
        vllm_python.find("/bin/false")
    with pytest.raises(DataUnavailableError, match="has no vLLM: install it"):
        vllm_python.find(sys.executable)
