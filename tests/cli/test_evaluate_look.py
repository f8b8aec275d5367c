"""``evaluate`` looks at an endpoint once, whatever interrupts it, and counts what the look cost."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import Infertune
from test_endpoint import TASK, write

from infertune.testing import FakeEngine, OpenAIServer

N = 12  # examples


class Moody(OpenAIServer):
    """Refuses the task's own questions for as long as it is in a mood, and answers all others."""

    def __init__(self) -> None:
        super().__init__(FakeEngine(write))
        self.in_a_mood = True

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.in_a_mood and "Say " in json.dumps(body):
            self.bodies.append(body)
            return 400, {"error": {"message": "not today"}}
        return super().answer(path, body)

    @property
    def paid(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def test_a_look_is_paid_once_and_counted(
    infertune: Infertune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERTUNE_CACHE", str(tmp_path / "cache"))
    rows = [{"letter": letter, "answer": letter} for letter in "abcdefghijklmnopqrstuvwx"]
    (tmp_path / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "letters.yaml").write_text(TASK)
    with Moody() as server:
        command = ("evaluate", "--task", "letters.yaml", "--engine", "openai", "--model", "fake", "--json")
        command = (*command, "--base-url", server.base_url)
        cut = infertune(*command)
        assert cut.code != 0 and "not today" in cut.err
        n_asked, looked = len(server.bodies), server.paid
        server.in_a_mood = False
        found = infertune(*command)
        assert found.code == 0, found.err
        assert len(server.bodies) == n_asked + N  # the look is known from the run that was cut short
        assert found.json["spent_tokens"] == server.paid - looked
        again = infertune(*command)
        assert again.code == 0, again.err
        assert len(server.bodies) > n_asked + N  # it was finished: this may be another server
        assert again.json["spent_tokens"] == server.paid - looked - found.json["spent_tokens"]
        assert again.json["utility"] == found.json["utility"]
