"""``tune-serving`` on real vLLM servers: the first server in every run of the tests, searches in the slow suite."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the embedded model needs the extra [hf]")

from infertune.cli import app  # noqa: E402
from infertune.engines.hf.language_model import default_dtype  # noqa: E402
from infertune.engines.process.supervisor import descendants  # noqa: E402
from infertune.engines.vllm.interpreter import VARIABLE  # noqa: E402
from infertune.errors import BudgetError  # noqa: E402
from infertune.recipes import serving_recipe  # noqa: E402
from infertune.serving.measure.event_log import EventLog  # noqa: E402

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.model,
    pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"needs a Python with vLLM, named by ${VARIABLE}"),
]
DTYPE = str(default_dtype(torch.device("cpu"))).removeprefix("torch.")  # another takes many times as long
BUDGET = "480"  # without instructions for bfloat16 a server takes a minute to start
FIRST = "130"  # its share for the first server is about a start and a burst
SERVER = ("--dtype", DTYPE, "--engine-arg", "enforce_eager", "--only")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = set(descendants(os.getpid()))
    yield
    assert not set(descendants(os.getpid())) - before


def run(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the answer; where it is refused, for it would take longer, only the text that says so."""
    import json

    out = folder / "serving.yaml"
    with pytest.raises((SystemExit, BudgetError)) as stop:
        app(["tune-serving", *arguments, "--db", str(folder / "a.db"), "--out", str(out), "--json"])
    captured = capsys.readouterr()
    if isinstance(stop.value, BudgetError):
        return {"refused": str(stop.value)}
    print(captured.err, file=sys.stderr)
    assert stop.value.code in (0, None), captured.err
    answer: dict[str, Any] = json.loads(captured.out)
    return answer


def test_the_first_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The default settings are measured; by what their start took the rest is refused, and nothing is done again."""
    asked = (
        *("--workload", "synthetic:input=10,output=4", "--set", "max_num_seqs=1,32"),
        *("--budget-seconds", FIRST, "--burst-seconds", "2", *SERVER),
        *("--slo", "p90_ttft<4s, p90_itl<2s"),  # such as a slow machine with other work keeps at some load
    )
    answer = run(tmp_path, capsys, *asked)
    if "refused" in answer:  # unless six servers start in no time
        assert int(answer["refused"].split("budget_seconds ")[1].split()[0]) > int(FIRST)
    log = dict(EventLog(tmp_path / "a.db", "serving").items())
    assert log["settings"]["facts"]["engine"] == "vllm"
    assert log["step 0"]["servers"][0]["settings"]["engine.max_num_seqs"] == 32
    first = {key.split("/")[-1]: value for key, value in log.items() if key.startswith("step 0.0/")}
    started = first.pop("start")["seconds"]
    assert first or started > 0.25 * int(FIRST)  # of its share, which is 0.3
    assert all(burst["figures"]["counters"]["generation_tokens"] > 0 for burst in first.values())
    run(tmp_path, capsys, *asked)
    assert dict(EventLog(tmp_path / "a.db", "serving").items()) == log


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_short_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sequence at a time against 32: whatever the machine does meanwhile, the first serves fewer."""
    asked = (
        *("--workload", "synthetic:input=40,output=16", "--set", "max_num_seqs=1,32"),
        *("--budget-seconds", BUDGET, "--burst-seconds", "2", *SERVER),
        *("--slo", "p90_ttft<4s, p90_itl<2s"),  # such as a slow machine with other work keeps at some load
    )
    answer = run(tmp_path, capsys, *asked)
    again = run(tmp_path, capsys, *asked)
    if "refused" in answer:  # on a machine that is very slow or busy, six starts take longer than that
        assert int(answer["refused"].split("budget_seconds ")[1].split()[0]) > int(BUDGET)
        assert again == answer
        return
    assert answer["facts"]["engine"] == "vllm"
    assert answer["trials"][0]["arm"] == "default"
    assert answer["trials"][0]["settings"]["engine.max_num_seqs"] == 32
    assert answer["trials"][0]["value"] > 0
    assert answer["trials"][0]["bursts"][0]["counters"]["generation_tokens"] > 0
    values = {trial["settings"]["engine.max_num_seqs"]: trial["value"] for trial in answer["trials"]}
    if values.get(1) is not None:  # the budget had room for it, and it kept the SLO at some load
        assert values[1] < values[32]
    if answer["verdict"]["recommended"] is not None:
        assert answer["verdict"]["recommended"]["engine.max_num_seqs"] == 32
        assert serving_recipe.read(tmp_path / "serving.yaml").settings == answer["verdict"]["recommended"]
    assert again["seconds"]["bought_in_this_run"] == 0
    assert again["trials"] == answer["trials"]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_whole_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five settings under an SLO within a quarter of an hour of server time."""
    answer = run(
        tmp_path,
        capsys,
        *("--workload", "synthetic:input=150,output=24,prefix=0.7", "--budget-seconds", "15m", "--burst-seconds", "4"),
        *("--set", "max_num_seqs=4,16,64", "--set", "max_num_batched_tokens=512,2048", "--set", "block_size=32,64"),
        *("--set", "enable_prefix_caching=false,true", "--set", "speculative_method=none,ngram"),
        *("--set", "speculative_tokens=2,4", *SERVER),
        *("--slo", "p90_ttft<2s, p90_itl<500ms"),
    )
    seconds = answer["seconds"]
    assert sum(seconds[arm] for arm in ("default", "random", "model", "finals", "schedule")) < 1000
    assert {trial["arm"] for trial in answer["trials"]} == {"default", "random", "model"}
    assert all(trial["value"] is None for trial in answer["trials"] if trial["failure"])
    winner = answer["verdict"]["recommended"]
    assert winner is not None
    finals = {str(each["settings"]): each for each in answer["finalists"]}
    assert {str(winner), str(answer["default"])} <= finals.keys()
    assert answer["verdict"]["n_turns"] >= 2 or answer["verdict"]["kind"] != "keep"
    recipe = serving_recipe.read(tmp_path / "serving.yaml")
    assert recipe.settings == winner
    assert recipe.evidence is not None
