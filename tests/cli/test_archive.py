"""``studies``, ``show``, ``trials``, ``failures`` and ``compare``, as a user and a script call them."""

import csv
import io
import json
import random
from pathlib import Path

import pytest
from command import Infertune
from planted import write, write_task

import infertune as library
from infertune.testing import FakeEngine
from infertune.types import Request

STEERS = "\x1b[2J\x1b]0;owned\x07"  # clears the screen and renames the window


def hostile(request: Request, sample: int, source: random.Random) -> str:
    """Answer as planted, with a wrong answer that would steer a terminal."""
    right = write(request, sample, source)
    return right if right.startswith("a") else f"{STEERS} [bold]no[/bold]"


@pytest.fixture
def study(tmp_path: Path, infertune: Infertune) -> library.Result:
    write_task(tmp_path)
    return library.optimize(
        "planted.yaml",
        "m",
        engine=FakeEngine(hostile),
        budget_tokens=8_000,
        search="random",
        settings={"n": [1, 3]},
        progress=False,
    )


def test_every_command_reads_the_study_again(study: library.Result, infertune: Infertune, tmp_path: Path) -> None:
    (tmp_path / "planted.yaml").unlink()
    for words in (
        ["studies"],
        ["show"],
        ["trials"],
        ["failures"],
        ["importance"],
        ["compare", "planted:default", "planted"],
    ):
        done = infertune(*words)
        assert (done.code, done.err) == (0, ""), done
        assert "planted" in done.out or words[0] in ("trials", "failures", "show", "importance")
        assert "\x1b" not in done.out and "\x07" not in done.out
        assert json.loads(infertune(*words, "--json").out)
    assert infertune("show", "planted", "--json").json == study.as_json()
    assert infertune("studies", "--json").json[0]["verdict"] == study.recommendation.verdict.kind
    failing = infertune("failures", "--json", "-n", "1000").json
    assert any(STEERS in answer["text"] for each in failing["examples"] for answer in each["answers"])
    shown = infertune("failures").out
    assert r"\x1b[2J\x1b]0;owned\x07 [bold]no[/bold]" in shown


def test_trials_as_files(study: library.Result, infertune: Infertune, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    done = infertune("trials", "--csv", "trials.csv", "--parquet", "trials.parquet")
    assert (done.code, done.out, done.err) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "trials.csv").read_text())))
    assert [float(row["utility"]) for row in rows] == [trial["utility"] for trial in study.trials]
    assert infertune("trials", "--csv", "-").out == (tmp_path / "trials.csv").read_text()
    frame = pandas.read_parquet(tmp_path / "trials.parquet")
    assert list(frame["decoding.temperature"].dropna()) == [
        trial["decoding.temperature"] for trial in study.trials if trial["decoding.temperature"] is not None
    ]
    nowhere = infertune("trials", "--parquet", "none/trials.parquet")
    assert nowhere.code == 2 and "none/trials.parquet cannot be written" in nowhere.err


def test_the_answer_file_is_written_again(study: library.Result, infertune: Infertune, tmp_path: Path) -> None:
    done = infertune("show", "--out", "again.yaml")
    assert done.code == 0 and "Written to again.yaml" in done.out
    assert (tmp_path / "again.yaml").read_text() == study.save("again.yaml").read_text()


def test_what_cannot_be_is_one_line(study: library.Result, infertune: Infertune, tmp_path: Path) -> None:
    for words, said in (
        (["show", "plantd"], "did you mean 'planted'?"),
        (["studies", "--db", "none.db"], "--db must be the file of a study, but there is no none.db"),
        (["compare", "planted", "planted:99999"], "but no 99999"),
        (["failures", "--below", "2"], "--below"),
    ):
        done = infertune(*words)
        assert done.code == 2 and said in done.err and "Traceback" not in done.err
    assert not (tmp_path / "none.db").exists()
