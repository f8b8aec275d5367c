"""What a study answers, as plain values that are written down and read again."""

from dataclasses import dataclass

from infertune.bank.usage import Usage
from infertune.selection.regret_bound import RegretBound
from infertune.selection.verdict import Verdict
from infertune.types import Configuration
from infertune.types.evidence import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A configuration with its figures on ``tune``, which flatter the best by its luck.

    Attributes:
        utility: Mean over the examples of the finals.
        cost_tokens: Mean tokens per request in use.
        answered_share: Of the examples, those that were not refused for good.
    """

    configuration: Configuration
    utility: float
    cost_tokens: float
    answered_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleScores:
    """A configuration, example by example.

    Attributes:
        scores: Expected utility of each example, in [0, 1].
        tokens: Expected tokens of one request in use, likewise.
        refused: Examples that will never be answered under it.
    """

    configuration: Configuration
    example_ids: tuple[str, ...]
    scores: tuple[float, ...]
    tokens: tuple[float, ...]
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The answer of a study.

    Attributes:
        recommended: The configuration to deploy: ``seen`` or ``default``.
        seen: The best that was seen, as the user's preference has it.
        default: The default configuration.
        on_tune: The recommended configuration in the finals.
        verdict: What ``confirm`` says of ``seen`` beside ``default``.
        budget_to_decide: Times this budget that would about decide; None when it is decided, or the task has not as
            many ``confirm`` examples, or no number of examples would.
        front: Nondominated configurations of the finals, cheapest first.
        n_as_good: How many of the finals' choices are shown to be as good as the best, within the margin.
        promise: How far the recommended configuration may fall short of the best of what was tried.
        explored: (tokens per request, utility) of everything the search evaluated, on its own examples.
        n_trials: Evaluations of a configuration on some examples; an allocator may come back to one with more.
        n_tune: Examples of the finals.
        notes: What the user should know: values left out of the space, requests that failed ...
        confirmed: ``seen`` and ``default`` on the examples of the confirmation; one where they are the same.
    """

    recommended: Configuration
    seen: Configuration
    default: Configuration
    on_tune: Point
    verdict: Verdict
    budget_to_decide: float | None
    front: tuple[Point, ...]
    n_as_good: int
    promise: RegretBound
    explored: tuple[tuple[float, float], ...]
    spent: Usage
    seconds: float
    n_trials: int
    n_tune: int
    notes: tuple[str, ...]
    confirmed: tuple[ExampleScores, ...] = ()


def scores_of(found: Recommendation, configuration: Configuration) -> dict[str, float]:
    """Return the scores of a configuration by example, where it was confirmed; otherwise nothing."""
    for each in found.confirmed:
        if each.configuration == configuration:
            return dict(zip(each.example_ids, each.scores, strict=True))
    return {}


def point(candidate: Candidate) -> Point:
    """Return a candidate without its examples."""
    return Point(
        configuration=candidate.configuration,
        utility=candidate.utility,
        cost_tokens=candidate.cost_tokens,
        answered_share=candidate.answered_share,
    )


def example_scores(candidate: Candidate) -> ExampleScores:
    """Return a candidate as plain values."""
    return ExampleScores(
        configuration=candidate.configuration,
        example_ids=candidate.example_ids,
        scores=tuple(candidate.scores.tolist()),
        tokens=tuple(candidate.tokens.tolist()),
        refused=tuple(sorted(candidate.refused)),
    )
