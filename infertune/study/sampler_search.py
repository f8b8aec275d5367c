"""Search by a sampler: rounds of trials, each on the same examples.

With a cost cap a trial begins with a few examples, and goes on where it may keep the cap.
"""

from collections.abc import Sequence
from dataclasses import replace

from infertune.samplers import Sampler
from infertune.selection.select import affordable, check_affordable, finalists
from infertune.study.plan import COST_SLACK
from infertune.study.rounds import TRIALS_PER_ROUND, logged, propose
from infertune.study.search import SearchContext, SearchResult
from infertune.study.trial_log import LoggedTrial
from infertune.types import Configuration
from infertune.types.evidence import Candidate, Evidence, Order

GUARD_EXAMPLES = 4  # bought before the rest where a cost cap may rule the trial out


class SamplerSearch:
    """See the module.

    Args:
        sampler: Proposes.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def run(self, given: SearchContext) -> SearchResult:
        """Run rounds until the next may not fit, or the space has no more."""
        notes: list[str] = []
        trials = given.log.trials()
        if trials:
            orders = _orders(given, trials)
            given.incumbents.add(
                [
                    (order.configuration, _found(given, each, order))
                    for each, order in zip(trials, orders, strict=True)
                ],
                len(trials),
            )
        while _starts(given, trials):
            n_done = len(trials) % TRIALS_PER_ROUND  # when killed between two trials of a round
            start = len(trials) - n_done
            proposals = propose(
                self._sampler, given.space.tier("request"), trials[:start], first=given.default, seed=given.seed
            )
            if len(proposals) <= n_done:
                notes.append("every configuration of the space was tried")
                break
            pursued = _buy(given, proposals)
            if pursued is None:
                notes.append("the budget ended within a round of trials, which is left out of the answer")
                break
            for number, proposal in list(enumerate(proposals, start))[n_done:]:
                order = (
                    _order(given, proposal, given.plan.n_examples) if proposal in pursued else _guard(given, proposal)
                )
                piece = given.evaluator.evidence(order)
                found = given.evaluator.candidates(piece)
                trials.append(_logged(given, number, order, found, piece))
                given.log.append(given.space, trials[-1])
                given.incumbents.add([(proposal, found)], len(trials))
        return SearchResult(
            orders=tuple(_orders(given, trials)),
            ranked=_finalists(given),
            notes=tuple(notes),
        )


def _found(given: SearchContext, trial: LoggedTrial, order: Order) -> list[Candidate]:
    return given.evaluator.candidates(trial.evidence or given.evaluator.evidence(order))


def _order(given: SearchContext, configuration: Configuration, n_examples: int) -> Order:
    return Order(configuration=configuration, examples=tuple(range(n_examples)), n_samples=given.plan.n_samples)


def _guard(given: SearchContext, configuration: Configuration) -> Order:
    return _order(given, configuration, min(GUARD_EXAMPLES, given.plan.n_examples))


def _logged(
    given: SearchContext, number: int, order: Order, found: Sequence[Candidate], evidence: Evidence | None
) -> LoggedTrial:
    trial = logged(
        number,
        order.configuration,
        found,
        n_planned=len(order.examples),
        max_cost_tokens=given.cap_tokens,
        cause="" if found else given.evaluator.cause(order),
    )
    return replace(trial, evidence=evidence)


def _starts(given: SearchContext, trials: Sequence[LoggedTrial]) -> bool:
    """Whether the average trial so far says that one more round fits; a round once begun is carried through."""
    number = len(trials) // TRIALS_PER_ROUND
    if number < int(given.log.noted("rounds") or 0):
        return True
    # By the longest choice of each trial, for all of them were bought; the pilot is no part of it.
    costs = [given.share_of(max(each.cost_tokens for each in its)) for its in given.incumbents.choices.values()]
    per_trial = given.plan.n_examples * sum(costs) / max(len(costs), 1)
    if TRIALS_PER_ROUND * per_trial > given.room(_ranked(given), _orders(given, trials)):
        return False
    given.log.note("rounds", number + 1)
    return True


def _buy(given: SearchContext, proposals: Sequence[Configuration]) -> list[Configuration] | None:
    """Return the trials bought whole, or None when the budget ended before all were."""
    until = given.plan.search_until
    pursued = list(proposals)
    complete = True
    if given.cap_tokens is not None:
        guards = [_guard(given, each) for each in proposals]
        complete = given.evaluator.buy(guards, until=until)
        pursued = [each.configuration for each in guards if _may_keep_cap(given, given.evaluated(each))]
    if complete:
        complete = given.evaluator.buy([_order(given, each, given.plan.n_examples) for each in pursued], until=until)
    # The second condition, unlike the first, does not depend on how much was under way at the limit.
    return pursued if complete and given.account.share_used <= until else None


def _may_keep_cap(given: SearchContext, found: Sequence[Candidate]) -> bool:
    return not found or bool(affordable(found, COST_SLACK * (given.cap_tokens or 0.0)))


def _orders(given: SearchContext, trials: Sequence[LoggedTrial]) -> list[Order]:
    return [_order(given, Configuration(trial.configuration), trial.n_planned) for trial in trials]


def _ranked(given: SearchContext) -> list[Configuration]:
    """Return the configurations whose choices are most worth another look."""
    of = {id(each): configuration for configuration, choices in given.incumbents.choices.items() for each in choices}
    within = affordable(given.incumbents.candidates, given.cap_tokens)
    return [of[id(each)] for each in finalists(within)] if within else []


def _finalists(given: SearchContext) -> list[Configuration]:
    if found := given.incumbents.candidates:
        check_affordable(found, given.cap_tokens)
    return _ranked(given)
