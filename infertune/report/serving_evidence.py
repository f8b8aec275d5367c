"""What of a search for a server's settings goes into the file of the settings, and what the user must know of it."""

import math

import numpy as np
from scipy import special

from infertune.recipes.serving_recipe import ServingEvidence
from infertune.serving.measure.goal import Goal
from infertune.serving.search.finals import Finalist
from infertune.serving.search.result import ServingSearchResult, words


def evidence(found: ServingSearchResult) -> ServingEvidence | None:
    """Return what the finals measured; None where what is recommended or the default has no value there."""
    winner, goal = found.verdict.recommended, found.goal
    base = found.finals.of(found.default)
    if winner is None or not winner.scores or not base.scores:
        return None
    value, interval = _values(winner, goal)
    default_value, default_interval = _values(base, goal)
    turns = [turn for turn in winner.turns.values() if turn.score is not None]
    rate = sum(turn.rate for turn in turns) / len(turns)
    return ServingEvidence(
        objective=str(goal),
        slo=str(goal.slo),
        load=words(goal.load) if goal.load is not None else f"{rate:.3g} requests/s",
        value=value,
        interval=interval,
        default_value=default_value,
        default_interval=default_interval,
        n_repeats=len(turns),
        n_requests=max(burst.n_planned for turn in turns for burst in turn.bursts),
        clear=found.verdict.is_clear,
    )


def notes(found: ServingSearchResult) -> list[str]:
    """Return what the user should know, without full stops."""
    said = []
    if found.void:
        said.append(
            f"{len(found.void)} of {len(found.bursts)} bursts were void, for the generator of load was late "
            f"({found.void[0]}); those that broke the SLO were made again"
        )
    default = found.trials[0]
    if default.failure is not None:
        said.append(f"the default settings failed: {default.failure}")
    elif default.score is None:
        said.append("the default settings keep the SLO at no load that was tried")
    if len({trial.configuration for trial in found.trials}) >= found.space.n_configurations:
        said.append("every setting of the space was tried")
    return said


def _values(finalist: Finalist, goal: Goal) -> tuple[float, tuple[float, float]]:
    """Return the value and its interval, lower end first; of one turn, what its bursts leave open."""
    mean, n = float(np.mean(finalist.scores)), len(finalist.scores)
    if n < 2:
        turn = next(each for each in finalist.turns.values() if each.score is not None)
        low, high = turn.low, turn.high
    else:
        half = float(special.stdtrit(n - 1, 0.975)) * float(np.std(finalist.scores, ddof=1)) / math.sqrt(n)
        low, high = mean - half, mean + half
    ends = sorted((goal.value(low), goal.value(high)))
    return goal.value(mean), (ends[0], ends[1])
