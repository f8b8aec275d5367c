"""Lets a method spend a budget on a problem and notes what it would recommend on the way.

Workers are simulated: a purchase takes as long as it has tokens, and its outcome is told when it is done.
"""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from benchmarks.search.problem import Bought, Problem, Purchase
from infertune.types import Configuration


class Method(Protocol):
    """A search method in one run. It learns what it is told and nothing else."""

    def ask(self) -> Purchase | None:
        """Return the next purchase; None to wait for what is under way, or to stop when nothing is."""

    def tell(self, bought: Bought) -> None:
        """Take in the outcome of one of its purchases; with several workers, in any order."""

    def recommend(self) -> Configuration:
        """Return the complete configuration that it would recommend now."""


@runtime_checkable
class Apart(Protocol):
    """A method that thinks in a process of its own, and times itself there.

    Attributes:
        n_trials: Begun so far.
        ask_seconds: Processor time of each question to the library so far.
    """

    @property
    def n_trials(self) -> int: ...

    @property
    def ask_seconds(self) -> Sequence[float]: ...

    def close(self) -> None:
        """End the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a method may know of its run beforehand."""

    problem: Problem
    budget_tokens: int
    n_workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """How things stood at a checkpoint, when a share of the budget was spent.

    Attributes:
        regret: Of what was recommended.
        tokens: Spent until then.
        n_configurations: Different ones of the request tier bought.
        n_trials: Of a peer; None of a method that has no such thing.
        ask_seconds: Processor time of each ask.
    """

    regret: float
    tokens: int
    n_configurations: int
    n_trials: int | None
    ask_seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of it.

    Attributes:
        notes: One at each checkpoint; the last of them tells of the whole run.
        seconds: Simulated, in tokens of one worker.
    """

    notes: tuple[Note, ...]
    seconds: float

    @property
    def regrets(self) -> tuple[float, ...]:
        """At each checkpoint."""
        return tuple(note.regret for note in self.notes)

    @property
    def tokens(self) -> int:
        """Spent in all."""
        return self.notes[-1].tokens

    @property
    def n_configurations(self) -> int:
        """Different ones bought."""
        return self.notes[-1].n_configurations

    @property
    def ask_seconds(self) -> tuple[float, ...]:
        """Processor time of each ask."""
        return self.notes[-1].ask_seconds


def run(make: Callable[[Setting], Method], setting: Setting, *, checkpoints: Sequence[float] = (1.0,)) -> Run:
    """Run until the budget is spent, or the method stops.

    A purchase that goes over the budget is its last; so that nobody gains by it, its outcome is not told.

    Args:
        make: Starts the method.
        setting: Of the run.
        checkpoints: Rising shares of the budget; the last is 1.
    """
    method = make(setting)
    try:
        return _run(method, setting, checkpoints)
    finally:
        if isinstance(method, Apart):
            method.close()


def _run(method: Method, setting: Setting, checkpoints: Sequence[float]) -> Run:
    under_way: list[tuple[float, int, Bought]] = []
    taken: list[float] = []
    seen: set[Configuration] = set()
    notes: list[Note] = []
    committed = spent = number = 0
    clock = 0.0
    open_for_more = True

    def note(share: float) -> None:
        while len(notes) < len(checkpoints) and share >= checkpoints[len(notes)]:
            apart = isinstance(method, Apart)
            notes.append(
                Note(
                    regret=setting.problem.regret(method.recommend()),
                    tokens=spent,
                    n_configurations=len(seen),
                    n_trials=method.n_trials if apart else None,
                    ask_seconds=tuple(method.ask_seconds if apart else taken),
                )
            )

    while True:
        while open_for_more and len(under_way) < setting.n_workers:
            started = time.process_time()
            wish = method.ask()
            taken.append(time.process_time() - started)
            if wish is None:
                break
            bought = setting.problem.buy(wish)
            if committed + bought.tokens > setting.budget_tokens:
                open_for_more = False
                break
            committed += bought.tokens
            number += 1
            seen.add(wish.configuration)
            heapq.heappush(under_way, (clock + bought.tokens, number, bought))
        if not under_way:
            break
        clock, _, bought = heapq.heappop(under_way)
        if spent:
            note((spent + bought.tokens) / setting.budget_tokens - 1e-12)
        spent += bought.tokens
        method.tell(bought)
    note(float("inf"))
    return Run(notes=tuple(notes), seconds=clock)
