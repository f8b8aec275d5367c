"""Decisions that look at the budget, noted before they are acted on.

Without the note, a study that goes on after a kill would see another state of its budget here, and decide otherwise.
"""

from collections.abc import Callable, Mapping
from typing import Any

from infertune.bank.notes import once
from infertune.budget import Budget
from infertune.study.trial_log import TrialLog


def decided(
    log: TrialLog,
    name: str,
    budget: Budget,
    given: Mapping[str, Any],
    decide: Callable[[Mapping[str, Any] | None], Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what was decided under the same circumstances and budget, or decide now and note it.

    Args:
        log: Keeps the note.
        name: Of the decision.
        budget: Another one is a reason to decide again.
        given: The other circumstances, as JSON values.
        decide: Gets what was decided under other circumstances, for that may be paid for; None the first time.
    """
    given = {**given, "budget": budget.limits}

    def holds(known: Mapping[str, Any]) -> bool:
        return all(known[key] == value for key, value in given.items())

    return dict(once(log, name, lambda known: {**given, **decide(known)}, holds=holds))
