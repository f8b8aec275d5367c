"""A running server is believed by what it does: right settings are proved, wrong ones contradicted, the rest open."""

from typing import Any

import pytest
from simulated_vllm import SimulatedVLLM, Truth

from infertune.errors import EngineError
from infertune.serving.verify import statements
from infertune.serving.verify.observation import Finding
from infertune.serving.verify.running_server import RunningServer
from infertune.serving.verify.verify import verify

RIGHT: dict[str, Any] = {
    "engine.max_num_seqs": 4,
    "engine.block_size": 32,
    "engine.enable_prefix_caching": True,
    "engine.max_model_len": 600,
    "engine.speculative_method": "none",
}


def asked(truth: Truth, settings: dict[str, Any], **options: Any) -> dict[str, Finding]:
    with SimulatedVLLM(truth) as simulated, RunningServer(simulated.url) as server:
        findings = verify(server, settings=settings, **{"decoding": {}, **options})
    assert [finding.name for finding in findings if finding.name.startswith("engine.")] == list(settings)
    return {finding.name.removeprefix("engine."): finding for finding in findings}


def verdicts(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.verdict for name, finding in findings.items()}


@pytest.mark.parametrize("dev_mode", [False, True])
def test_right_settings_are_proved(dev_mode: bool) -> None:
    assert set(verdicts(asked(Truth(dev_mode=dev_mode), RIGHT)).values()) == {"proved"}


@pytest.mark.parametrize(
    ("name", "truths"),
    [
        ("max_num_seqs", [Truth(max_num_seqs=2), Truth(max_num_seqs=5), Truth(max_num_seqs=99)]),
        ("block_size", [Truth(block_size=16), Truth(block_size=64), Truth(block_size=8), Truth(block_size=512)]),
        ("enable_prefix_caching", [Truth(enable_prefix_caching=False)]),
        ("max_model_len", [Truth(max_model_len=599), Truth(max_model_len=601)]),
        ("speculative_method", [Truth(speculative_tokens=2)]),
    ],
)
def test_a_wrong_setting_is_contradicted_by_what_the_server_does(name: str, truths: list[Truth]) -> None:
    wanted = {f"engine.{name}": RIGHT[f"engine.{name}"]}
    for truth in truths:
        (finding,) = asked(truth, wanted).values()
        assert finding.verdict == "contradicted", truth
        assert any(each.agrees is False and each.source == "effect" for each in finding.observations)


def test_an_effect_outweighs_what_the_server_says() -> None:
    """A server may say a setting that did not take effect, such as one that the engine overrode."""
    truth = Truth(dev_mode=True)
    with SimulatedVLLM(truth) as simulated, RunningServer(simulated.url) as server:
        truth.max_num_seqs = 8  # what /server_info shows from here on; four may run still
        (finding,) = verify(server, settings={"engine.max_num_seqs": 8}, decoding={})
    assert [(each.source, each.agrees) for each in finding.observations] == [("/server_info", True), ("effect", False)]
    assert finding.verdict == "contradicted"


def test_speculation_shows_its_length_but_not_its_method() -> None:
    wanted = {"engine.speculative_method": "ngram", "engine.speculative_tokens": 3}
    assert verdicts(asked(Truth(speculative_tokens=3), wanted)) == {
        "speculative_method": "unseen",
        "speculative_tokens": "proved",
    }
    assert verdicts(asked(Truth(speculative_tokens=2), wanted))["speculative_tokens"] == "contradicted"
    assert set(verdicts(asked(Truth(), wanted)).values()) == {"contradicted"}


@pytest.mark.parametrize(
    ("truth", "reason"),
    [
        (Truth(is_busy=True), "other requests are on the server"),
        (Truth(has_metrics=False), "shows no counters"),
    ],
)
def test_without_counters_to_rely_on_nothing_is_claimed(truth: Truth, reason: str) -> None:
    findings = asked(truth, RIGHT)
    assert findings.pop("max_model_len").verdict == "proved"
    assert set(verdicts(findings).values()) == {"unseen"}
    assert all(reason in finding.observations[0].says for finding in findings.values())


def test_blocks_are_not_seen_without_a_prefix_cache() -> None:
    wanted = {"engine.enable_prefix_caching": False, "engine.block_size": 32}
    found = asked(Truth(enable_prefix_caching=False), wanted)
    assert verdicts(found) == {"enable_prefix_caching": "proved", "block_size": "unseen"}


def test_what_cannot_be_seen_says_why() -> None:
    settings = {"engine.max_num_batched_tokens": 2048, "engine.stream_interval": 1}
    found = asked(Truth(), settings, decoding={"decoding.temperature": 0.7})
    assert set(verdicts(found).values()) == {"unseen"}
    assert all(each.observations[0].says for each in found.values())
    assert "VLLM_SERVER_DEV_MODE=1" in found["max_num_batched_tokens"].observations[0].says
    assert verdicts(asked(Truth(dev_mode=True), settings)) == {
        "max_num_batched_tokens": "proved",
        "stream_interval": "proved",
    }


def test_nothing_is_claimed_of_a_server_that_is_no_vllm() -> None:
    (finding,) = asked(Truth(), {"engine.parallel": 4}, engine="command").values()
    assert finding.verdict == "unseen"


@pytest.mark.parametrize(
    ("name", "wanted", "found", "same"),
    [
        ("max_num_seqs", 8, "8", True),
        ("max_num_seqs", 8, 9, False),
        ("enable_prefix_caching", False, "False", True),
        ("enable_prefix_caching", True, False, False),
        ("gpu_memory_utilization", 0.9, "0.9", True),
        ("attention_backend", "auto", None, True),
        ("attention_backend", "FLASH_ATTN", None, False),
        ("speculative_method", "none", "ngram", False),
        ("kv_cache_dtype", "auto", "None", False),
        ("block_size", 1, True, False),
    ],
)
def test_values_are_compared_as_they_are_meant(name: str, wanted: Any, found: Any, same: bool) -> None:
    assert statements.same(name, wanted, found) == same


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(EngineError, match="/v1/models must say what is served"):
        RunningServer("http://127.0.0.1:9")
