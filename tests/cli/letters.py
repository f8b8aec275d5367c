"""A tiny task and an engine that answers it well under one of its prompts, for studies that take a second."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from infertune import plugins
from infertune.testing.fake_engine import FakeEngine, babble
from infertune.types import Request

TASK = r"""
name: letters
version: 1
source: made for tests
licence: Apache-2.0
data: letters.jsonl
fields: {letter: letter}
reference: answer
splits: {tune: 12, confirm: 12}
prompts:
  - name: asking
    kind: plain
    text: "Say {letter}:\nNow"
    examples: [{letter: z, answer: z}, {letter: "1e3", answer: "1e3"}]
  - {name: bare, kind: plain, text: "{letter}"}
max_tokens: [4]
stop: ["\n"]
extraction:
  - {kind: line, which: first}
scorer: exact
"""


def write(request: Request, sample: int, source: random.Random) -> str:
    """Answer well only what is asked by the prompt ``asking``."""
    text = str(request.prompt)
    said = text.rpartition("Say ")[2][:1]
    return said if "Say" in text and source.random() < 0.9 else babble(request, sample, source)


class Letters(FakeEngine):
    """An engine that remembers with what it was built."""

    built: ClassVar[list["Letters"]] = []

    def __init__(self, model: str, *, api_key_env: str | None = None, api_key_file: str | None = None) -> None:
        super().__init__(write)
        self.model = model
        self.options = {"api_key_env": api_key_env, "api_key_file": api_key_file}
        self.built.append(self)


def loading(kind: str, name: str, load: Callable[[str, str], Any] = plugins.load) -> Any:
    """Load a plugin, or the engine ``letters``."""
    return Letters if (kind, name) == ("engines", "letters") else load(kind, name)


def rows() -> list[dict[str, str]]:
    return [{"letter": letter, "answer": letter} for letter in "abcdefghijklmnopqrstuvwxyz"[:24]]


def save(folder: Path, task: str = TASK, data: list[dict[str, str]] | None = None) -> None:
    (folder / "letters.yaml").write_text(task)
    (folder / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data or rows()))
