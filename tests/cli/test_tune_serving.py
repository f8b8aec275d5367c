"""``infertune tune-serving`` on a small server of its own kind, as a user types it."""

import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command import Infertune

from infertune.api import serving, serving_study
from infertune.recipes import serving_recipe
from infertune.report.live import View
from infertune.testing.simulated_launcher import SimulatedLauncher
from infertune.testing.simulated_server import Hardware

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
    monkeypatch.setattr(serving, "launcher", lambda *_, **__: (made, made.space))
    monkeypatch.setattr(serving_study, "time", SimpleNamespace(monotonic=made.clock))
    return made


SIMULATED = (
    *("tune-serving", "--engine", "command", "--command", "serve {port}"),
    *("--workload", "synthetic:input=5,output=2", "--budget-seconds", "1000"),
)
SLO = ("--slo", "p99_ttft<400ms, p99_itl<60ms", "--burst-seconds", "5")


def test_the_whole_answer(infertune: Infertune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = ("max_num_seqs", "max_num_batched_tokens", "enable_prefix_caching", "block_size")
    simulated(monkeypatch, settings=settings, falls=lambda c: "crash" if c["engine.block_size"] == 64 else None)
    done = infertune(*SIMULATED, *SLO, "--budget-seconds", "1800")
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
    done = infertune(*SIMULATED, *SLO, "--budget-seconds", "1800", "--json")
    assert done.code == 0, done.err
    answer = done.json
    assert again.n_started == 0
    verdict = answer["verdict"]
    assert verdict["kind"] == "clear"
    assert verdict["change_interval"][0] > 0
    assert verdict["go_on"] is None
    assert verdict["value"] == pytest.approx(verdict["best_value"])
    assert answer["failures"]["crash"] == sum(trial["failure"] == "crash" for trial in answer["trials"])
    assert all(trial["value"] is None for trial in answer["trials"] if trial["failure"])
    recipe = serving_recipe.read(tmp_path / "serving.yaml")
    assert recipe.settings == verdict["recommended"]
    assert recipe.evidence is not None
    assert recipe.evidence.clear
    assert recipe.evidence.default_value < recipe.evidence.interval[0]
    front = answer["front"]
    assert [f["tokens_per_second"] for f in front] == sorted((f["tokens_per_second"] for f in front), reverse=True)
    assert [f["tokens_per_second_per_user"] for f in front] == sorted(f["tokens_per_second_per_user"] for f in front)


def test_a_schedule_where_speculation_is_searched(infertune: Infertune, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated(monkeypatch, settings=("max_num_seqs", "speculative_method", "speculative_tokens"))
    answer = infertune(*SIMULATED, *SLO, "--budget-seconds", "3000", "--json").json
    steps = answer["schedule"]["steps"]
    assert steps[0][0] == 1
    assert steps[0][2] > steps[-1][2] or len(steps) == 1
    assert answer["seconds"]["schedule"] > 0


@pytest.mark.parametrize(
    ("goal", "unit"),
    [
        (("--maximize", "throughput"), "tokens/s"),
        (("--minimize", "cost", "--gpu-hour-price", "2.5", "--slo", "p90_ttft<1s"), "per million tokens"),
        (("--minimize", "p90_tpot", "--concurrency", "4"), "s"),
        (("--minimize", "tpot_p90", "--concurrency", "4"), "s"),  # as it was written once
    ],
)
def test_other_goals(infertune: Infertune, monkeypatch: pytest.MonkeyPatch, goal: tuple[str, ...], unit: str) -> None:
    simulated(monkeypatch, settings=("max_num_seqs", "max_num_batched_tokens"))
    answer = infertune(*SIMULATED, *goal, "--burst-seconds", "5", "--json").json
    assert answer["goal"]["unit"] == unit
    values = [value for each in answer["finalists"] for value in each["values"]]
    best = answer["verdict"]["value"]
    assert best == pytest.approx(min(values) if "--minimize" in goal else max(values), rel=0.2)


def test_an_slo_that_nothing_keeps(infertune: Infertune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    simulated(monkeypatch, settings=("max_num_seqs",))
    done = infertune(*SIMULATED, "--slo", "p99_ttft<1ms")
    assert done.code == 0
    assert "Nothing that was tried keeps p99_ttft<1ms: there is nothing to recommend." in done.out
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
    assert answer["verdict"]["recommended"] == {"engine.slots": 8}
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
        *("--set", "a=1,2,3,4", "--slo", "p99_ttft<1s", "--budget-seconds", "300"),
    )
    assert done.code == 4
    assert "3 servers in a row failed in the same way (out of memory): " in done.err


def test_what_is_undecided_says_what_would_decide_it_and_the_command_does(
    infertune: Infertune, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of 64 tokens are 2% faster: neither clear nor within the margin after a few turns."""
    how: dict[str, Any] = {"settings": ("block_size",), "hardware": Hardware(start=5.0)}
    simulated(monkeypatch, **how)
    done = infertune(*SIMULATED, *SLO, "--budget-seconds=250")
    assert done.code == 0, done.err
    assert "Undecided: best seen block_size=" in done.out
    assert "nothing that was tried is better" not in done.out
    said, command = done.out.split("more seconds would decide it:\n")
    line = command.splitlines()[0].strip()
    words = shlex.split(line)
    assert words[0] == "infertune"
    assert words[-2] == "--budget-seconds"
    assert words.count("--budget-seconds") == 1
    assert int(said.split()[-1].replace(",", "")) == int(words[-1]) - 250
    assert "serve {port}" in words
    again = simulated(monkeypatch, **how)
    more = infertune(*words[1:], "--json")
    assert more.code == 0, more.err
    assert more.json["seconds"]["bought_in_this_run"] == pytest.approx(again.clock())
    assert more.json["seconds"]["spent"] > 250


def test_it_says_beforehand_how_long_it_will_take(infertune: Infertune, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated(monkeypatch, settings=("max_num_seqs",))
    begun: list[str] = []
    start = made.start
    monkeypatch.setattr(made, "start", lambda c: (begun.append("start"), start(c))[1])
    monkeypatch.setattr(View, "say", lambda self, text: begun.append(text))
    infertune(*SIMULATED, *SLO, "--budget-seconds", "400")
    before = "\n".join(begun[: begun.index("start")])
    for part in ("At most 6 min 40 s of server time", "A start takes 20 s (a guess)", "search", "finals", "in turns"):
        assert part in before
    begun.clear()
    infertune(*SIMULATED, *SLO, "--budget-seconds", "800")
    assert "A start takes 30 s (as before)" in "\n".join(begun)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            (),
            "there must be a goal: an SLO, such as --slo 'p99_ttft<300ms, p99_itl<40ms', or an objective, such as",
        ),
        (("--maximize", "goodputt"), "did you mean 'goodput'?"),
        (("--minimize", "e2e_p55"), "did you mean 'p95_e2e'?"),
        (("--minimize", "p50_e2"), "did you mean 'p50_e2e'?"),
        (("--minimize", "cost", "--slo", "p99_ttft<1s"), "--gpu-hour-price"),
        (("--maximize", "goodput"), "--slo"),
        (("--maximize", "throughput", "--minimize", "cost"), "must not be given together"),
        (("--slo", "p99_tft<1s"), "did you mean 'p99_ttft'?"),
        (("--minimize", "p50_e2e"), "--rate or --concurrency"),
        (("--minimize", "p50_e2e", "--rate", "1", "--concurrency", "2"), "must not be given together"),
        (("--minimize", "p50_e2e", "--rate", "0"), "above 0"),
        (("--slo", "p99_ttft<1s", "--rate", "2"), "--rate and --concurrency need --minimize with a latency"),
        (("--slo", "p99_ttft<1s", "--gpu-hour-price", "2"), "--gpu-hour-price needs --minimize cost"),
        (("--slo", "p99_ttft<1s", "--budget-seconds", "soon"), "--budget-seconds"),
        (("--slo", "p99_ttft<1s", "--burst-seconds", "inf"), "'--burst-seconds': must be a finite number"),
        (("--minimize", "cost", "--gpu-hour-price", "inf"), "'--gpu-hour-price': must be a finite number"),
        (("--slo", "p99_ttft<1s", "--burst-seconds", "1e9"), "--burst-seconds must be less than --budget-seconds"),
        (("--minimize", "cost", "--gpu-hour-price", "0"), "price above 0"),
        (("--slo", "p99_ttft<1s", "--out", "no/such/folder/x.yaml"), "folder"),
        (("--slo", "p99_ttft<1s", "--engine", "vlm"), "did you mean 'vllm'?"),
        (("--slo", "p99_ttft<1s", "--set", "slot=1"), "hole"),
        (("--slo", "p99_ttft<1s", "--dtype", "float32"), "--dtype needs --engine vllm or hf, not command"),
        (("--slo", "p99_ttft<1s", "--only"), "--only needs --engine vllm or hf, not command"),
        (("--slo", "p99_ttft<1s", "--engine-arg", "a=1"), "--engine-arg needs --engine vllm, not command"),
        (("--slo", "p99_ttft<1s", "--engine", "hf"), "--command needs --engine command, not hf"),
        (("--slo", "p99_ttft<1s", "--config", "best.yaml"), "best.yaml"),
    ],
)
def test_what_cannot_be_is_told_at_once(infertune: Infertune, more: tuple[str, ...], said: str) -> None:
    done = infertune(*arguments(*more))
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--engine", "hf", "--only"), "--only needs --set"),
        (("--engine", "hf", "--only", "--set", "batch_size=1,2", "--changing-answers"), "without effect"),
        (("--engine", "hf", "--vllm-python", "p"), "--vllm-python needs --engine vllm, not hf"),
        (("--reset-path", "/x"), "--reset-path needs --engine command, not vllm"),
    ],
)
def test_options_without_use_are_refused(infertune: Infertune, more: tuple[str, ...], said: str) -> None:
    done = infertune("tune-serving", "--workload", "synthetic:input=5,output=2", "--maximize", "throughput", *more)
    assert done.code == 2
    assert said in done.err


def test_one_setting_is_no_choice(infertune: Infertune) -> None:
    done = infertune(*arguments("--slo", "p99_ttft<1s", slots="4"))
    assert done.code == 2
    assert "there must be settings to choose between" in done.err


def test_an_unusable_budget_is_told_before_anything_is_started(infertune: Infertune) -> None:
    done = infertune(*arguments("--slo", "p99_ttft<1s", budget="10"))
    assert done.code == 5
    assert "however fast they start" in done.err
    assert "--budget-seconds 20 or more" in done.err
    other = infertune(*arguments("--slo", "p99_ttft<2s", budget="10"))
    assert other.code == 5  # the study has not begun, so it is not bound to its goal


@pytest.mark.parametrize("setting", ["max_num_seqs=1,2", "engine.max_num_seqs=1,2", "max-num-seqs=1,2"])
def test_what_every_server_gets_is_not_searched_as_well(infertune: Infertune, setting: str) -> None:
    asked = ("tune-serving", "--workload", "synthetic:input=5,output=2", "--slo", "p99_ttft<1s", "--set", setting)
    done = infertune(*asked, "--engine-arg", "max-num-seqs=4")
    assert done.code == 2
    assert "max_num_seqs is 4 for every server" in done.err
    done = infertune(*asked, "--dtype", "float32", "--set", "dtype=float32,bfloat16")
    assert "dtype is float32 for every server" in done.err
