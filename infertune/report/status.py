"""Where work stands, as a line or two for the live view: a probe, a study."""

import time
from collections.abc import Callable

from infertune.budget import Budget
from infertune.engines.probing.probe import ProbeStep
from infertune.report.live import Status
from infertune.report.plot import text_plot
from infertune.report.table import duration, short
from infertune.space import SearchSpace
from infertune.study.progress import Progress


def probe_status(step: ProbeStep) -> Status:
    """Return what shows a step by which an engine finds out what its server honours."""
    left = f", about {duration(step.seconds_left)} left"
    facts = f"{step.setting}, step {step.number} of {step.n_steps}{left}"
    return Status(phase="probe", share=(step.number - 1) / step.n_steps, facts=facts)


def study_status(budget: Budget, space: SearchSpace) -> Callable[[Progress], Callable[[], Status]]:
    """Return what makes a status of a study's progress; the time left is judged by this run's own pace."""
    began: list[tuple[float, float]] = []

    def status(progress: Progress) -> Status:
        share, started = began[0]
        pace = (progress.share_used - share) / max(time.monotonic() - started, 1e-9)
        left = (1 - progress.share_used) / pace if pace > 0 else 0.0
        limit = f" of {budget.tokens:,}" if budget.tokens is not None else ""
        facts = [f"{progress.spent.tokens:,}{limit} tokens", f"{progress.n_trials} trials"]
        if progress.run_tokens:
            facts.append(f"{progress.run_tokens / progress.run_seconds:,.0f} tokens/s")
        if left > 0:
            facts.append(f"{duration(left)} left at most")
        best = progress.best
        return Status(
            phase=progress.phase,
            share=progress.share_used,
            facts=", ".join(facts),
            best=""
            if best is None
            else f"best so far {best.utility:.3f} by the search's own examples, at {best.cost_tokens:.0f} tokens per "
            f"request: {short(best.configuration, space)}",
            picture=lambda width: text_plot({"front": progress.front}, width=width, height=8),
        )

    def later(progress: Progress) -> Callable[[], Status]:
        if not began:
            began.append((progress.share_used, time.monotonic()))
        return lambda: status(progress)

    return later
