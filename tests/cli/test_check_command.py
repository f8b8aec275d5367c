"""``check``: an answer that holds, one that fell, one that cannot be told; and what a pipeline reads of it."""

import random
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import Infertune
from planted import write, write_task

import infertune as library
from infertune import plugins
from infertune.testing import FakeEngine
from infertune.testing.fake_engine import babble
from infertune.testing.openai_server import OpenAIServer
from infertune.types import Request

LOAD = plugins.load


def spoilt(request: Request, sample: int, source: random.Random) -> str:
    """Answer as before, but a third of the examples never right."""
    right = write(request, sample, source)
    return "no 9" if right.startswith("a") and int(right[1:]) % 3 == 0 else right


def other_luck(request: Request, sample: int, source: random.Random) -> str:
    """Answer as well as before, and not the same."""
    for _ in range(4):
        source.random()
    return write(request, sample, source)


def served(request: Request, sample: int, source: random.Random) -> str:
    """Answer the task's questions as before, and whatever else is asked with any words."""
    is_of_task = any(words in str(request.prompt) for words in ("Say the answer to q", "the question is q"))
    return write(request, sample, source) if is_of_task else babble(request, sample, source)


class Wide(FakeEngine):
    """Is asked many examples at once."""

    def __init__(self, writer: Callable[..., str]) -> None:
        super().__init__(writer)
        self.batch_size = 64


WRITERS: dict[str, Callable[..., str]] = {"same": write, "spoilt": spoilt, "luck": other_luck}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study of 300 confirm examples."""
    folder = tmp_path_factory.mktemp("home")
    write_task(folder, n_confirm=300)
    library.optimize(
        folder / "planted.yaml",
        "m",
        engine=FakeEngine(write),
        budget_tokens=12_000,
        settings={"n": 1, "top_p": 1, "top_k": 0, "min_p": 0, "repetition_penalty": 1},
        database=folder / "infertune.db",
        progress=False,
    ).save(folder / "answer.yaml")
    return folder


@pytest.fixture
def answer(home: Path, tmp_path: Path, infertune: Infertune, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the answer file in a copy of the folder; its engines can be started by name."""
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)

    def loading(kind: str, name: str) -> Any:
        if kind == "engines" and name in WRITERS:
            return lambda model: FakeEngine(WRITERS[name])
        if kind == "engines" and name == "wide":
            return lambda model: Wide(write)
        return LOAD(kind, name)

    monkeypatch.setattr(plugins, "load", loading)
    return tmp_path / "answer.yaml"


def test_what_has_not_changed_holds_and_is_soon_known(answer: Path, infertune: Infertune) -> None:
    found = infertune("check", str(answer), "--engine", "same", "--json")
    assert found.code == 0 and found.json["outcome"] == "holds"
    assert found.json["difference"]["mean"] == 0, "the same seed: the same samples"
    assert found.json["n_examples"] < found.json["n_possible"]
    assert found.json["was"] == found.json["now"]


def test_a_fall_is_seen_and_fails_the_pipeline(
    answer: Path, infertune: Infertune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    found = infertune("check", str(answer), "--engine", "spoilt", "--junit", "check.xml")
    assert found.code == 1 and "answer.yaml fell: its utility has fallen by more than 0.05" in found.out
    suite = ET.parse(tmp_path / "check.xml").getroot()
    assert suite.get("failures") == "1" and "fell" in str(suite.find("testcase/failure").get("message"))  # type: ignore[union-attr]
    assert "❌ infertune check: fell" in (tmp_path / "summary.md").read_text()


def test_too_little_cannot_tell(answer: Path, infertune: Infertune, tmp_path: Path) -> None:
    found = infertune("check", str(answer), "--engine", "luck", "--margin", "0.001", "--junit", "check.xml")
    said = " ".join(found.out.split())
    assert found.code == 2 and said.startswith("Cannot tell whether") and "all examples were asked" in said
    assert ET.parse(tmp_path / "check.xml").getroot().get("skipped") == "1"
    found = infertune("check", str(answer), "--engine", "spoilt", "--budget-tokens", "100", "--json")
    assert found.code == 2 and found.json["outcome"] == "cannot tell" and found.json["spent_tokens"] <= 120


def test_other_luck_alone_is_no_fall(answer: Path) -> None:
    found = library.check(answer, engine="luck", margin=0.2, progress=False)
    assert found.outcome == "holds" and found.difference.mean != 0


def test_what_was_asked_before_the_budget_ended_counts(answer: Path, infertune: Infertune) -> None:
    found = infertune("check", str(answer), "--engine", "wide", "--budget-tokens", "200", "--json")
    assert found.code == 2 and 0 < found.json["n_examples"] < 64
    assert found.json["difference"]["n"] == found.json["n_examples"]
    assert 200 <= found.json["spent_tokens"] < 220


def test_a_look_at_the_server_is_spent_too(answer: Path, infertune: Infertune) -> None:
    whole = yaml.safe_load(answer.read_text())
    neutral = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
    whole["configuration"] |= {f"decoding.{name}": value for name, value in neutral.items()}
    answer.write_text(yaml.safe_dump(whole))
    with OpenAIServer(FakeEngine(served), model="m") as server:
        there = ("--engine", "openai", "--base-url", server.base_url, "--model", "m")
        found = infertune("check", str(answer), *there, "--json")
        assert found.code in (0, 1, 2) and found.json, found.err
        asked = found.json["n_examples"] * found.json["now_tokens"]
        assert found.json["spent_tokens"] > asked + 500
        found = infertune("check", str(answer), *there, "--budget-tokens", "300")
        assert found.code == 5 and "the budget must buy at least one example, but was spent before" in found.err


def test_nothing_is_taken_from_the_database(answer: Path, infertune: Infertune, tmp_path: Path) -> None:
    before = library.studies()[0]
    assert infertune("check", str(answer), "--engine", "spoilt").code == 1
    assert library.studies()[0] == before


def test_what_cannot_be_checked(answer: Path, infertune: Infertune, tmp_path: Path) -> None:
    whole = yaml.safe_load(answer.read_text())
    for name, changed, said in (
        ("old.yaml", whole["evidence"] | {"scores": ""}, "must hold the scores of its confirmation"),
        ("odd.yaml", whole["evidence"] | {"scores": "1 0 2"}, "must be numbers in [0, 1], or - for none"),
        ("long.yaml", whole["evidence"] | {"scores": "1 " * 999 + "0"}, "must hold the scores of its confirmation"),
    ):
        (tmp_path / name).write_text(yaml.safe_dump(whole | {"evidence": changed}))
        found = infertune("check", name, "--engine", "same")
        assert found.code == 2 and said in " ".join(found.err.split()), found.err
    for words, said in (
        (["--margin", "1.5"], "--margin must lie between 0 and 1"),
        (["--alpha", "0"], "--alpha must lie between 0 and 1"),
        (["--junit", "none/check.xml"], "--junit"),
    ):
        found = infertune("check", str(answer), "--engine", "same", *words)
        assert found.code == 2 and said in found.err
    rows = (tmp_path / "planted.jsonl").read_text().replace('"q', '"qq')
    (tmp_path / "planted.jsonl").write_text(rows)
    found = infertune("check", str(answer), "--engine", "same")
    assert found.code == 2 and "must be of the task as it is now" in found.err
