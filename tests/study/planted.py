"""A task of questions and an engine whose chance to be right is planted, so that a study's answer can be judged."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infertune import tasks
from infertune.allocators import Allocator
from infertune.allocators.knowledge_gradient.allocator import KnowledgeGradientAllocator
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.samplers.random import RandomSampler
from infertune.selection.recommendation import Recommendation
from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.space.notation import changed
from infertune.study import Study
from infertune.study.progress import Progress
from infertune.study.sampler_allocator import SamplerAllocator
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.testing import FakeEngine
from infertune.types import Request

SEARCHES: dict[str, Allocator] = {
    "trials": SamplerAllocator(RandomSampler()),
    "orders": KnowledgeGradientAllocator(),
}
TOKENS = 16_000  # of a study; it can afford n = 1 and 3
_NUMBER = re.compile(r"q(\d+)")

TASK = """
name: planted
version: 1
source: made for tests
licence: Apache-2.0
data: planted.jsonl
fields: {number: number}
reference: answer
splits: {tune: TUNE, confirm: CONFIRM}
prompts:
  - {name: good, kind: plain, text: "Say the answer to {number} at once:"}
  - {name: poor, kind: plain, text: "Well, the question is {number}, what may it be?"}
max_tokens: [2, 4]
extraction:
  - {kind: line, which: first}
scorer: SCORER
"""


def write_task(folder: Path, *, n_tune: int = 60, n_confirm: int = 80, scorer: str = "exact") -> Task:
    """Write the task's two files and return it."""
    rows = [{"number": f"q{number}", "answer": f"a{number}"} for number in range(n_tune + n_confirm)]
    (folder / "planted.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = TASK.replace("TUNE", str(n_tune)).replace("CONFIRM", str(n_confirm)).replace("SCORER", scorer)
    (folder / "planted.yaml").write_text(text)
    return tasks.load(folder / "planted.yaml")


def vowels(answer: str) -> float:
    """Score the babble of a model of random weights, of which no two texts are alike."""
    return sum(each in "aeiou" for each in answer.lower()) / max(1, len(answer))


def chance(request: Request) -> float:
    """Return how often the planted model is right: best with the good prompt and little temperature."""
    prompt = 0.35 if "at once" in str(request.prompt) else 0.0
    return 0.25 + prompt + 0.2 * (1 - min(request.decoding.temperature, 1.0))


def write(request: Request, sample: int, source: random.Random) -> str:
    """Answer right by chance; the example comes into the noise by the source's key alone."""
    number = _NUMBER.search(str(request.prompt))
    assert number is not None
    return f"a{number[1]}" if source.random() < chance(request) else f"no {source.randint(0, 3)}"


def space_of(task: Task, *settings: str) -> SearchSpace:
    """Return the default space of the task with changes."""
    return changed(default_space(prompts=tuple(task.prompts), max_tokens=task.max_tokens_choices), settings)


def make_study(folder: Path, **changes: Any) -> Study:
    """Return a study in ``folder``, with a fake engine unless another is given."""
    task: Task = changes.pop("task", None) or write_task(folder)
    bank = SampleBank(folder / "study.db")
    name = changes.pop("name", "planted")
    settings: dict[str, Any] = {
        "engine": FakeEngine(write),
        "space": space_of(task),
        "search": SEARCHES["trials"],
        "budget": Budget(tokens=TOKENS),
        "log": TrialLog(bank.url, name),
    }
    return Study(name=name, task=task, bank=bank, **{**settings, **changes})


def plain(found: Recommendation) -> dict[str, Any]:
    """Return everything of a recommendation that must not depend on interruptions."""
    return {
        "default": dict(found.default),
        "seen": dict(found.seen),
        "recommended": dict(found.recommended),
        "on_tune": (found.on_tune.utility, found.on_tune.cost_tokens),
        "front": [(dict(one.configuration), one.utility, one.cost_tokens) for one in found.front],
        "budget_to_decide": found.budget_to_decide,
        "verdict": asdict(found.verdict),
        "promise": asdict(found.promise),
        "explored": found.explored,
        "n_trials": found.n_trials,
        "n_tune": found.n_tune,
        "notes": found.notes,
    }


class Interrupted(Exception):
    pass


def interrupting(n: int) -> Callable[[Progress], None]:
    """Return an ``on_progress`` that raises the n-th time."""
    seen = 0

    def on_progress(progress: Progress) -> None:
        nonlocal seen
        seen += 1
        if seen == n:
            raise Interrupted

    return on_progress
