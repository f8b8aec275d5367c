"""Says whether a task holds together: its prompts as a model sees them, and whether a perfect answer scores 1."""

import math
from dataclasses import dataclass
from pathlib import Path

from infertune.tasks.judgement import Miss
from infertune.tasks.loading import read
from infertune.tasks.task import Task
from infertune.types import Prompt

N_SHOWN = 3  # examples rendered for each template
FEW_EXAMPLES = 100  # below, a 95% interval is more than about 20 points wide
_NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One example as one template renders it, with the perfect answer and what that scores, where one is known."""

    template: str
    example_id: str
    prompt: Prompt
    reference: str
    ideal: str | None
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What ``infertune tasks check`` found.

    Attributes:
        shown: Three examples for each template.
        n_ideals: Number of examples of which a perfect answer is known.
        ideal_share: Share of those answers that score 1.
        misses: The examples whose perfect answer does not score 1.
        problems: What must be put right before the task's numbers mean anything.
        notes: What is good to know.
    """

    name: str
    version: int
    digest: str
    n_tune: int
    n_confirm: int
    shown: tuple[Shown, ...]
    n_ideals: int
    ideal_share: float
    misses: tuple[Miss, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def check(name_or_path: str | Path, *, data: Path | None = None) -> TaskReport:
    """Read a task and try it on its own references; what ``load`` raises, this raises or has among its problems."""
    task = read(name_or_path, data=data)
    missed = {miss.example_id: miss.score for miss in task.misses}
    shown = tuple(
        Shown(
            template=name,
            example_id=example.id,
            prompt=template.render(example.fields),
            reference=example.reference,
            ideal=task.ideals.get(example.id),
            score=missed.get(example.id, 1.0) if example.id in task.ideals else None,
        )
        for name, template in task.prompts.items()
        for example in task.tune[:N_SHOWN]
    )
    unknown = len(task.examples) - len(task.ideals)
    notes = [*task.notes, *warnings(task)]
    if unknown:
        notes.append(f"{unknown} examples have no known perfect answer: whether they can be answered is not checked")
    return TaskReport(
        name=task.name,
        version=task.version,
        digest=task.digest,
        n_tune=len(task.tune),
        n_confirm=len(task.confirm),
        shown=shown,
        n_ideals=len(task.ideals),
        ideal_share=1 - len(task.misses) / max(len(task.ideals), 1),
        misses=task.misses,
        problems=task.problems,
        notes=tuple(notes),
    )


def warnings(task: Task) -> tuple[str, ...]:
    """Return what to know before measuring: rows left out, and a split too small for narrow figures."""
    few = []
    for split, examples in {"tune": task.tune, "confirm": task.confirm}.items():
        if len(examples) < FEW_EXAMPLES:
            width = 100 * 2 * _NORMAL_95 * math.sqrt(0.25 / len(examples))
            n = f"{len(examples)} example{'s' if len(examples) > 1 else ''}"
            interval = f"the 95% interval of a utility near 0.5 is about {min(width, 100):.0f} points wide"
            few.append(f"'{split}' has only {n}: {interval}")
    return (*task.left_out, *few)
