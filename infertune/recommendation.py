"""What a study answers."""

from dataclasses import dataclass

from infertune.promise import Promise
from infertune.select import Selection, Verdict
from infertune.space import Configuration
from infertune.spent import Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The answer of a study.

    Attributes:
        selection: What ``tune`` says, on ``n_tune`` examples.
        verdict: What ``confirm`` says of the recommended configuration beside the default.
        promise: How far it may fall short of the best of what was tried.
        explored: (tokens per request, utility) of everything the search evaluated, on its own examples.
        n_trials: Evaluations of a configuration on some examples; an allocator may come back to one with more.
        notes: What the user should know: values left out of the space, requests that failed ...
    """

    default: Configuration
    selection: Selection
    verdict: Verdict
    promise: Promise
    explored: tuple[tuple[float, float], ...]
    spent: Spent
    seconds: float
    n_trials: int
    n_tune: int
    notes: tuple[str, ...]
