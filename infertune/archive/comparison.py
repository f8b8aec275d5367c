"""Two configurations, of one study or of two, on the examples that both answered, paired."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from infertune.archive.failures import of_pair
from infertune.archive.stored_study import Split, StoredStudy
from infertune.errors import InvalidInputError
from infertune.selection.recommendation import ExampleScores, example_scores
from infertune.statistics.intervals import Interval, examples_to_decide, mean_interval, paired_difference
from infertune.types import Configuration, Example

_WHICH = ("recommended", "seen", "default")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One side, on the common examples.

    Attributes:
        name: The study and which of its configurations.
        model: That answered.
        utility: Its mean, with a 95% interval.
        cost_tokens: Mean tokens per request in use.
    """

    name: str
    model: str
    configuration: Configuration
    utility: Interval
    cost_tokens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyComparison:
    """Two configurations on the same examples.

    Attributes:
        split: Whose examples they are: those of ``tune`` flatter what the search chose on them.
        difference: ``b`` minus ``a``, paired by example, with a 95% interval.
        examples_to_decide: About how many more would; 0 where it is decided, None where no number would.
        examples: (example, score of ``a``, score of ``b``) where they differ, the largest difference first.
        notes: What the user should know.
    """

    a: Compared
    b: Compared
    split: Split
    difference: Interval
    examples_to_decide: int | None
    examples: tuple[tuple[str, float, float], ...]
    notes: tuple[str, ...]


def which(text: str) -> tuple[str, str]:
    """Return study and configuration of ``STUDY``, ``STUDY:default`` or ``STUDY:TRIAL``; it is the recommended one."""
    study, _, found = text.rpartition(":")
    if study and (found in _WHICH or re.fullmatch("[0-9]{1,9}", found)):
        return study, found
    return text, "recommended"


def compare(
    a: StoredStudy, b: StoredStudy, *, of_a: str = "recommended", of_b: str = "recommended"
) -> StudyComparison:
    """Return how two configurations differ.

    Args:
        a: A study; ``b`` is another, or the same.
        of_a: Which of its configurations: ``recommended``, ``seen``, ``default`` or the number of a trial.

    Raises:
        InvalidInputError: There is no such trial, or they have no example in common.
        DataUnavailableError: A study has no answer yet.
    """
    split: Split = "confirm" if of_a in _WHICH and of_b in _WHICH else "tune"
    first, second = _side(a, of_a, split), _side(b, of_b, split)
    same = _same_examples(a, b, split)
    there = set(second.example_ids)
    common = [each for each in first.example_ids if each in there and each in same]
    if len(common) < 2:
        tasks = "" if a.task.name == b.task.name else f": one is of the task {a.task.name}, the other of {b.task.name}"
        raise InvalidInputError(
            f"the two must have answered at least two of the same {split} examples, but share {len(common)}{tasks}"
        )
    ours, theirs = _on(first, common), _on(second, common)
    pairs = list(zip(common, ours.scores, theirs.scores, strict=True))
    return StudyComparison(
        a=_compared(a, of_a, ours),
        b=_compared(b, of_b, theirs),
        split=split,
        difference=paired_difference(np.array(theirs.scores), np.array(ours.scores)),
        examples_to_decide=examples_to_decide(np.array(theirs.scores), np.array(ours.scores)),
        examples=tuple(
            sorted((one for one in pairs if one[1] != one[2]), key=lambda one: abs(one[2] - one[1]), reverse=True)
        ),
        notes=tuple(_notes(a, b, split, len(common), max(len(first.example_ids), len(second.example_ids)))),
    )


def _on(side: ExampleScores, ids: Sequence[str]) -> ExampleScores:
    """Return a configuration on some of its examples, in their order."""
    at = {each: number for number, each in enumerate(side.example_ids)}
    return replace(
        side,
        example_ids=tuple(ids),
        scores=tuple(side.scores[at[each]] for each in ids),
        tokens=tuple(side.tokens[at[each]] for each in ids),
    )


def _compared(study: StoredStudy, named: str, side: ExampleScores) -> Compared:
    return Compared(
        name=f"{study.name}:{named}",
        model=study.opening.model,
        configuration=side.configuration,
        utility=mean_interval(np.array(side.scores)),
        cost_tokens=float(np.mean(side.tokens)),
    )


def _side(study: StoredStudy, named: str, split: Split) -> ExampleScores:
    if named in _WHICH:
        configuration: Configuration = getattr(study.recommendation, named)
        if split == "confirm":
            return of_pair(study, configuration)
        return _bought(study, configuration, split)
    trials = study.trials
    if int(named) >= len(trials):
        raise InvalidInputError(f"study '{study.name}' has trials 0 to {len(trials) - 1}, but no {named}")
    trial = trials[int(named)]
    if not trial.chosen:
        raise InvalidInputError(f"trial {named} of study '{study.name}' has no scores: {trial.cause}")
    return _bought(study, Configuration(trial.chosen), split)


def _bought(study: StoredStudy, configuration: Configuration, split: Split) -> ExampleScores:
    """Return what the bank holds of a configuration, on whichever examples."""
    evaluator = study.evaluator(split)
    found = evaluator.candidates(evaluator.evidence(evaluator.order(configuration)))
    for each in found:
        if each.configuration == configuration:
            return example_scores(each)
    raise InvalidInputError(f"study '{study.name}' has no samples of that configuration on the examples of {split}")


def _same_examples(a: StoredStudy, b: StoredStudy, split: Split) -> set[str]:
    """Return the ids of the examples that ask and want the same in both."""

    def held(study: StoredStudy) -> dict[str, Example]:
        return {each.id: each for each in (study.task.tune if split == "tune" else study.task.confirm)}

    theirs = held(b)
    return {name for name, example in held(a).items() if theirs.get(name) == example}


def _notes(a: StoredStudy, b: StoredStudy, split: Split, n: int, n_all: int) -> list[str]:
    notes = []
    if n < n_all:
        notes.append(f"{n} of {n_all} examples were answered by both, and only these count")
    if split == "tune":
        notes.append("these are examples of tune, which flatter what the search chose on them")
    ours, theirs = a.task.definition, b.task.definition
    if (ours.scorer, ours.extraction) != (theirs.scorer, theirs.extraction):
        notes.append("the two tasks score their answers differently")
    return notes
