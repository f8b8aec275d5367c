"""What infertune promises of a real server of any kind: the doctor, a study, a load and a check of its settings."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

SETTINGS = """\
model: some
engine: command
command: some-server --port {port}
settings: {}
decoding: {decoding.top_p: 0.9}
"""
MOST_BEYOND = 0.10  # of a study's tokens, beyond the answers: for the look at the server, and for what was in vain


def infertune(folder: Path, *arguments: str) -> Any:
    """Run a command in a folder and return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "infertune", *arguments, "--json"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class RealServerContract:
    """Subclasses give a fixture ``base_url`` of the scope of the class.

    Attributes:
        verdicts: Of the doctor, those that are not "honoured".
        budget: Tokens of the study.
        concurrency: Of the load.
    """

    verdicts: ClassVar[Mapping[str, str]] = {}
    budget: ClassVar[int] = 60_000
    concurrency: ClassVar[int] = 8

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> str:
        """Return the model's name at the server."""
        return "smollm2"

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("real")

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, base_url: str, model: str) -> tuple[str, ...]:
        return ("--engine", "openai", "--base-url", base_url, "--model", model)

    def test_the_doctor_says_what_it_honours(self, engine: tuple[str, ...], folder: Path) -> None:
        rows = infertune(folder, "doctor", *engine)["probe"]["rows"]
        # A busy machine makes any server slow; what is worth most is tried all the same.
        tried = {name: row["verdict"] for name, row in rows.items() if "the server is slow" not in row["seen"]}
        assert {"chat", "completions", "max_tokens", "temperature", "n"} <= tried.keys()
        expected = {name: self.verdicts.get(name, "honoured") for name in tried}
        assert tried == expected, {name: rows[name] for name in tried if tried[name] != expected[name]}

    def test_a_study_spends_its_budget_on_answers(self, engine: tuple[str, ...], folder: Path) -> None:
        found = infertune(folder, "optimize", "--task", "capitals", *engine, "--budget-tokens", str(self.budget))
        spent = found["spent"]
        beyond = spent["extra_prompt_tokens"] + spent["extra_completion_tokens"]
        print(f"{beyond / spent['tokens']:.1%} beyond the answers, {found['n_trials']} trials")
        assert spent["n_failed"] == 0
        assert spent["tokens"] <= 1.02 * self.budget
        assert beyond <= MOST_BEYOND * spent["tokens"]

    def test_no_request_of_a_load_is_lost(self, base_url: str, model: str, folder: Path) -> None:
        load = ("--concurrency", str(self.concurrency), "--requests", "40", "--workload", "task:capitals")
        (found,) = infertune(folder, "load", "--base-url", base_url, "--model", model, *load)["loads"]
        assert (found["n"], found["n_failed"]) == (40, 0)

    def test_its_settings_can_be_verified(self, base_url: str, model: str, folder: Path) -> None:
        settings = folder / "serving.yaml"
        settings.write_text(SETTINGS)
        found = infertune(
            folder, "verify", str(settings), "--base-url", base_url.removesuffix("/v1"), "--model", model
        )
        assert [(each["name"], each["verdict"]) for each in found["settings"]] == [("decoding.top_p", "unseen")]
