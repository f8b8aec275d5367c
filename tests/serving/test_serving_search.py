"""The search on the simulated server: better than the default, within its budget, and never paid for twice."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from infertune.errors import BudgetError, InvalidInputError
from infertune.load.arrival_load import Load
from infertune.load.slo import Slo, parse
from infertune.serving.measure.account import LoadAccount
from infertune.serving.measure.event_log import EventLog
from infertune.serving.measure.goal import Goal
from infertune.serving.search.feasibility import SearchStopped
from infertune.serving.search.result import ServingSearchResult
from infertune.serving.search.roofline import MachineFacts, ModelFacts, SpeedModel, TrafficFacts
from infertune.serving.search.search import ServingSearch
from infertune.testing.simulated_launcher import SimulatedLauncher
from infertune.testing.simulated_server import Hardware
from infertune.types import Configuration

SLO = parse("p99_ttft<400ms, p99_itl<60ms")
EXACT = Hardware(noise=0.0)  # so that a server that starts again is as fast as before
GOODPUT = Goal(kind="goodput", slo=SLO)
SMALL = ("max_num_seqs", "max_num_batched_tokens", "enable_prefix_caching")
SPEED = SpeedModel(
    ModelFacts(parameters=1.35e8, weight_bytes=2.7e8, kv_bytes=2.3e4, context_flops=7e4),
    MachineFacts(overhead=5e-3, compute=1e12, bandwidth=1e11),
    TrafficFacts(prompt=200.0, output=40.0, shared=0.5),
)


class Log(EventLog):
    """A log that is killed before it has written so many events."""

    def __init__(self, path: Path, most: float = math.inf) -> None:
        super().__init__(path, "study")
        self.most = most
        self.n_put = 0
        self.keys: list[str] = []

    def note(self, key: str, value: Mapping[str, Any]) -> None:
        if self.n_put >= self.most:
            raise KeyboardInterrupt
        self.n_put += 1
        self.keys.append(key)
        super().note(key, value)


def search(
    path: Path,
    launcher: SimulatedLauncher,
    *,
    goal: Goal = GOODPUT,
    budget: float = 900.0,
    most: float = math.inf,
    speed: SpeedModel | None = None,
) -> tuple[ServingSearchResult, Log]:
    log = Log(path, most)
    try:
        account = LoadAccount(launcher, log, goal.slo, launcher.clock)
        found = ServingSearch(account, log, launcher.space, goal, budget=budget, burst_seconds=5.0, speed=speed).run()
    finally:
        log.close()
        assert launcher.n_open == 0
    return found, log


@pytest.mark.parametrize("speed", [None, SPEED])
def test_it_finds_what_is_clearly_better_than_the_default(tmp_path: Path, speed: SpeedModel | None) -> None:
    launcher = SimulatedLauncher()
    found, _ = search(tmp_path / "a.db", launcher, budget=1800.0, speed=speed)
    winner = found.verdict.recommended
    assert winner is not None
    assert found.verdict.kind == "clear"
    truth = {each: launcher.truth(each, SLO, n_requests=300) for each in (winner.configuration, found.default)}
    assert truth[winner.configuration] > 2 * truth[found.default]


def test_the_default_is_first_the_arms_spend_the_same_and_the_budget_is_kept(tmp_path: Path) -> None:
    launcher = SimulatedLauncher()
    found, _ = search(tmp_path / "a.db", launcher, budget=1000.0)
    assert found.trials[0].arm == "default"
    assert found.trials[0].configuration == launcher.space.default_configuration()
    longest = max(trial.seconds for trial in found.trials)
    assert abs(found.spent["random"] - found.spent["model"]) <= longest
    assert sum(found.spent.values()) == pytest.approx(launcher.clock())
    assert launcher.clock() <= 1000.0 + 10.0  # the last burst ends when all its answers have come
    assert found.default in [each.configuration for each in found.finalists]
    assert found.verdict.comparison.n >= 2


@pytest.mark.parametrize("most", [1, 9, 24])
def test_a_killed_search_goes_on_and_pays_for_nothing_twice(tmp_path: Path, most: int) -> None:
    """But for the start of the server that was killed; and so it may end a little earlier, never with other trials."""
    whole, log = search(tmp_path / "whole.db", SimulatedLauncher(EXACT), budget=600.0)
    assert log.n_put > 30
    path = tmp_path / "killed.db"
    with pytest.raises(KeyboardInterrupt):
        search(path, SimulatedLauncher(EXACT), budget=600.0, most=most)
    again, rest = search(path, SimulatedLauncher(EXACT), budget=600.0)
    assert not set(log.keys[:most]) & set(rest.keys)
    n = min(len(again.trials), len(whole.trials))
    assert n >= len(whole.trials) - 2
    assert [t.configuration for t in again.trials[: n - 1]] == [t.configuration for t in whole.trials[: n - 1]]


def test_a_finished_search_starts_nothing(tmp_path: Path) -> None:
    first, _ = search(tmp_path / "a.db", SimulatedLauncher())
    launcher = SimulatedLauncher()
    again, log = search(tmp_path / "a.db", launcher)
    assert launcher.n_started == log.n_put == 0
    assert again.bought == 0.0
    assert again.trials == first.trials
    assert again.finalists == first.finalists
    assert again.spent == pytest.approx(first.spent)


def test_larger_budgets_go_on_and_the_books_add_up(tmp_path: Path) -> None:
    """Everything that was bought is used again, and every second is on somebody's account."""
    path = tmp_path / "a.db"
    before, paid = None, 0.0
    for budget in (330.0, 660.0, 1320.0):
        launcher = SimulatedLauncher(settings=SMALL)
        found, log = search(path, launcher, budget=budget)
        paid += launcher.clock()
        assert found.bought == pytest.approx(launcher.clock())
        assert sum(found.spent.values()) == pytest.approx(paid)
        assert sum(value["seconds"] for key, value in log.items() if "/" in key) == pytest.approx(paid)
        assert 0.97 * budget <= paid <= budget + 10.0
        trials = sum(trial.seconds for trial in found.trials)
        assert found.spent["finals"] == pytest.approx(paid - trials)
        n_starts = sum(key.endswith("/start") for key in log.keys)
        assert launcher.n_started == n_starts  # nothing was started again
        if before is not None:
            assert found.trials[: len(before.trials)] == before.trials
            assert found.finals.rounds[: len(before.finals.rounds)] == before.finals.rounds
            assert len(found.finals.rounds) >= len(before.finals.rounds)
        before = found


