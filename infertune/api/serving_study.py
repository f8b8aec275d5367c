"""One study of server settings: what it is bound to, what it shows, and its search."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from infertune.api import serving_budget
from infertune.engines import models
from infertune.engines.launch.launcher import ServerLauncher
from infertune.load.synthetic import Synthetic
from infertune.load.workload import Workload
from infertune.report import serving_evidence
from infertune.report.live import Status, View
from infertune.report.serving_answer import ServingAnswer
from infertune.report.table import duration
from infertune.serving.launch.deployment import Deployment
from infertune.serving.measure.account import LoadAccount
from infertune.serving.measure.event_log import EventLog
from infertune.serving.measure.goal import Goal
from infertune.serving.search import speculative_lengths
from infertune.serving.search.first_estimate import first_estimate
from infertune.serving.search.result import ServingProgress, short, words
from infertune.serving.search.search import ServingSearch
from infertune.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingStudy:
    """A launcher and a space, searched for a goal under some traffic; the log keeps every step."""

    engine: str
    model: str
    traffic: Workload
    starts: ServerLauncher[Deployment]
    space: SearchSpace
    goal: Goal
    log: EventLog
    view: View

    def claim(self, burst_seconds: float, seed: int) -> dict[str, Any]:
        """Return what a study is bound to."""
        return {
            "steps": 1,  # how they are noted
            "facts": dict(self.starts.facts),
            "space": [[p.name, p.domain, p.default] for p in self.space.parameters],
            "workload": self.traffic.name,
            "goal": _words(self.goal),
            "burst_seconds": burst_seconds,
            "seed": seed,
        }

    def run(self, study: str, *, budget: float, burst_seconds: float, seed: int) -> tuple[ServingAnswer, float]:
        """Return the answer, and the share of the budget that was kept for speculative lengths."""
        account = LoadAccount(self.starts, self.log, self.goal.slo, time.monotonic)
        share = speculative_lengths.SHARE if speculative_lengths.are_searched(self.space) else 0.0
        self.view.say(
            serving_budget.outlook(
                budget,
                burst_seconds,
                engine=self.engine,
                start=account.longest_start,
                spent=account.spent,
                schedule=share,
            )
        )
        shared = self.traffic.prefix if isinstance(self.traffic, Synthetic) else 0.0
        estimate = None
        if self.engine == "vllm":
            estimate = first_estimate(models.resolve(self.model), self.starts.facts, self.log, shared=shared)
        found = ServingSearch(
            account,
            self.log,
            self.space,
            self.goal,
            budget=budget * (1 - share),
            burst_seconds=burst_seconds,
            seed=seed,
            speed=estimate,
            on_progress=_shown(self.view, self.goal, self.space),
        ).run()
        schedule, said = None, ""
        recommended = found.verdict.recommended
        if share and recommended is not None:
            schedule, said = speculative_lengths.about(
                recommended.configuration, self.space, account, budget=budget, seed=seed, say=self.view.say
            )
        of_schedules = account.of_all(speculative_lengths.PURPOSE)
        spent = found.spent | ({"schedule": of_schedules} if of_schedules else {})
        found = replace(found, budget=budget, spent=spent, bought=account.bought)
        answer = ServingAnswer(
            study=study,
            facts=dict(self.starts.facts),
            workload=self.traffic.name,
            found=found,
            schedule=schedule,
            handover=[],
            notes=[*([said] if said else []), *serving_evidence.notes(found)],
        )
        return answer, share


def _words(goal: Goal) -> str:
    price = "" if goal.hour_price is None else f"{goal.hour_price:g} an hour"
    load = "" if goal.load is None else words(goal.load)
    return ", ".join(part for part in (str(goal), str(goal.slo), load, price) if part)


def _shown(view: View, goal: Goal, space: SearchSpace) -> Callable[[ServingProgress], None]:
    """Return what turns the search's progress into a status."""

    def status(progress: ServingProgress) -> Status:
        scored = [trial for trial in progress.trials if trial.score is not None]
        best = max(scored, key=lambda trial: trial.score or 0.0, default=None)
        n_failed = sum(trial.failure is not None for trial in progress.trials)
        left = duration(max(progress.budget - progress.spent, 0.0))
        return Status(
            phase=progress.phase,
            share=progress.spent / progress.budget,
            facts=f"{len(progress.trials)} servers, {n_failed} failed, {left} left at most; {progress.doing}",
            best=""
            if best is None or best.score is None
            else f"best so far {goal.value(best.score):.3g} {goal.unit}: {short(best.configuration, space)}",
        )

    return lambda progress: view.update(lambda: status(progress))
