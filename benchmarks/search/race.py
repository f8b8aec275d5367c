"""Lets a method spend a budget on a problem and notes what it would recommend on the way.

Workers are simulated: a purchase takes as long as it has tokens, and its outcome is told when it is done.
"""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.search.problem import Bought, Problem, Purchase
from infertune.space import Configuration


class Method(Protocol):
    """A search method in one run. It learns what it is told and nothing else."""

    def ask(self) -> Purchase | None:
        """Return the next purchase; None to wait for what is under way, or to stop when nothing is."""

    def tell(self, bought: Bought) -> None:
        """Take in the outcome of one of its purchases; with several workers, in any order."""

    def recommend(self) -> Configuration:
        """Return the complete configuration that it would recommend now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a method may know of its run beforehand."""

    problem: Problem
    budget_tokens: int
    n_workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of it.

    Attributes:
        regrets: At each checkpoint, of what was recommended when that share of the budget was spent.
        tokens: Spent in all.
        n_configurations: Different ones bought.
        ask_seconds: Processor time of each ask.
        seconds: Simulated, in tokens of one worker.
    """

    regrets: tuple[float, ...]
    tokens: int
    n_configurations: int
    ask_seconds: tuple[float, ...]
    seconds: float


def run(make: Callable[[Setting], Method], setting: Setting, *, checkpoints: Sequence[float] = (1.0,)) -> Run:
    """Run until the budget is spent, or the method stops.

    A purchase that goes over the budget is its last; so that nobody gains by it, its outcome is not told.

    Args:
        make: Starts the method.
        setting: Of the run.
        checkpoints: Rising shares of the budget.
    """
    method = make(setting)
    under_way: list[tuple[float, int, Bought]] = []
    taken: list[float] = []
    seen: set[Configuration] = set()
    regrets: list[float] = []
    committed = spent = number = 0
    clock = 0.0
    open_for_more = True

    def note(share: float) -> None:
        while len(regrets) < len(checkpoints) and share >= checkpoints[len(regrets)]:
            regrets.append(setting.problem.regret(method.recommend()))

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
    return Run(
        regrets=tuple(regrets),
        tokens=spent,
        n_configurations=len(seen),
        ask_seconds=tuple(taken),
        seconds=clock,
    )
