"""Says whether a task holds together: its prompts as a model sees them, and whether a perfect answer scores 1."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infertune.tasks.task import Task, load
from infertune.types import Example, Prompt

N_SHOWN = 3  # examples rendered for each template
FEW_EXAMPLES = 100  # below, a 95% interval on a share is about 20 points wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One example as one template renders it, with the perfect answer and what that scores."""

    template: str
    example_id: str
    prompt: Prompt
    reference: str
    ideal: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A perfect answer that does not score 1, and what was found in it."""

    example_id: str
    ideal: str
    answer: str | None
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What ``infertune tasks check`` found.

    Attributes:
        shown: Three examples for each template.
        ideal_share: Share of all examples whose perfect answer scores 1.
        misses: Those that do not.
        problems: What must be put right before the task's numbers mean anything.
        notes: What is good to know.
    """

    name: str
    version: int
    digest: str
    n_tune: int
    n_confirm: int
    shown: tuple[Shown, ...]
    ideal_share: float
    misses: tuple[Miss, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def check(name_or_path: str | Path, *, data: Path | None = None) -> TaskReport:
    """Load a task and try it on its own references; what ``load`` raises, this raises."""
    task = load(name_or_path, data=data)
    misses, scores = [], {}
    for example in (*task.tune, *task.confirm):
        ideal = task.ideals[example.id]
        answer = task.extract(ideal)
        scores[example.id] = task.score(answer, example)
        if scores[example.id] < 1:
            misses.append(Miss(example_id=example.id, ideal=ideal, answer=answer, score=scores[example.id]))
    shown = tuple(
        Shown(
            template=name,
            example_id=example.id,
            prompt=template.render(example.fields),
            reference=example.reference,
            ideal=task.ideals[example.id],
            score=scores[example.id],
        )
        for name, template in task.prompts.items()
        for example in task.tune[:N_SHOWN]
    )
    problems = [*_shots_that_are_examples(task), *_contradictions(task)]
    if misses:
        ids = ", ".join(miss.example_id for miss in misses[:5]) + (" ..." if len(misses) > 5 else "")
        problems.append(f"{len(misses)} of {len(scores)} perfect answers do not score 1: {ids}")
    notes = list(task.left_out)
    for split, examples in {"tune": task.tune, "confirm": task.confirm}.items():
        if len(examples) < FEW_EXAMPLES:
            notes.append(f"'{split}' has only {len(examples)} examples; {FEW_EXAMPLES} or more give useful intervals")
    return TaskReport(
        name=task.name,
        version=task.version,
        digest=task.digest,
        n_tune=len(task.tune),
        n_confirm=len(task.confirm),
        shown=shown,
        ideal_share=1 - len(misses) / len(scores),
        misses=tuple(misses),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _shots_that_are_examples(task: Task) -> Iterator[str]:
    asked = {_asked(example.fields): example.id for example in (*task.tune, *task.confirm)}
    for name, template in task.prompts.items():
        for number, shot in enumerate(template.examples):
            fields = {field: value for field, value in shot.items() if field in template.fields}
            if _asked(fields) in asked:
                yield f"the prompt '{name}' gives away example {asked[_asked(fields)]}: it is shot {number + 1}"


def _contradictions(task: Task) -> Iterator[str]:
    by_question: dict[object, list[Example]] = defaultdict(list)
    for example in (*task.tune, *task.confirm):
        by_question[_asked(example.fields)].append(example)
    for same in by_question.values():
        if len(same) > 1:
            yield f"examples {', '.join(example.id for example in same)} ask the same thing"


def _asked(fields: Mapping[str, str]) -> object:
    """Return what two examples that ask the same have in common, whatever their case and spacing."""
    return frozenset((name, " ".join(value.lower().split())) for name, value in fields.items())
