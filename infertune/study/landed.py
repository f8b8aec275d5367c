"""What is logged of an order that has landed."""

from collections.abc import Sequence

from infertune.selection.select import affordable
from infertune.study.logged_trial import LoggedTrial
from infertune.types import Configuration
from infertune.types.evidence import Candidate


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
