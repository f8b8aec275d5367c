"""An endpoint whose truth is known: what a study is run on, and what its answer is judged by."""

from dataclasses import dataclass
from typing import Protocol

from infertune.space import SearchSpace
from infertune.tasks import Task
from infertune.types import Configuration, Engine


@dataclass(frozen=True, slots=True)
class Worth:
    """True utility in [0, 1] and true mean tokens of a request."""

    utility: float
    cost_tokens: float


class Endpoint(Protocol):
    """A planted model (`planted.py`) or a recording (`recorded.py`)."""

    @property
    def space(self) -> SearchSpace:
        """What is searched."""

    def task(self, *, n_tune: int, n_confirm: int) -> Task:
        """Return a task of so many examples."""

    def engine(self, n_examples: int) -> Engine:
        """Return an engine that answers them."""

    def of(self, configuration: Configuration) -> Worth:
        """Return the truth about a complete configuration of the space."""

    def best(self, cap_tokens: float | None = None) -> tuple[Configuration, Worth]:
        """Return the best of the space that costs no more than the cap, the cheapest of equals."""

    def error(self, a: Configuration, b: Configuration) -> float:
        """Return the standard error of what is said of their difference in utility; 0 where that is negligible."""
