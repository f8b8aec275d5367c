"""A study that gets its budget in stages: each goes on where the one before it ended.

A stage is noted before it begins, and its answer when it ends. So a resumed search repeats the same stages; those
before the last one that was begun are not repeated but read, for a study does not go back to a smaller budget.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infertune.bank.notes import Notes, once
from infertune.budget import Budget
from infertune.types import Configuration


class Stages:
    """The stages of one study under one budget.

    Args:
        log: Of the joint search.
        name: Of the study.
        budget: The whole.
        run: Runs the study with a budget, from wherever it stands, and returns the decoding that it recommends.
    """

    def __init__(self, log: Notes, name: str, budget: Budget, run: Callable[[Budget], Configuration]) -> None:
        self._log = log
        self._key = f"stages of {name}"
        self._budget = budget
        self._run = run
        self._n_done = 0

    @property
    def has_next(self) -> bool:
        """Whether an earlier run has begun another stage."""
        return self._has(self._log.noted(self._key), self._n_done)

    def go_on(self, share: float) -> Configuration:
        """Run the next stage, and return the decoding that is then recommended.

        Args:
            share: Of the whole budget, that the study may have used at its end: no less than it had under another
                budget. Of a stage that was begun before, what was noted then counts.
        """
        at, self._n_done = self._n_done, self._n_done + 1
        begun = once(
            self._log,
            self._key,
            lambda known: self._with_another(known, share),
            holds=lambda known: self._has(known, at),
        )
        stages = begun["stages"]
        if at + 1 < len(stages):
            return Configuration(stages[at]["recommended"])
        tokens, seconds, money = stages[at]["limits"]
        recommended = self._run(replace(self._budget, tokens=tokens, seconds=seconds, money=money))
        stages[at]["recommended"] = dict(recommended)
        self._log.note(self._key, begun)
        return recommended

    def _has(self, known: Any, at: int) -> bool:
        """Whether a stage of this budget has begun."""
        return known is not None and known["budget"] == _limits(self._budget) and at < len(known["stages"])

    def _with_another(self, known: Any, share: float) -> dict[str, Any]:
        """Return what is noted when the next stage begins; under another budget it is the first."""
        limits = _limits(self._budget.part(share))
        if known is None or known["budget"] != _limits(self._budget):
            had = known["stages"][-1]["limits"] if known is not None else [None, None, None]
            stages: list[Any] = []
        else:
            had, stages = known["had"], known["stages"]
        before = stages[-1]["limits"] if stages else had
        stages = [*stages, {"limits": _largest(limits, before)}]
        return {"budget": _limits(self._budget), "had": had, "stages": stages}


def _limits(budget: Budget) -> list[Any]:
    return budget.limits


def _largest(limits: list[Any], before: list[Any]) -> list[Any]:
    """Return the larger of each limit, of those that there are now."""
    return [now if now is None or had is None else max(now, had) for now, had in zip(limits, before, strict=True)]
