"""A study that gets its budget in stages: each goes on where the one before it ended.

A stage is noted before it begins, and its answer when it ends. So a resumed search repeats the same stages; those
before the last one that was begun are not repeated but read, for a study does not go back to a smaller budget.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infertune.budget import Budget
from infertune.study.trial_log import TrialLog
from infertune.types import Configuration


class Stages:
    """The stages of one study under one budget.

    Args:
        log: Of the joint search.
        name: Of the study.
        budget: The whole.
        run: Runs the study with a budget, from wherever it stands, and returns the decoding that it recommends.
    """

    def __init__(self, log: TrialLog, name: str, budget: Budget, run: Callable[[Budget], Configuration]) -> None:
        self._log = log
        self._key = f"stages of {name}"
        self._budget = budget
        self._run = run
        self._n_done = 0
        known = log.noted(self._key)
        self._had: list[Any] = [None, None, None]
        self._stages: list[dict[str, Any]] = []
        if known is not None and known["budget"] == _limits(budget):
            self._had, self._stages = known["had"], known["stages"]
        elif known is not None:
            self._had = known["stages"][-1]["limits"]

    @property
    def has_next(self) -> bool:
        """Whether an earlier run has begun another stage."""
        return self._n_done < len(self._stages)

    def go_on(self, share: float) -> Configuration:
        """Run the next stage, and return the decoding that is then recommended.

        Args:
            share: Of the whole budget, that the study may have used at its end: no less than it had under another
                budget. Of a stage that was begun before, what was noted then counts.
        """
        at, self._n_done = self._n_done, self._n_done + 1
        if at + 1 < len(self._stages):
            return Configuration(self._stages[at]["recommended"])
        if at == len(self._stages):
            before = self._stages[-1]["limits"] if self._stages else self._had
            self._stages.append({"limits": _largest(_limits(self._budget.part(share)), before)})
            self._note()
        tokens, seconds, money = self._stages[at]["limits"]
        recommended = self._run(replace(self._budget, tokens=tokens, seconds=seconds, money=money))
        self._stages[at]["recommended"] = dict(recommended)
        self._note()
        return recommended

    def _note(self) -> None:
        self._log.note(self._key, {"budget": _limits(self._budget), "had": self._had, "stages": self._stages})


def _limits(budget: Budget) -> list[Any]:
    return [budget.tokens, budget.seconds, budget.money]


def _largest(limits: list[Any], before: list[Any]) -> list[Any]:
    """Return the larger of each limit, of those that there are now."""
    return [now if now is None or had is None else max(now, had) for now, had in zip(limits, before, strict=True)]
