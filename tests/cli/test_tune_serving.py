"""``infertune tune-serving`` on a small server of its own kind, as a user types it."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command import Infertune

from infertune.report import serving_recipe
from infertune.testing.simulated_launcher import SimulatedLauncher

tune_serving = importlib.import_module("infertune.cli.tune_serving")  # the package has the command by this name

SERVER = Path(__file__).parent.parent / "servers" / "slotted_server.py"
COMMAND = f"{sys.executable} {SERVER} --port {{port}} --slots {{engine.slots}}"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))


def arguments(*more: str, slots: str = "1,8", breaks_at: str = "", budget: str = "120") -> tuple[str, ...]:
    command = f"{COMMAND} --breaks-at {breaks_at}" if breaks_at else COMMAND
    return (
        *("tune-serving", "--engine", "command", "--command", command, "--model", "slotted"),
        *("--workload", "synthetic:input=5,output=2", "--set", f"slots={slots}"),
        *("--budget-seconds", budget, "--burst-seconds", "1", *more),
    )


def simulated(monkeypatch: pytest.MonkeyPatch, **how: Any) -> SimulatedLauncher:
    """Put a simulated server, and its clock, in the place of a real one."""
    made = SimulatedLauncher(**how)
    monkeypatch.setattr(tune_serving, "launcher", lambda *_, **__: (made, made.space))
    monkeypatch.setattr(tune_serving, "time", SimpleNamespace(monotonic=made.clock))
    return made


SIMULATED = (
    *("tune-serving", "--engine", "command", "--command", "serve {port}"),
    *("--workload", "synthetic:input=5,output=2", "--budget-seconds", "1000"),
)
PROMISE = ("--slo", "p99_ttft<400ms, p99_itl<60ms", "--burst-seconds", "5")


def test_the_whole_answer(infertune: Infertune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = ("max_num_seqs", "max_num_batched_tokens", "enable_prefix_caching", "block_size")
    simulated(monkeypatch, settings=settings, falls=lambda c: "crash" if c["engine.block_size"] == 64 else None)
    done = infertune(*SIMULATED, *PROMISE, "--budget-seconds", "1800")
    assert done.code == 0, done.err
    for part in (
        *("Clear winner: ", "Finals: goodput (requests/s)", "random control", "model's search", "default settings"),
        *("Throughput against what one user sees", "crash: ", "Written to serving.yaml", "infertune verify"),
    ):
        assert part in done.out
    assert "of 1800 s: default settings" in done.out
    again = simulated(
        monkeypatch, settings=settings, falls=lambda c: "crash" if c["engine.block_size"] == 64 else None
    )
    done = infertune(*SIMULATED, *PROMISE, "--budget-seconds", "1800", "--json")
    assert done.code == 0, done.err
    answer = done.json
    assert again.n_started == 0
    assert answer["verdict"]["is_clear"]
    assert answer["verdict"]["change_interval"][0] > 0
    assert answer["failures"]["crash"] == sum(trial["failure"] == "crash" for trial in answer["trials"])
    assert all(trial["value"] is None for trial in answer["trials"] if trial["failure"])
    recipe = serving_recipe.read(tmp_path / "serving.yaml")
    assert recipe.settings == answer["verdict"]["winner"]
    assert recipe.evidence is not None
    assert recipe.evidence.clear
    assert recipe.evidence.default_value < recipe.evidence.interval[0]
    front = answer["front"]
    assert [f["tokens_per_second"] for f in front] == sorted((f["tokens_per_second"] for f in front), reverse=True)
    assert [f["tokens_per_second_per_user"] for f in front] == sorted(f["tokens_per_second_per_user"] for f in front)


def test_a_schedule_where_speculation_is_searched(infertune: Infertune, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated(monkeypatch, settings=("max_num_seqs", "speculative_method", "speculative_tokens"))
    answer = infertune(*SIMULATED, *PROMISE, "--budget-seconds", "3000", "--json").json
    steps = answer["schedule"]["steps"]
    assert steps[0][0] == 1
    assert steps[0][2] > steps[-1][2] or len(steps) == 1
    assert answer["seconds"]["schedule"] > 0


@pytest.mark.parametrize(
    ("goal", "unit"),
    [
        (("--maximize", "throughput"), "tokens/s"),
        (("--minimize", "cost", "--gpu-hour-price", "2.5", "--slo", "p90_ttft<1s"), "per million tokens"),
        (("--minimize", "tpot_p90", "--concurrency", "4"), "s"),
    ],
)
def test_other_goals(infertune: Infertune, monkeypatch: pytest.MonkeyPatch, goal: tuple[str, ...], unit: str) -> None:
    simulated(monkeypatch, settings=("max_num_seqs", "max_num_batched_tokens"))
    answer = infertune(*SIMULATED, *goal, "--burst-seconds", "5", "--json").json
    assert answer["goal"]["unit"] == unit
    values = [value for each in answer["finalists"] for value in each["values"]]
    best = answer["verdict"]["value"]
    assert best == pytest.approx(min(values) if "--minimize" in goal else max(values), rel=0.15)


def test_a_promise_that_nothing_keeps(infertune: Infertune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    simulated(monkeypatch, settings=("max_num_seqs",))
    done = infertune(*SIMULATED, "--slo", "p99_ttft<1ms")
    assert done.code == 0
    assert "there is nothing to recommend" in done.out
    assert not (tmp_path / "serving.yaml").exists()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_setting_that_serves_more_is_found_handed_over_and_not_paid_for_twice(
    infertune: Infertune, tmp_path: Path
) -> None:
    """One slot takes 12 requests a second at most, eight take a hundred."""
    asked = arguments("--slo", "p90_ttft<400ms", "--json")
    done = infertune(*asked)
    assert done.code == 0, done.err
    answer = done.json
    assert [trial["settings"] for trial in answer["trials"]] == [{"engine.slots": 1}, {"engine.slots": 8}]
    assert answer["trials"][0]["arm"] == "default"
    assert answer["verdict"]["winner"] == {"engine.slots": 8}
    one, eight = (trial["value"] for trial in answer["trials"])
    assert one < 16
    assert eight > 1.5 * one
    assert answer["seconds"]["bought_in_this_run"] > 5
    recipe = serving_recipe.read(tmp_path / "serving.yaml")
    assert recipe.settings == {"engine.slots": 8}
    assert recipe.evidence is not None
    assert recipe.evidence.value == pytest.approx(answer["verdict"]["value"])
    handed = infertune("handover", "serving.yaml", "--port", "8123")
    assert handed.code == 0
    assert "--slots 8" in handed.out.replace("\\\n", " ").replace("  ", " ")
    again = infertune(*asked)
    assert again.json["seconds"]["bought_in_this_run"] == 0
    assert again.json["trials"] == answer["trials"]
    shown = infertune(*asked[:-1])
    assert shown.code == 0
    for part in ("random control", "model's search", "slots=8", "Written to serving.yaml", "infertune verify"):
        assert part in shown.out
    other = infertune(*asked, "--seed", "5")
    assert other.code == 2
    assert "seed was 0, now 5" in other.err


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_what_fails_is_reported_by_its_class(infertune: Infertune) -> None:
    done = infertune(*arguments("--maximize", "throughput", slots="4,8", breaks_at="8", budget="60"))
    assert done.code == 0, done.err
    assert "out of memory: 1 of 2" in done.out
    assert "Keep the default settings" in done.out


@pytest.mark.timeout(120)
def test_three_of_the_same_failure_end_it(infertune: Infertune) -> None:
    command = f"{sys.executable} -c 'import sys; sys.exit(\"MemoryError: no\")' {{port}} {{engine.a}}"
    done = infertune(
        *("tune-serving", "--engine", "command", "--command", command, "--workload", "synthetic:input=5,output=2"),
        *("--set", "a=1,2,3,4", "--slo", "p99_ttft<1s", "--budget-seconds", "60"),
    )
    assert done.code == 4
    assert "3 servers in a row failed in the same way (out of memory): " in done.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--maximize", "goodputt"), "did you mean 'goodput'?"),
        (("--minimize", "e2e_p55"), "did you mean 'e2e_p50'?"),
        (("--minimize", "cost", "--slo", "p99_ttft<1s"), "--gpu-hour-price"),
        (("--maximize", "goodput"), "--slo"),
        (("--slo", "p99_tft<1s"), "did you mean 'ttft'?"),
        (("--minimize", "e2e_p50"), "--rate or --concurrency"),
        (("--slo", "p99_ttft<1s", "--budget-seconds", "soon"), "--budget-seconds"),
        (("--slo", "p99_ttft<1s", "--out", "no/such/folder/x.yaml"), "folder"),
        (("--slo", "p99_ttft<1s", "--engine", "vlm"), "did you mean 'vllm'?"),
        (("--slo", "p99_ttft<1s", "--set", "slot=1"), "hole"),
    ],
)
def test_what_cannot_be_is_told_at_once(infertune: Infertune, more: tuple[str, ...], said: str) -> None:
    done = infertune(*arguments(*more))
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("setting", ["max_num_seqs=1,2", "engine.max_num_seqs=1,2", "max-num-seqs=1,2"])
def test_what_every_server_gets_is_not_searched_as_well(infertune: Infertune, setting: str) -> None:
    asked = ("tune-serving", "--workload", "synthetic:input=5,output=2", "--slo", "p99_ttft<1s", "--set", setting)
    done = infertune(*asked, "--engine-arg", "max-num-seqs=4")
    assert done.code == 2
    assert "max_num_seqs is 4 for every server" in done.err
    done = infertune(*asked, "--dtype", "float32", "--set", "dtype=float32,bfloat16")
    assert "dtype is float32 for every server" in done.err
