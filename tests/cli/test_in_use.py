"""A study that another process runs is left alone: one line, exit code 2, and nothing begun."""

import os
from pathlib import Path

import pytest
from command import Infertune
from letters import Letters, save

from infertune.bank.lease import Kind, Lease

OPTIMIZE = ("optimize", "--task", "letters.yaml", "--engine", "letters", "--model", "m", "--budget-tokens", "3000")
JOINT = ("optimize", "--task", "letters.yaml", "--budget-tokens", "9k", "--joint")
SERVING = ("tune-serving", "--engine", "hf", "--workload", "synthetic:input=8,output=4", "--minimize", "p50_e2e")


@pytest.mark.parametrize(
    ("arguments", "kind", "study"),
    [
        (OPTIMIZE, "optimize", "letters"),
        pytest.param(JOINT, "optimize", "letters", marks=pytest.mark.model),
        pytest.param((*SERVING, "--concurrency", "1"), "tune-serving", "serving", marks=pytest.mark.model),
    ],
)
def test_it_is_said_before_anything_begins(
    infertune: Infertune, built: list[Letters], tmp_path: Path, arguments: tuple[str, ...], kind: Kind, study: str
) -> None:
    if arguments[0] != "optimize" or "--joint" in arguments:
        pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")
    save(tmp_path)
    with Lease(tmp_path / "infertune.db", kind, study):
        result = infertune(*arguments)
    assert (result.code, result.out) == (2, "")
    assert f"process {os.getpid()} on" in result.err.splitlines()[-1]
    assert "Traceback" not in result.err
    assert not built
    assert not list(tmp_path.glob("*.yaml.*"))


def test_afterwards_it_runs(infertune: Infertune, built: list[Letters], tmp_path: Path) -> None:
    save(tmp_path)
    with Lease(tmp_path / "infertune.db", "optimize", "letters"):
        assert infertune(*OPTIMIZE).code == 2
    assert infertune(*OPTIMIZE).code == 0
    assert len(built) == 1


def test_a_finished_study_is_shown_whoever_runs_it(infertune: Infertune, built: list[Letters], tmp_path: Path) -> None:
    save(tmp_path)
    assert infertune(*OPTIMIZE).code == 0
    with Lease(tmp_path / "infertune.db", "optimize", "letters"):
        assert infertune(*OPTIMIZE).code == 0
    assert len(built) == 1
