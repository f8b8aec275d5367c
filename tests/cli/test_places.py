"""Where files are to be written is tried before anything is spent; an answer is shown before its file is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import Infertune
from letters import Letters, save

from infertune.engines import cache
from infertune.errors import DataUnavailableError, InvalidInputError
from infertune.files import yaml_file

OPTIMIZE = ("optimize", "--task", "letters.yaml", "--engine", "letters", "--model", "m", "--budget-tokens", "3000")
SERVING = ("--workload", "synthetic:input=8,output=4", "--maximize", "throughput")
PROC = "/proc/self/fdinfo"  # a folder in which nobody can make a file, not even root


@pytest.mark.parametrize("option", [("--out", "best.yaml"), ("--picture", "front.png")])
def test_a_place_where_nothing_can_be_written(
    infertune: Infertune, built: list[Letters], tmp_path: Path, option: tuple[str, str]
) -> None:
    save(tmp_path)
    result = infertune(*OPTIMIZE, option[0], f"{PROC}/{option[1]}")
    assert (result.code, result.out) == (2, "")
    assert f"the folder of {option[0]} must be writable" in result.err
    assert not built
    assert not (tmp_path / "infertune.db").exists()


def test_a_folder_is_no_place(infertune: Infertune, built: list[Letters], tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "best.yaml").mkdir()
    result = infertune(*OPTIMIZE, "--out", "best.yaml")
    assert result.code == 2
    assert "--out must be a file, but best.yaml is a folder" in result.err
    assert not built


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("tune-serving", *SERVING, "--out", f"{PROC}/a.yaml"), "--out"),
        (("tasks", "new", "mine", "--folder", PROC), "--folder"),
    ],
)
def test_other_commands_try_it_too(infertune: Infertune, arguments: tuple[str, ...], named: str) -> None:
    result = infertune(*arguments)
    assert (result.code, result.out) == (2, "")
    assert f"the folder of {named} must be writable" in result.err


def test_trying_leaves_nothing(tmp_path: Path) -> None:
    yaml_file.check_place(tmp_path / "a.yaml", "--out")
    assert not list(tmp_path.iterdir())


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="--out"):
        yaml_file.check_place(tmp_path / ("a" * 300), "--out")


@pytest.mark.parametrize("blocked", ["a file", "nowhere to write"])
def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocked: str) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "file") if blocked == "a file" else PROC)
    with pytest.raises(DataUnavailableError, match="set INFERTUNE_CACHE to a folder that can be"):
        cache.file("vllm", "a.log")


def test_no_home_at_all() -> None:
    program = "from infertune.engines import cache\ntry: cache.folder()\nexcept Exception as error: print(error)"
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "INFERTUNE_CACHE", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.path.expanduser = lambda path: path\n{program}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "INFERTUNE_CACHE" in done.stdout
