"""``--engine vllm`` at the command line, with a stand-in for the server: options, the report and the messages."""

import os
import sys
from pathlib import Path

import pytest
import yaml
from command import Infertune

from infertune.engines.vllm import interpreter as vllm_python

TESTS = Path(__file__).parent.parent
OPTIMIZE = [
    *("optimize", "--task", "capitals", "--engine", "vllm", "--budget-tokens", "9k", "--set", "n=1"),
    *("--set", "prompt=capitals-quiz", "--engine-arg", "max_num_seqs=8", "--engine-arg", "enforce_eager"),
]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a model's folder, in a world whose vLLM is the stand-in."""
    monkeypatch.setattr(vllm_python, "find_spec", lambda _name: None)
    monkeypatch.setenv("INFERTUNE_VLLM_PYTHON", sys.executable)
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS / "engines" / "fake_vllm"), str(TESTS.parent)]))
    monkeypatch.setenv("FAKE_VLLM", "")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return str(folder)


def test_a_study(infertune: Infertune, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFERTUNE_VLLM_PYTHON")
    result = infertune(*OPTIMIZE, "--model", model, "--vllm-python", sys.executable, "--json")
    assert result.code == 0, result.err
    assert result.json["engine"]["engine"] == "vllm"
    assert result.json["engine_metrics"]["generation_tokens"] > 0
    assert result.json["engine_metrics"]["n_restarts"] == 0
    recipe = yaml.safe_load((tmp_path / "capitals.yaml").read_text())
    assert recipe["engine_options"] == {
        "engine_args": '{"enforce_eager": "", "max_num_seqs": "8"}',
        "vllm_python": sys.executable,
    }
    again = infertune("evaluate", "--config", "capitals.yaml", "--examples", "5")
    assert again.code == 0, again.err


def test_a_server_that_is_killed_is_named_at_the_end(
    infertune: Infertune, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VLLM", "is killed once")
    monkeypatch.setenv("FAKE_VLLM_NOTES", str(tmp_path / "notes"))
    result = infertune(*OPTIMIZE, "--model", model)
    assert result.code == 0, result.err
    assert "Server: it ended 1 times before its time, last by killed: it ended by SIGKILL." in result.out


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (
            ["--engine-arg", "max_num_seqz=8"],
            4,
            "unrecognized arguments: --max-num-seqz 8; did you mean 'max-num-seqs'?",
        ),
        (["--engine-arg", "=8"], 2, "--engine-arg must be NAME=VALUE, such as max_num_seqs=64, not '=8'"),
        (["--engine-arg", "a=1", "--engine-arg", "a=2"], 2, "--engine-arg a is given twice"),
        (["--engine-arg", "port=1"], 2, "the engine argument port cannot be set: a free one is chosen"),
        (["--vllm-python", "/nowhere/python"], 2, "there is no program '/nowhere/python'"),
        (["--device", "cpu"], 2, "the engine 'vllm' has no --device; it takes --dtype"),
    ],
)
def test_messages(infertune: Infertune, model: str, more: list[str], code: int, message: str) -> None:
    arguments = [*OPTIMIZE[:7], "--model", model, *more]
    result = infertune(*arguments)
    assert message in " ".join(result.err.split())
    assert (result.code, result.out) == (code, "")


def test_no_vllm(infertune: Infertune, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFERTUNE_VLLM_PYTHON")
    result = infertune(*OPTIMIZE, "--model", model)
    assert result.code == 3
    assert "the engine 'vllm' needs the package vllm" in " ".join(result.err.split())
