"""``infertune report`` and ``infertune.open_study(...).report``: a study of a second, in every format."""

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Result, run
from planted import write, write_task

import infertune
from infertune.testing import FakeEngine


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> infertune.Result:
    folder = tmp_path_factory.mktemp("made")
    write_task(folder)
    with contextlib.chdir(folder):
        return infertune.optimize(
            "planted.yaml",
            "m",
            engine=FakeEngine(write),
            budget_tokens=8_000,
            settings={"n": 1, "top_p": 1},
            study="odd|name",
            database=folder / "infertune.db",
            progress=False,
        )


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> Iterator[None]:
    with contextlib.chdir(tmp_path):
        yield


def report(made: infertune.Result, *arguments: str) -> Result:
    return run("report", *arguments, "--db", str(made.file.database))


def test_a_page_is_named_after_its_study(made: infertune.Result, tmp_path: Path) -> None:
    assert report(made).out == "Written to odd-name.html; open it in a browser\n"
    assert (tmp_path / "odd-name.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert report(made, "odd|name", "--out", "-").out.startswith("<!doctype html>")


def test_markdown_is_the_answer(made: infertune.Result) -> None:
    text = report(made, "--format", "md").out
    verdict = made.recommendation.verdict
    assert text.startswith("# odd\\|name\n\n**") and f"{verdict.default.utility.mean:.3f}" in text
    rows = [line for line in text.splitlines() if line.startswith("| decoding.temperature") or "temperature |" in line]
    assert len(rows) == 1 and rows[0].count("|") in (3, 4)
    assert "infertune evaluate --config" in text


def test_json_is_that_of_show(made: infertune.Result, tmp_path: Path) -> None:
    assert json.loads(report(made, "--format", "json").out) == made.as_json()
    report(made, "--format", "json", "--out", "answer.json")
    assert json.loads((tmp_path / "answer.json").read_text()) == made.as_json()


def test_csv_is_the_trials(made: infertune.Result) -> None:
    rows = list(csv.DictReader(io.StringIO(report(made, "--format", "csv").out)))
    assert [float(row["utility"]) for row in rows] == [row["utility"] for row in made.trials]


def test_nothing_else_is_overwritten(made: infertune.Result, tmp_path: Path) -> None:
    (tmp_path / "odd-name.html").write_text("mine")
    found = report(made)
    assert found.code == 2 and "--out must be a new file or an earlier page" in found.err
    assert report(made, "--out", "nowhere/x.html").code == 2
    assert report(made, "no-such-study").code == 2
    assert (tmp_path / "odd-name.html").read_text() == "mine"


def test_without_the_charting_library_it_says_what_to_install(
    made: infertune.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = report(made)
    assert found.code != 0 and "pip install 'infertune[report]'" in found.err
