"""A round of trials: what is proposed together, and what is logged of each when it is done."""

from collections.abc import Sequence

from infertune.samplers import Sampler, SpaceExhausted, Trial
from infertune.selection.select import affordable
from infertune.space import SearchSpace
from infertune.study.trial_log import LoggedTrial
from infertune.types import Configuration
from infertune.types.evidence import Candidate

TRIALS_PER_ROUND = 4  # proposed together, so that their different settings fill one batch


def propose(
    sampler: Sampler, space: SearchSpace, trials: Sequence[LoggedTrial], *, first: Configuration, seed: int
) -> list[Configuration]:
    """Return the next round, a pure function of the rounds before it: a resumed study proposes the same again.

    Args:
        sampler: Sees the round's earlier proposals as pending.
        space: The request tier.
        trials: Of all earlier rounds.
        first: The very first trial of a study, which is the default configuration.
        seed: The study's.

    Returns:
        Fewer than TRIALS_PER_ROUND, or none, when the space has no more.
    """
    history = [_observed(trial) for trial in trials]
    proposals: list[Configuration] = []
    for number in range(len(trials), len(trials) + TRIALS_PER_ROUND):
        try:
            proposal = sampler.propose(space, history, seed) if number else first
        except SpaceExhausted:
            break
        proposals.append(proposal)
        history.append(Trial(number=number, configuration=proposal, utility=None, constraint=0.0, state="pending"))
    return proposals


def logged(
    number: int,
    proposal: Configuration,
    found: Sequence[Candidate],
    *,
    n_planned: int,
    max_cost_tokens: float | None,
    cause: str = "",
) -> LoggedTrial:
    """Return the log's record of a trial; ``found`` is empty when every request failed, and ``cause`` says why."""
    if not found:
        said = f"every request failed: {cause}" if cause else "every request failed"
        return LoggedTrial(number=number, configuration=dict(proposal), n_planned=n_planned, cause=said)
    cheapest = min(found, key=lambda candidate: candidate.cost_tokens)
    chosen = max(
        affordable(found, max_cost_tokens) or [cheapest],
        key=lambda candidate: (candidate.utility, -candidate.cost_tokens),
    )
    over_cap = 0.0 if max_cost_tokens is None else max(0.0, cheapest.cost_tokens - max_cost_tokens)
    return LoggedTrial(
        number=number,
        configuration=dict(proposal),
        n_planned=n_planned,
        chosen=dict(chosen.configuration),
        utility=chosen.utility,
        cost_tokens=chosen.cost_tokens,
        over_cap_tokens=over_cap,
        n_examples=len(chosen.example_ids),
    )


def _observed(trial: LoggedTrial) -> Trial:
    return Trial(
        number=trial.number,
        configuration=Configuration(trial.configuration),
        utility=trial.utility,
        constraint=trial.over_cap_tokens,
        state="failed" if trial.utility is None else "complete",
    )
