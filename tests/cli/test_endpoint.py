"""The engine openai from the command line: a key that works and is kept nowhere, and one message for what is wrong."""

import json
import random
from pathlib import Path

import pytest
import yaml
from command import Infertune

from infertune.testing import FakeEngine, OpenAIServer
from infertune.testing.fake_engine import babble
from infertune.types import Request

KEY = "sk-command-line-0123456789"
TASK = """
name: letters
version: 1
source: made for tests
licence: Apache-2.0
data: letters.jsonl
fields: {letter: letter}
reference: answer
splits: {tune: 12, confirm: 12}
prompts:
  - {name: plain, kind: plain, text: "Say {letter}:"}
max_tokens: [4]
extraction:
  - {kind: line, which: first}
scorer: exact
"""


def write(request: Request, sample: int, source: random.Random) -> str:
    prompt = str(request.prompt)
    return prompt[4] if prompt.startswith("Say ") and source.random() < 0.7 else babble(request, sample, source)


@pytest.fixture
def task(tmp_path: Path) -> str:
    rows = [{"letter": letter, "answer": letter} for letter in "abcdefghijklmnopqrstuvwxyz"[:24]]
    (tmp_path / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "letters.yaml").write_text(TASK)
    return "letters.yaml"


def test_optimize_and_evaluate_with_a_key_that_is_kept_nowhere(
    infertune: Infertune, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with OpenAIServer(FakeEngine(write), key=KEY) as server:
        endpoint = ("--engine", "openai", "--model", "fake", "--base-url", server.base_url, "--api-key-env", "MY_KEY")
        found = infertune(
            *("optimize", "--task", task, *endpoint, "--concurrency", "8", "--extra-body", '{"user": "me"}'),
            *("--budget-tokens", "20k", "--json"),
        )
        assert found.code == 0, found.err
        paid = server.prompt_tokens + server.completion_tokens
        again = infertune("evaluate", "--config", "letters-answer.yaml", "--json")
        assert again.code == 0, again.err
        assert server.bodies[-1]["user"] == "me"
    assert found.json["engine"]["engine"] == "openai"
    assert found.json["spent"]["tokens"] == paid  # finding out what the server honours included
    assert again.json["utility"]["mean"] == found.json["recommended"]["utility"]["mean"]
    recipe = yaml.safe_load((tmp_path / "letters-answer.yaml").read_text())
    assert recipe["engine_options"] == {
        "base_url": server.base_url,
        "api_key_env": "MY_KEY",
        "concurrency": 8,
        "extra_body": '{"user": "me"}',
    }
    assert KEY not in found.out + found.err + again.out + again.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "needs --base-url"),
        (["--base-url", "http://me:pass@127.0.0.1/v1"], 2, "must not hold a user or a password"),
        (["--base-url", "http://127.0.0.1:9/v1"], 4, "there must be a server at http://127.0.0.1:9/v1"),
        (["--base-url", "http://127.0.0.1:9/v1", "--api-key-env", "NOT_SET"], 2, "NOT_SET is not set"),
        (
            ["--base-url", "http://127.0.0.1:9/v1", "--api-key-file", "nope"],
            2,
            "--api-key-file must name a file that holds the key, but: No such file",
        ),
        (["--base-url", "http://127.0.0.1:9/v1", "--extra-body", "[]"], 2, "must be a JSON object"),
        (["--base-url", "http://127.0.0.1:9/v1", "--concurrency", "0"], 2, "at least 1"),
        (["--base-url", "http://127.0.0.1:9/v1", "--device", "cpu"], 2, "has no --device"),
    ],
)
def test_one_message(infertune: Infertune, task: str, options: list[str], code: int, message: str) -> None:
    result = infertune("optimize", "--task", task, "--engine", "openai", "--budget-tokens", "1k", *options)
    assert (result.code, result.out) == (code, "")
    assert message in " ".join(result.err.split())
    assert "Traceback" not in result.err
