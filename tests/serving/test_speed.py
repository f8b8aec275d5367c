"""The estimate of a server's speed: its counts, its shape, and that measurements correct it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from infertune.errors import InvalidInputError
from infertune.load.arrival_load import Load
from infertune.load.slo import Slo, parse
from infertune.serving.measure.figures import Figures, figures
from infertune.serving.search.roofline import (
    MachineFacts,
    ModelFacts,
    SpeedModel,
    TrafficFacts,
    model_facts,
    rough_machine,
)
from infertune.testing.simulated_launcher import SimulatedLauncher
from infertune.testing.simulated_server import Hardware
from infertune.types import Configuration

LLAMA_7B = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 11008,
    "vocab_size": 32000,
}
MODEL = ModelFacts(parameters=1.35e8, weight_bytes=2.7e8, kv_bytes=2.3e4, context_flops=7e4)
MACHINE = MachineFacts(overhead=5e-3, compute=1e12, bandwidth=1e11)
TRAFFIC = TrafficFacts(prompt=200.0, output=40.0, shared=0.5)
SPEED = SpeedModel(MODEL, MACHINE, TRAFFIC)


def test_the_counts_of_a_known_model(tmp_path: Path) -> None:
    """Llama 2 7B has 6.74e9 parameters, 0.13e9 of them to look words up, and 512 KiB of cache for a token."""
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_7B))
    facts = model_facts(tmp_path)
    assert facts.parameters == pytest.approx(6.74e9 - 0.131e9, rel=1e-3)
    assert facts.weight_bytes == 2 * facts.parameters
    assert facts.kv_bytes == 512 * 1024
    assert facts.context_flops == 4 * 32 * 4096


def test_of_experts_all_are_read_and_some_are_met(tmp_path: Path) -> None:
    mixed = LLAMA_7B | {"num_local_experts": 8, "num_experts_per_tok": 2, "num_key_value_heads": 8}
    (tmp_path / "config.json").write_text(json.dumps(mixed))
    facts = model_facts(tmp_path)
    assert facts.weight_bytes / 2 - facts.parameters == 6 * 32 * 3 * 4096 * 11008
    assert facts.kv_bytes == 128 * 1024


def test_a_config_of_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InvalidInputError, match="must describe a decoder"):
        model_facts(tmp_path)


def test_a_step_is_as_slow_as_the_slower_of_memory_and_compute() -> None:
    """By hand: one token reads the weights, ten thousand compute."""
    one, many = SPEED.step_seconds(np.array([1.0, 1e4]), np.array([1.0, 1.0]), 100.0)
    assert one == pytest.approx(5e-3 + (2.7e8 + 100 * 2.3e4) / 1e11)
    assert many == pytest.approx(5e-3 + 1e4 * (2.7e8 + 100 * 7e4) / 1e12)


def test_a_larger_batch_is_more_in_all_and_slower_for_each() -> None:
    batch = np.array([1.0, 4.0, 16.0, 64.0])
    found = SPEED.at({}, batch)
    assert (np.diff(found["rate"]) > 0).all()
    assert (np.diff(found["tpot"]) > 0).all()


def test_the_promise_bounds_the_capacity() -> None:
    loose, tight = (SPEED.capacity({}, parse(f"p99_itl<{limit}ms")) for limit in (500, 70))
    assert 0 < tight < loose
    assert SPEED.capacity({"engine.max_num_seqs": 2}, Slo(())) < SPEED.capacity({"engine.max_num_seqs": 32}, Slo(()))
    cached = SPEED.capacity({"engine.enable_prefix_caching": True}, Slo(()))
    assert cached > SPEED.capacity({"engine.enable_prefix_caching": False}, Slo(()))


def test_what_cannot_be_kept_is_still_ranked() -> None:
    impossible = parse("p99_ttft<1ms")
    assert 0 < SPEED.capacity({}, impossible) < SPEED.capacity({}, parse("p99_ttft<2ms"))


def test_speculation_helps_while_memory_is_waited_for_and_hurts_when_computing() -> None:
    drafts = {"engine.speculative_method": "ngram", "engine.speculative_tokens": 4}
    alone, crowd = (
        float(SPEED.at(drafts, np.array([b]))["tpot"][0] / SPEED.at({}, np.array([b]))["tpot"][0]) for b in (1.0, 64.0)
    )
    assert alone < 0.9
    assert crowd > 1.1


def bursts(launcher: SimulatedLauncher, rates: tuple[float, ...]) -> list[tuple[Configuration, Figures]]:
    found = []
    for seqs in (4, 128):
        configuration = launcher.space.default_configuration().with_values({"engine.max_num_seqs": seqs})
        server = launcher.start(configuration)
        for rate in rates:
            burst = server.press(Load(rate=rate), n_requests=60, seed=1)
            found.append((configuration, figures(burst, Slo(()), 60)))
    return found


def test_measurements_correct_it() -> None:
    """The machine is guessed ten times too fast; afterwards the times of other loads are near."""
    launcher = SimulatedLauncher(Hardware(noise=0.0))
    guessed = SpeedModel(MODEL, MachineFacts(overhead=1e-3, compute=2e13, bandwidth=1e12), TRAFFIC)
    fitted = guessed.fitted(bursts(launcher, (0.5, 1.5)))
    fresh = bursts(launcher, (1.0, 2.0))

    def miss(model: SpeedModel) -> float:
        misses = []
        for settings, found in fresh:
            expected = model.at(settings, np.array([max(found.in_flight, 1.0)]))
            misses.append(abs(math.log(found.latencies["mean_tpot"] / float(expected["tpot"][0]))))
        return float(np.mean(misses))

    assert miss(guessed) > 1.0
    assert miss(fitted) < 0.3
    assert fitted.traffic.prompt == pytest.approx(200, rel=0.2)


def test_nothing_measured_changes_nothing() -> None:
    assert SPEED.fitted([]) is SPEED


def test_it_ranks_the_settings_of_a_simulated_server() -> None:
    """Spearman's correlation with the truth, of settings that it has no bursts of."""
    from scipy import stats

    launcher = SimulatedLauncher(Hardware(noise=0.0))
    fitted = SPEED.fitted(bursts(launcher, (0.5, 1.5)))
    slo = parse("p99_ttft<400ms, p99_itl<60ms")
    rng = np.random.default_rng(0)
    drawn = [launcher.space.sample(rng) for _ in range(12)]
    truth = [launcher.truth(each, slo, n_requests=60) for each in drawn]
    assert stats.spearmanr(truth, [fitted.capacity(each, slo) for each in drawn]).statistic > 0.4


def test_a_rough_machine_is_one() -> None:
    found = rough_machine(on_cpu=True)
    assert 1e8 < found.compute < 1e14
    assert 1e8 < found.bandwidth < 1e13
    assert rough_machine(on_cpu=False).compute > found.compute
