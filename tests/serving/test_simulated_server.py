"""The simulated server keeps the contract of launchers, and behaves as servers do."""

from dataclasses import replace

import pytest

from infertune.load.arrival_load import Load
from infertune.load.slo import parse
from infertune.testing.launcher_contract import AT_START, UNDER_LOAD, Launch, LauncherContract
from infertune.testing.simulated_launcher import SimulatedLauncher
from infertune.testing.simulated_server import Hardware
from infertune.types import Configuration

SLO = parse("p99_ttft<400ms, p99_itl<60ms")
EXACT = replace(Hardware(), noise=0.0)


class TestSimulatedLauncher(LauncherContract):
    has_template = False

    @pytest.fixture
    def launch(self) -> Launch:
        def launch(behaviour: str) -> SimulatedLauncher:
            return SimulatedLauncher(
                fails=lambda _: AT_START.get(behaviour), falls=lambda _: UNDER_LOAD.get(behaviour)
            )

        return launch

    def test_a_close_ends_the_whole_family(self, launch: Launch) -> None:
        launcher = SimulatedLauncher()
        server = launcher.start(Configuration({}))
        assert launcher.n_open == 1
        server.close()
        server.close()
        assert launcher.n_open == 0


def test_every_answer_is_whole_and_in_order() -> None:
    burst = SimulatedLauncher().start(Configuration({})).press(Load(rate=3.0), n_requests=40, seed=0)
    for timing in burst.timings:
        assert timing.due <= timing.chunks[0] <= timing.chunks[-1] == timing.done
        assert len(timing.chunks) == timing.completion_tokens


def test_time_passes_on_its_own_clock() -> None:
    launcher = SimulatedLauncher(EXACT)
    server = launcher.start(Configuration({}))
    assert launcher.clock() == EXACT.start
    burst = server.press(Load(concurrency=4), n_requests=20, seed=0)
    assert launcher.clock() == pytest.approx(EXACT.start + burst.seconds)


def test_settings_do_what_they_do_on_servers() -> None:
    def rate(**settings: bool | int | str) -> float:
        configuration = Configuration({f"engine.{name}": value for name, value in settings.items()})
        return SimulatedLauncher(EXACT).truth(configuration, SLO, n_requests=300)

    default = rate()
    assert rate(max_num_seqs=4) < 0.5 * default  # too few at once
    assert rate(max_num_batched_tokens=256) > 1.3 * default  # long prefills no longer stop the others
    assert rate(enable_prefix_caching=True) > 1.3 * default  # half of every prompt is the same
    alone = [
        SimulatedLauncher(EXACT)
        .start(Configuration(settings))
        .press(Load(concurrency=1), n_requests=20, seed=0)
        .seconds
        for settings in ({}, {"engine.speculative_method": "ngram", "engine.speculative_tokens": 4})
    ]
    assert alone[1] < 0.7 * alone[0]  # speculation helps the only user


def test_what_fails_is_worth_nothing() -> None:
    launcher = SimulatedLauncher()
    too_much = Configuration({"engine.max_num_seqs": 128, "engine.max_num_batched_tokens": 4096})
    assert launcher.truth(too_much, SLO) == 0.0