def failing(test: Callable[[Configuration], bool], kind: str) -> Callable[[Configuration], str | None]:
    return lambda configuration: kind if test(configuration) else None


def test_failures_are_kept_with_their_cause_and_never_win(tmp_path: Path) -> None:
    launcher = SimulatedLauncher(
        fails=failing(lambda c: c["engine.max_num_batched_tokens"] == 256, "out of memory"),
        falls=failing(lambda c: c["engine.block_size"] == 64, "crash"),
    )
    found, _ = search(tmp_path / "a.db", launcher, budget=1800.0)
    failed = [trial for trial in found.trials if trial.failure is not None]
    assert failed
    assert all(trial.score is None and trial.seconds > 0 for trial in failed)
    assert {trial.failure.kind for trial in failed if trial.failure} <= {"out of memory", "crash"}
    assert found.verdict.recommended is not None
    winner = found.verdict.recommended.configuration
    assert winner["engine.max_num_batched_tokens"] != 256
    assert winner["engine.block_size"] != 64


def test_the_same_failure_three_times_stops_and_explains(tmp_path: Path) -> None:
    launcher = SimulatedLauncher(fails=lambda _: "model not found")
    with pytest.raises(SearchStopped, match="model not found"):
        search(tmp_path / "a.db", launcher)
    assert launcher.n_started == 3
    fresh = SimulatedLauncher()
    with pytest.raises(SearchStopped, match="model not found"):  # and so again, with what was paid for
        search(tmp_path / "a.db", fresh)
    assert fresh.n_started == 0


def test_a_promise_that_nothing_keeps_is_an_answer(tmp_path: Path) -> None:
    goal = Goal(kind="goodput", slo=parse("p99_ttft<1ms"))
    found, _ = search(tmp_path / "a.db", SimulatedLauncher(settings=SMALL), goal=goal, budget=600.0)
    assert found.verdict.kind == "nothing"
    assert found.verdict.recommended is None
    assert all(trial.score is None for trial in found.trials)


def test_a_budget_that_buys_nothing_is_told(tmp_path: Path) -> None:
    launcher = SimulatedLauncher()
    with pytest.raises(BudgetError, match=r"however fast they start.* budget_seconds 100 or more"):
        search(tmp_path / "a.db", launcher, budget=99.0)
    assert launcher.n_started == 0
    with pytest.raises(BudgetError, match=r"30 s to start.* budget_seconds ") as told:
        search(tmp_path / "a.db", launcher, budget=110.0)
    assert launcher.n_started == 1
    least = float(str(told.value).split("budget_seconds ")[1].split()[0])
    found, _ = search(tmp_path / "a.db", launcher, budget=least)
    assert found.verdict.comparison.n == 2
    assert sum(found.spent.values()) == pytest.approx(launcher.clock())


def test_a_small_space_is_tried_whole(tmp_path: Path) -> None:
    launcher = SimulatedLauncher(settings=("max_num_seqs",))
    found, _ = search(tmp_path / "a.db", launcher, budget=1200.0)
    assert len(found.trials) == launcher.space.n_configurations == 6


@pytest.mark.parametrize(
    "goal",
    [
        Goal(kind="throughput", slo=Slo(())),
        Goal(kind="throughput", slo=SLO),
        Goal(kind="cost", slo=SLO, hour_price=2.5),
        Goal(kind="latency", slo=Slo(()), load=Load(concurrency=2), latency="p50_e2e"),
        Goal(kind="latency", slo=parse("p99_ttft<2s"), load=Load(rate=2.0), latency="mean_tpot"),
    ],
)
def test_every_goal_recommends_what_is_no_worse_than_the_default(tmp_path: Path, goal: Goal) -> None:
    found, _ = search(tmp_path / "a.db", SimulatedLauncher(), goal=goal)
    recommended = found.verdict.recommended
    assert recommended is not None
    is_default = recommended.configuration == found.default
    assert is_default or found.finals.against_default(recommended.configuration).difference > 0


def test_other_settings_are_another_study(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "a.db", "study")
    log.claim({"seed": 0})
    log.claim({"seed": 1, "facts": {"model": "m"}})  # nothing had begun
    log.note("step 0", {})
    log.claim({"seed": 1, "facts": {"model": "m"}})
    with pytest.raises(InvalidInputError, match="it had other facts"):
        log.claim({"seed": 1, "facts": {"model": "m" * 200}})
    with pytest.raises(InvalidInputError, match="an earlier version began it"):
        log.claim({"seed": 1, "facts": {"model": "m"}, "steps": 1})
    with pytest.raises(InvalidInputError, match="seed was 1, now 2"):
        log.claim({"seed": 2, "facts": {"model": "m"}})
    log.close()
    other = EventLog(tmp_path / "a.db", "other")
    other.claim({"seed": 2})
    other.close()
