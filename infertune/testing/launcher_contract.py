# ruff: noqa: D102  (the names of the tests say what they test)
"""What every launcher of servers must do, as a class of pytest tests. Subclass it beside a fixture that gives yours::

@pytest.fixture
def launch(tmp_path):
    return lambda behaviour: MyLauncher(..., environment={"BEHAVE": behaviour})

class TestMyLauncher(LauncherContract):
    pass

A stand-in for the server, started as the real one would be, behaves as it is told: "" well, and otherwise as the keys
of `AT_START` and `UNDER_LOAD` say, "slow" and "family". The launcher's limits are short where it is to hang; otherwise
they must be such as a busy machine keeps too.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.launch.launcher import Launcher
from infertune.engines.process.server_process import ServerFailed
from infertune.engines.process.supervisor import descendants
from infertune.load.arrival_load import Load
from infertune.serving.launch.deployment import Deployment
from infertune.space import SearchSpace
from infertune.types import Configuration

AT_START: Mapping[str, str] = {
    "crash": "crash",
    "out of memory": "out of memory",
    "bad argument": "bad argument",
    "port taken": "port taken",
    "hang": "hang",
}
"""How a server fails to start, and what that must be called."""

UNDER_LOAD: Mapping[str, str] = {
    "dies under load": "crash",
    "runs out of memory under load": "out of memory",
    "hangs under load": "hang",
    "is killed under load": "killed",
}
"""How a server fails once it has answered ten requests, and what that must be called."""

Launch = Callable[[str], Any]
"""Returns a launcher whose servers, if any, behave as they are told."""
_CLOSED = Load(concurrency=4)
_OPEN = Load(rate=100.0)


class SettingsContract:
    """What every launcher keeps, whatever it starts; ``launch("")`` gives one."""

    def test_the_parameters_are_those_of_an_engine_and_make_a_space(self, launch: Launch) -> None:
        launcher = launch("")
        assert all(p.name.startswith("engine.") and p.tier == "engine" for p in launcher.parameters)
        space = _space(launcher)
        assert space.allows(space.default_configuration())

    def test_the_defaults_can_be_started(self, launch: Launch) -> None:
        launcher = launch("")
        running = launcher.start(_space(launcher).default_configuration())
        running.close()
        running.close()

    def test_a_setting_that_is_not_said_has_its_default(self, launch: Launch) -> None:
        launch("").start(Configuration({})).close()


class LauncherContract(SettingsContract):
    """What launchers of servers under load keep besides.

    Attributes:
        has_template: Whether it gives a template of its command; vLLM has flags for its settings, and needs none.
    """

    has_template = True

    @pytest.fixture(autouse=True)
    def nothing_is_left(self) -> Iterator[None]:
        before = set(descendants(os.getpid()))
        yield
        deadline = time.monotonic() + 30
        while left := set(descendants(os.getpid())) - before:
            assert time.monotonic() < deadline, f"still running: {left}"
            time.sleep(0.05)

    @pytest.fixture
    def deployment(self, launch: Launch) -> Iterator[Deployment]:
        running = launch("").start(Configuration({}))
        yield running
        running.close()

    def test_the_facts_are_text_and_stay(self, launch: Launch) -> None:
        facts = dict(launch("").facts)
        assert facts["engine"] and facts["model"]
        assert all(isinstance(value, str) for value in facts.values())
        assert dict(launch("").facts) == facts

    def test_its_command_can_be_handed_over(self, launch: Launch) -> None:
        launcher = launch("")
        text = launcher.template(_space(launcher).default_configuration())
        assert bool(text) == self.has_template
        assert not text or CommandTemplate(text).text == text

    def test_a_start_takes_time(self, deployment: Deployment) -> None:
        assert deployment.start_seconds > 0

    def test_a_burst_answers_every_request(self, deployment: Deployment) -> None:
        for load in (_CLOSED, _OPEN):
            burst = deployment.press(load, n_requests=20, seed=1)
            assert burst.load == load
            assert len(burst.timings) == 20
            assert not burst.cut
            assert not any(timing.error for timing in burst.timings)
            assert all(timing.completion_tokens > 0 and timing.chunks for timing in burst.timings)
            assert [timing.due for timing in burst.timings] == sorted(timing.due for timing in burst.timings)
            last, first = max(timing.done for timing in burst.timings), min(timing.due for timing in burst.timings)
            assert burst.seconds == pytest.approx(last - first)

    def test_the_same_seed_asks_at_the_same_moments(self, deployment: Deployment) -> None:
        first, again, other = (deployment.press(_OPEN, n_requests=10, seed=seed) for seed in (1, 1, 2))
        due = [[timing.due - burst.timings[0].due for timing in burst.timings] for burst in (first, again, other)]
        assert due[0] == pytest.approx(due[1])
        assert due[0] != pytest.approx(due[2])

    def test_a_hopeless_burst_ends_early(self, deployment: Deployment) -> None:
        burst = deployment.press(_CLOSED, n_requests=400, seed=1, hopeless=lambda ended: len(ended) >= 5)
        assert burst.cut
        assert len(burst.timings) < 400
        assert not deployment.press(_CLOSED, n_requests=5, seed=1).cut

    def test_a_slow_start_is_no_failure_and_is_counted(self, launch: Launch) -> None:
        running = launch("slow").start(Configuration({}))
        running.close()
        running.close()
        assert running.start_seconds >= 2

    @pytest.mark.parametrize("behaviour", AT_START)
    def test_a_failure_to_start_is_named(self, launch: Launch, behaviour: str) -> None:
        with pytest.raises(ServerFailed) as caught:
            launch(behaviour).start(Configuration({}))
        assert caught.value.failure.kind == AT_START[behaviour]

    @pytest.mark.parametrize("behaviour", UNDER_LOAD)
    def test_a_failure_under_load_is_named(self, launch: Launch, behaviour: str) -> None:
        running = launch(behaviour).start(Configuration({}))
        with pytest.raises(ServerFailed) as caught:
            running.press(_CLOSED, n_requests=100, seed=1)
        running.close()
        assert caught.value.failure.kind == UNDER_LOAD[behaviour]

    def test_a_close_ends_the_whole_family(self, launch: Launch) -> None:
        """Zombies, children that ignore signals, those in sessions of their own, and daemons: see nothing_is_left."""
        before = len(descendants(os.getpid()))
        running = launch("family").start(Configuration({}))
        assert len(descendants(os.getpid())) >= before + 5
        running.close()


def _space(launcher: Launcher[Any]) -> SearchSpace:
    return SearchSpace(tuple(launcher.parameters), tuple(launcher.constraints))
