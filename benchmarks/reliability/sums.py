"""A task of sums, and who answers it: right by a chance that prompt and temperature plant, so that it is known."""

import json
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infertune.types import Request

NAME = "sums"
# Few enough configurations to try them all on every example, so that what faults cost decides nothing.
SMALL = ("temperature=0.3,1", "top_p=1", "top_k=0", "min_p=0", "repetition_penalty=1", "n=1,3")

_SUM = re.compile(r"(\d+) \+ (\d+)")
_TASK = """
name: sums
version: 1
source: made for the trials of reliability
licence: Apache-2.0
data: sums.jsonl
fields: {sum: sum}
reference: answer
splits: {tune: TUNE, confirm: CONFIRM}
prompts:
  - {name: plain, kind: plain, text: "Say what {sum} is:"}
  - {name: wordy, kind: plain, text: "Well now, let me think about {sum} for a while, and then:"}
max_tokens: [2, 4]
extraction:
  - {kind: line, which: first}
scorer: exact
"""


def write_task(folder: Path, *, n_tune: int = 40, n_confirm: int = 60) -> None:
    """Write the task's two files, ``sums.yaml`` and ``sums.jsonl``."""
    rows = [{"sum": f"{100 + number} + {7 * number}", "answer": str(100 + 8 * number)} for number in range(200)]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[: n_tune + n_confirm]))
    (folder / "sums.yaml").write_text(_TASK.replace("TUNE", str(n_tune)).replace("CONFIRM", str(n_confirm)))


def is_of_the_task(prompt: str) -> bool:
    """Return whether a prompt asks for a sum, and is none by which a server is looked at."""
    return _SUM.search(prompt) is not None


def write(request: Request, sample: int, source: random.Random) -> str:
    """Answer a sum right by chance, and anything else with some words."""
    prompt = request.prompt if isinstance(request.prompt, str) else request.prompt[-1].content
    is_cold = request.decoding.temperature < 0.1
    luck = random.Random(prompt if is_cold else f"{prompt}\0{source.random()}")
    found = _SUM.search(prompt)
    if found is None:
        return " ".join(luck.choices(("red", "green", "blue", "so", "the", "end."), k=luck.randint(1, 24)))
    right = int(found[1]) + int(found[2])
    is_plain = prompt.startswith("Say")
    return str(
        right if luck.random() < _chance(is_plain, request.decoding.temperature) else right + luck.randint(1, 4)
    )


def worth(configuration: Mapping[str, Any]) -> float:
    """Return the true utility of a configuration with n = 1."""
    is_plain = configuration["prompt.template"] == "plain"
    return _chance(is_plain, float(configuration["decoding.temperature"]))


def _chance(is_plain: bool, temperature: float) -> float:
    return 0.25 + (0.35 if is_plain else 0.0) + 0.2 * (1 - min(temperature, 1.0))
