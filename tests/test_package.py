"""What is built is whole: the wheel, made from the source distribution, works in an empty folder far from here."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from infertune import tasks

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the source distribution and of the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel installed and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(site: Path, cwd: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_is_what_runs_and_has_every_task(site: Path, tmp_path: Path) -> None:
    program = (
        "import infertune, infertune.tasks as t; print(infertune.__file__); print(*[d.name for d in t.definitions()])"
    )
    where, names = run(site, tmp_path, "-c", program).splitlines()
    assert Path(where).is_relative_to(site)
    assert names.split() == [definition.name for definition in tasks.definitions()]


def test_commands_work_from_another_folder(site: Path, tmp_path: Path) -> None:
    assert "capitals" in run(site, tmp_path, "-m", "infertune", "tasks")
    assert "capitals-chat" in run(site, tmp_path, "-m", "infertune", "space", "--task", "capitals")
    assert run(site, tmp_path, "-m", "infertune", "tasks", "check", "capitals")


def test_licence_types_and_entry_points_are_in_it(site: Path) -> None:
    (metadata,) = site.glob("infertune-*.dist-info")
    assert "Apache License" in (metadata / "licenses" / "LICENSE").read_text()
    text = (metadata / "METADATA").read_text()
    assert "License-Expression: Apache-2.0" in text
    assert {"hf", "vllm", "report", "math"} <= {
        line.split(": ")[1] for line in text.splitlines() if line.startswith("Provides-Extra")
    }
    assert "infertune = infertune.__main__:main" in (metadata / "entry_points.txt").read_text()
    assert (site / "infertune" / "py.typed").exists()
    assert {entry.name for entry in site.iterdir()} == {"infertune", metadata.name}  # no tests/ or tasks/ at the top


def test_the_page_has_all_of_its_parts(site: Path) -> None:
    program = "from infertune.report.page import render; print(*map(len, map(render._part, render.SCRIPTS)))"
    assert all(int(size) > 500 for size in run(site, site, "-c", program).split())
    assert {path.suffix for path in (site / "infertune" / "report" / "page").iterdir()} >= {".html", ".css", ".js"}


def test_the_source_distribution_has_its_tests(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.split("/", 1)[1] for name in opened.getnames() if "/" in name}
    assert {"tests/test_package.py", "tasks/capitals/task.yaml", "LICENSE", "README.md", "pyproject.toml"} <= names
