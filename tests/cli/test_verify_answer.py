"""``verify`` of an answer of ``optimize``: what an endpoint accepts and does not do is contradicted."""

import shutil
from pathlib import Path

import pytest
import yaml
from command import Infertune
from planted import write, write_task
from toy_endpoint import ToyEndpoint, ToyServer

import infertune as library
from infertune.testing import FakeEngine


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_task(folder)
    found = library.optimize(
        folder / "planted.yaml",
        "m",
        engine=FakeEngine(write),
        budget_tokens=3_000,
        search="random",
        database=folder / "infertune.db",
        progress=False,
    )
    path = found.save(folder / "answer.yaml")
    whole = yaml.safe_load(path.read_text())
    whole["configuration"] |= {"decoding.temperature": 0.5, "decoding.min_p": 0.1, "decoding.top_p": 0.9}
    whole["configuration"] |= {"decoding.top_k": 0, "decoding.repetition_penalty": 1.0}
    path.write_text(yaml.safe_dump(whole))
    return folder


@pytest.fixture
def answer(home: Path, tmp_path: Path, infertune: Infertune) -> Path:
    shutil.copy(home / "answer.yaml", tmp_path)
    return tmp_path / "answer.yaml"


def test_an_endpoint_that_does_all_of_it(answer: Path, infertune: Infertune) -> None:
    with ToyServer(ToyEndpoint()) as server:
        done = infertune("verify", str(answer), "--base-url", server.base_url, "--model", "toy", "--json")
    assert done.code == 0, done.err
    verdicts = {each["name"]: each["verdict"] for each in done.json["settings"]}
    proved = ("decoding.temperature", "decoding.min_p", "decoding.top_p", "prompt.template (completions)")
    assert {verdicts[name] for name in proved} == {"proved"}
    assert verdicts["decoding.top_k"] == verdicts["decoding.repetition_penalty"] == "unseen", "they change nothing"


def test_an_endpoint_that_ignores_a_setting_and_has_no_completions(answer: Path, infertune: Infertune) -> None:
    with ToyServer(ToyEndpoint("ignores:min_p", "refuses:top_k", "no completions")) as server:
        done = infertune("verify", str(answer), "--base-url", server.base_url, "--model", "toy")
    assert done.code == 7 and "Traceback" not in done.err
    wrong = done.err.partition("the server is not set as")[2]
    assert "decoding.min_p" in wrong and "prompt.template (completions)" in wrong
    assert "top_k" not in wrong, "the answer leaves it where it changes nothing"
    assert "distinct of 16 samples" in " ".join(done.out.split())


def test_what_is_no_answer_of_a_model(answer: Path, infertune: Infertune) -> None:
    whole = yaml.safe_load(answer.read_text())
    whole["configuration"] = {"strategy.n": 1, "argument.k": 2}
    answer.write_text(yaml.safe_dump(whole))
    with ToyServer(ToyEndpoint()) as server:
        done = infertune("verify", str(answer), "--base-url", server.base_url, "--model", "toy")
    assert done.code == 2 and "must have decoding settings to be verified" in done.err
