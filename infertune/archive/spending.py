"""Where a study's tokens went: the search or the confirmation, and which prompt."""

from dataclasses import dataclass

from infertune.archive.stored_study import StoredStudy
from infertune.bank.keys import prompt_digest
from infertune.bank.usage import Usage

OTHER = "another"
"""Stands for a split or a prompt that the task does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was paid for one prompt on one split.

    Attributes:
        split: ``tune`` for pilot, search and finals, ``confirm`` for the confirmation.
        prompt: Name of the template.
    """

    split: str
    prompt: str
    usage: Usage


def spending(study: StoredStudy) -> tuple[Spent, ...]:
    """Return what a study paid for, by split and prompt, the largest sum first.

    Samples that another study of the database had paid for cost it nothing and are not counted. Which of pilot, search
    and finals bought a sample is not booked, for all three draw on the same examples.

    Raises:
        DataUnavailableError: The database is damaged.
    """
    task = study.task
    splits = {example.id: "tune" for example in task.tune} | {example.id: "confirm" for example in task.confirm}
    examples = {example.id: example for example in (*task.tune, *task.confirm)}
    names: dict[tuple[str, str], str] = {}
    found: dict[tuple[str, str], Usage] = {}
    for example_id, digest, usage in study.spent_by_prompt():
        example = examples.get(example_id)
        if example is not None and (example_id, digest) not in names:
            for name, template in task.prompts.items():
                names.setdefault((example_id, prompt_digest(template.render(example.fields))), name)
        key = splits.get(example_id, OTHER), names.get((example_id, digest), OTHER)
        found[key] = found.get(key, Usage()) + usage
    parts = [Spent(split=split, prompt=prompt, usage=usage) for (split, prompt), usage in found.items()]
    return tuple(sorted(parts, key=lambda part: part.usage.tokens, reverse=True))
