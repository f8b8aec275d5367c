"""What is searched is what this version, these devices and this model have room for; any other flag by its name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from installed_vllm import FLAGS, config, on_cpu, on_gpus

from infertune.engines.vllm import effective_config, settings
from infertune.engines.vllm.installed import Flag, Installed
from infertune.errors import InvalidInputError
from infertune.space import Parameter, SearchSpace
from infertune.space.notation import changed


def searched(installed: Installed, *given: str, changing_answers: bool = False) -> dict[str, Parameter]:
    found = settings.parameters(installed, given=dict.fromkeys(given, 1), changing_answers=changing_answers)
    assert all(p.name == f"engine.{p.alias}" and p.tier == "engine" for p in found)
    return {parameter.alias: parameter for parameter in found}


def space(installed: Installed) -> SearchSpace:
    found = settings.parameters(installed, given={})
    return SearchSpace(found, settings.constraints(installed, found))


def test_on_a_cpu() -> None:
    found = searched(on_cpu())
    assert found.keys() == {
        *("max_num_seqs", "max_num_batched_tokens", "block_size", "enable_prefix_caching", "enable_chunked_prefill"),
        *("speculative_method", "speculative_tokens", "prompt_lookup_max", "optimization_level"),
    }
    assert all(int(size) % 32 == 0 for size in found["block_size"].choices)
    assert found["speculative_method"].choices == ("none", "ngram")  # suffix needs a package that is not there


def test_the_defaults_are_what_vllm_makes_of_the_model_here() -> None:
    defaults = dict(space(on_cpu(max_num_seqs=96)).default_configuration())
    assert defaults == {
        "engine.max_num_seqs": 96,  # not one of the table's values, and a value all the same
        "engine.max_num_batched_tokens": 2048,
        "engine.block_size": 128,
        "engine.enable_prefix_caching": True,
        "engine.enable_chunked_prefill": True,
        "engine.speculative_method": "none",
        "engine.optimization_level": 2,
    }


def test_on_gpus_devices_heads_and_packages_decide() -> None:
    found = searched(on_gpus(8, modules=("flashinfer", "arctic_inference")))
    assert found["tensor_parallel_size"].choices == (1, 2, 4)  # 8 does not divide 36 heads
    assert found["pipeline_parallel_size"].choices == (1, 2, 4, 8)
    assert "FLASHINFER" in found["attention_backend"].choices
    assert found["speculative_method"].choices == ("none", "ngram", "suffix")
    one = searched(on_gpus(1))
    assert not {"tensor_parallel_size", "pipeline_parallel_size"} & one.keys()
    assert "FLASHINFER" not in one["attention_backend"].choices


def test_what_changes_answers_is_searched_only_when_asked_for() -> None:
    lossy = {"dtype", "kv_cache_dtype", "quantization"}
    assert not lossy & searched(on_gpus(1)).keys()
    found = searched(on_gpus(1), changing_answers=True)
    assert lossy <= found.keys()
    assert found["dtype"].default == "bfloat16"
    assert found["kv_cache_dtype"].choices == ("auto", "fp8_e4m3")  # this version has no fp8_e5m2
    assert "quantization" not in searched(on_gpus(1, quantization="awq"), changing_answers=True)


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        ("max_num_seqs", {"max_num_seqs"}),
        ("enforce_eager", {"optimization_level"}),
        ("speculative_config", {"speculative_method", "speculative_tokens", "prompt_lookup_max"}),
    ],
)
def test_what_is_given_is_not_searched(given: str, gone: set[str]) -> None:
    assert searched(on_cpu()).keys() - searched(on_cpu(), given).keys() == gone


def test_a_flag_that_a_version_lacks_is_not_searched() -> None:
    flags = tuple(flag for flag in FLAGS if flag.name not in ("speculative_config", "block_size"))
    older = Installed(**{name: getattr(on_cpu(), name) for name in Installed.__struct_fields__} | {"flags": flags})
    assert not {"speculative_method", "speculative_tokens", "block_size"} & searched(older).keys()


@hypothesis_settings(deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([on_cpu(), on_gpus(1), on_gpus(8)]))
def test_what_the_constraints_allow_vllm_takes(random: object, installed: Installed) -> None:
    one = space(installed)
    drawn = one.assemble(lambda parameter: random.choice(parameter.values()))  # type: ignore[attr-defined]
    named = {name.removeprefix("engine."): value for name, value in drawn.items()}
    fits = (
        named["max_num_batched_tokens"] >= named["max_num_seqs"]
        and (named["enable_chunked_prefill"] or named["max_num_batched_tokens"] >= 1024)
        and named.get("tensor_parallel_size", 1) * named.get("pipeline_parallel_size", 1) <= installed.n_devices
    )
    assert one.allows(drawn) == fits
    assert ("speculative_tokens" in named) == (named["speculative_method"] != "none")
    assert ("prompt_lookup_max" in named) == (named["speculative_method"] == "ngram")


def test_a_batch_below_the_sequences_is_refused_whatever_the_values_are() -> None:
    narrow = changed(space(on_cpu()), ["max_num_seqs=64,100", "max_num_batched_tokens=64,128"])
    allowed = {(c["engine.max_num_seqs"], c["engine.max_num_batched_tokens"]) for c in narrow.configurations()}
    assert allowed == {(64, 64), (64, 128), (100, 128)}


# Any other flag by its name


def with_set(*given: str) -> SearchSpace:
    whole = settings.with_flags(space(on_cpu()), on_cpu(), given)
    return changed(whole, [settings.named_as_in(whole, setting) for setting in given])


@pytest.mark.parametrize(
    ("setting", "name", "values", "default"),
    [
        ("stream_interval=1,4", "engine.stream_interval", (1, 4), 1),
        ("stream-interval=2,4", "engine.stream_interval", (2, 4), 2),
        ("engine.scheduling_policy=fcfs,priority", "engine.scheduling_policy", ("fcfs", "priority"), "fcfs"),
        ("--max-num-seqs=8", "engine.max_num_seqs", (8,), 8),
        ("dtype=float32,bfloat16", "engine.dtype", ("float32", "bfloat16"), "bfloat16"),
        ("gpu_memory_utilization=0.5,1", "engine.gpu_memory_utilization", (0.5, 1.0), 1.0),
        ("enforce_eager=true", "engine.enforce_eager", (True,), True),
    ],
)
def test_any_flag_by_name_with_the_parsers_type(setting: str, name: str, values: tuple, default: object) -> None:
    parameter = with_set(setting)[name]
    assert parameter.values() == values
    assert (parameter.default, parameter.tier) == (default, "engine")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("max_num_seq=8", "vLLM has no flag 'max_num_seq'; did you mean 'max_num_seqs'"),
        ("speculative_token=2", "did you mean 'speculative_tokens'"),
        ("port=8001", "port cannot be set: a free one is chosen"),
        ("stream_interval=often", "stream_interval must be a whole number"),
        ("scheduling_policy=lifo", "scheduling_policy must be .*found lifo"),
        ("kv_cache_dtype=fp9", "did you mean 'fp8'"),
    ],
)
def test_what_is_no_flag_or_value_is_told_with_the_nearest(setting: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        with_set(setting)


# What a configuration says


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_num_seqs", 128),
        ("scheduling_policy", "fcfs"),
        ("kv_cache_dtype", "auto"),
        ("dtype", "bfloat16"),
        ("optimization_level", 2),
        ("speculative_method", None),
        ("no_such_flag", None),
    ],
)
def test_where_a_flag_stands_in_a_configuration(name: str, value: object) -> None:
    assert effective_config.in_force(config(), name) == value
    assert effective_config.is_shown(config(), name) == (name != "no_such_flag")


def test_speculation_stands_in_a_configuration() -> None:
    shown = config(speculative_config={"method": "ngram", "num_speculative_tokens": 3})
    assert effective_config.in_force(shown, "speculative_method") == "ngram"
    assert effective_config.in_force(shown, "speculative_tokens") == 3


# The real one


@pytest.mark.slow
@pytest.mark.vllm
def test_the_installed_vllm_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from infertune.engines import models
    from infertune.engines.vllm import installed
    from infertune.engines.vllm.interpreter import VARIABLE, find
    from infertune.errors import DataUnavailableError

    try:
        python = find(None)
        folder = models.resolve("bundled:smollm2-135m")
    except DataUnavailableError as missing:
        pytest.skip(f"${VARIABLE}: {missing}")
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path))
    real = installed.ask(python, folder, arguments=["--max-model-len", "1024", "--max-num-seqs", "7"])
    assert real.default("max_model_len") == 1024 and real.default("max_num_seqs") == 7
    assert real.flag("max_num_seqs").kind == "int" and real.flag("enable_prefix_caching").kind == "bool"
    assert {"fcfs", "priority"} <= set(real.flag("scheduling_policy").choices)
    assert real.flag("speculative_config").kind == "json"
    assert len(real.flags) > 200
    assert isinstance(real.flag("gpu_memory_utilization"), Flag)
    assert installed.ask(python, folder, arguments=["--max-model-len", "1024", "--max-num-seqs", "7"]) == real
    with pytest.raises(InvalidInputError, match="no flag 'max_num_seqz'; did you mean 'max_num_seqs'"):
        installed.ask(python, folder, arguments=["--max-num-seqz", "7"])
