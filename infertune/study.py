"""The study: pilot, rounds of trials, finals, confirmation. The only module that knows all the others.

Every generation is in the bank before anything is computed from it, and every decision that depends on what was
spent is noted in the trial log before it is acted on. A study killed at any moment therefore repeats its own
decisions, finds what it had paid for, and ends with the answer of an uninterrupted run. (A budget in seconds is the
exception: how far it reaches is up to the machine.)
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infertune.bank import SampleBank, Spent
from infertune.budget import Budget
from infertune.errors import BudgetError, EngineError
from infertune.evaluate import Candidate
from infertune.evaluator import Evaluator
from infertune.plan import Plan, plan
from infertune.promise import Promise, promise
from infertune.rounds import TRIALS_PER_ROUND, logged, propose
from infertune.samplers import Sampler
from infertune.select import (
    Selection,
    Verdict,
    affordable,
    check_affordable,
    confirm,
    finalists,
    front,
    on_common_examples,
    select,
)
from infertune.space import Configuration, SearchSpace
from infertune.spending import Spending
from infertune.tasks import Task
from infertune.trial_log import LoggedTrial, TrialLog
from infertune.types import Engine, Example, Response

PILOT_EXAMPLES = 4
N_FINALISTS = 6
GUARD_EXAMPLES = 4  # bought before the rest where a cost cap may rule the trial out
GUARD_SLACK = 1.25  # for four examples say little about the mean cost of all
RESERVE = 1.1  # costs per example are estimates when a number of examples is decided
CLOCK_SECONDS = 2.0  # how often the time spent is noted


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a running study stands; given to ``on_progress`` after every landing.

    Attributes:
        phase: ``pilot``, ``search``, ``finals`` or ``confirm``.
        share_used: Of the budget, from 0; a little above 1 when the last batch went over it.
        run_tokens: Tokens bought since this process started, in ``run_seconds`` of generating.
        best: The best of all trials so far within the cost cap, on the search's own examples.
        front: (tokens per request, utility) of the nondominated choices so far, cheapest first.
    """

    phase: str
    share_used: float
    spent: Spent
    run_tokens: int
    run_seconds: float
    n_trials: int
    best: Candidate | None
    front: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The answer of a study.

    Attributes:
        selection: What ``tune`` says, on ``n_tune`` examples.
        verdict: What ``confirm`` says of the recommended configuration beside the default.
        promise: How far it may fall short of the best of what was tried.
        explored: (tokens per request, utility) of everything the search evaluated, on its own examples.
        notes: What the user should know: values left out of the space, requests that failed ...
    """

    default: Configuration
    selection: Selection
    verdict: Verdict
    promise: Promise
    explored: tuple[tuple[float, float], ...]
    spent: Spent
    seconds: float
    n_trials: int
    n_tune: int
    notes: tuple[str, ...]


class Study:
    """Runs one study to its answer.

    Args:
        name: In the bank's books.
        bank: Shares its database with the log.
        log: The study's own.
        seed: Of every generation and proposal.
        max_cost_tokens: Most tokens that one request of the recommended configuration may take on average.
        on_progress: Called after every landing and trial.
    """

    def __init__(
        self,
        *,
        name: str,
        task: Task,
        space: SearchSpace,
        engine: Engine,
        sampler: Sampler,
        bank: SampleBank,
        log: TrialLog,
        budget: Budget,
        seed: int = 0,
        max_cost_tokens: float | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._task = task
        self._space = space
        self._sampler = sampler
        self._log = log
        self._budget = budget
        self._seed = seed
        self._cap = max_cost_tokens
        self._on_progress = on_progress
        self._default = space.default_configuration()
        self._max_tokens = max(int(choice["decoding.max_tokens"]) for choice in space.replay_choices(self._default))
        self._spending = Spending(
            study=name,
            engine=engine,
            bank=bank,
            budget=budget,
            seconds=float(log.noted("seconds") or 0.0),
            on_landing=self._landed,
        )
        self._evaluator = Evaluator(task=task, space=space, spending=self._spending, seed=seed)
        self._clock = time.monotonic()
        self._phase = "pilot"
        self._explored: list[list[Candidate]] = []  # of each trial, every replay choice
        self._best: Candidate | None = None
        self._front: tuple[tuple[float, float], ...] = ()
        self._notes: list[str] = []

    def run(self) -> Recommendation:
        """Go from wherever the study stands to its recommendation.

        Raises:
            BudgetError: The budget is too small for any honest answer, or nothing tried keeps the cost cap.
            EngineError: Most requests fail.
        """
        try:
            plan = self._plan()
            trials = self._search(plan)
            compared = self._finals(plan, trials)
            selection = select(compared, default=self._default, max_cost_tokens=self._cap)
            confirmed, default = self._confirm(selection.recommended, compared)
        finally:
            self._log.note("seconds", self._spending.seconds)
        if self._spending.spent.n_failed:
            self._notes.append(f"{self._spending.spent.n_failed} requests failed; they count neither right nor wrong")
        explored = [candidate for choices in self._explored for candidate in choices]
        return Recommendation(
            default=self._default,
            selection=selection,
            verdict=confirm(confirmed, default),
            promise=promise(
                selection.recommended,
                compared=compared,
                explored=explored,
                confirmed=confirmed,
                n_possible=self._space.n_configurations,
                max_cost_tokens=self._cap,
            ),
            explored=tuple((c.cost_tokens, c.utility) for c in explored),
            spent=self._spending.spent,
            seconds=self._spending.seconds,
            n_trials=len(trials),
            n_tune=len(compared[0].example_ids),
            notes=tuple(self._notes),
        )

    # Pilot: how long are prompts and answers here, and so what does the budget buy?

    def _plan(self) -> Plan:
        pilot = self._pilot()
        self._check_cap(pilot)
        known = self._log.noted("plan")
        if known is None:
            made = plan(
                budget_tokens=self._tokens_worth(1.0),
                prompt_tokens=sum(response.prompt_tokens for response in pilot) / len(pilot),
                sample_tokens=sum(response.completion_tokens / len(response.generations) for response in pilot)
                / len(pilot),
                n_choices=self._n_choices(pilot),
                n_tune=len(self._task.tune),
                n_confirm=len(self._task.confirm),
                n_finalists=N_FINALISTS,
            )
            self._log.note("plan", asdict(made))
        else:
            made = Plan(**known)
        left_out = [str(n) for n in self._space["strategy.n"].values() if int(n) > made.n_samples]
        if left_out:
            self._notes.append(
                f"n = {', '.join(left_out)} left out: the budget{' or the cost cap' if self._cap else ''} "
                "has no room for it"
            )
        return made

    def _pilot(self) -> list[Response]:
        """Return answers to a few examples under every template."""
        configurations = [
            self._default.with_values({"prompt.template": template})
            for template in self._space["prompt.template"].values()
        ]
        measures_speed = self._budget.seconds is not None or self._budget.money is not None
        for n_samples in range(1, 65):
            requests = self._evaluator.requests(
                configurations, self._task.tune[:PILOT_EXAMPLES], n_samples=n_samples, max_tokens=self._max_tokens
            )
            self._spending.buy(requests, configurations=configurations * len(self._task.tune[:PILOT_EXAMPLES]))
            # What a token costs in seconds or money is known only after buying some; the bank may have had them all.
            if not measures_speed or self._spending.share_used > 0:
                break
        landed = self._spending.responses(requests)
        answered = [response for response in landed if response.generations]
        if not answered:
            said = next((response.error for response in landed if response.error), "the budget was spent before")
            raise EngineError(f"no request of the pilot was answered: {said}")
        return answered

    def _check_cap(self, pilot: Sequence[Response]) -> None:
        """Refuse a cost cap that the shortest prompt alone breaks: no search can find what keeps it."""
        least = 1 + min(response.prompt_tokens for response in pilot)
        if self._cap is not None and self._cap < least:
            raise BudgetError(
                f"--max-cost-tokens must be at least what one request costs, but is {self._cap:g}; "
                f"the shortest prompt and one token of answer are {least} tokens per request"
            )

    def _n_choices(self, pilot: Sequence[Response]) -> list[int]:
        """Return the values of n worth buying: what the cost cap admits, judging by the shortest answer."""
        smallest = int(self._default["strategy.n"])
        choices = sorted(int(n) for n in self._space["strategy.n"].values() if int(n) >= smallest)
        if self._cap is None:
            return choices
        shortest = min(pilot, key=lambda response: response.prompt_tokens + response.completion_tokens)
        room = GUARD_SLACK * self._cap - shortest.prompt_tokens
        return [n for n in choices if n * shortest.completion_tokens <= room] or choices[:1]

    def _tokens_worth(self, share: float) -> float:
        """Return a share of the budget in tokens; where it is not one of tokens, by what those so far took of it."""
        if self._budget.seconds is None and self._budget.money is None:
            return share * float(self._budget.tokens or 0)
        return share * self._spending.spent.tokens / max(self._spending.share_used, 1e-9)

    # Search: rounds of trials on the same examples

    def _search(self, plan: Plan) -> list[LoggedTrial]:
        self._phase = "search"
        trials = self._log.trials()
        for trial in trials:
            self._explore(self._evaluate(Configuration(trial.configuration), trial.n_planned, plan))
        while self._round_starts(plan, len(trials)):
            n_done = len(trials) % TRIALS_PER_ROUND  # when killed between two trials of a round
            start = len(trials) - n_done
            proposals = propose(
                self._sampler,
                self._space.tier("request"),
                trials[:start],
                first=self._evaluator.request_part(self._default),
                seed=self._seed,
            )
            if len(proposals) <= n_done:
                self._notes.append("every configuration of the space was tried")
                break
            pursued = self._buy_round(proposals, plan)
            if pursued is None:
                self._notes.append("the budget ended within a round of trials, which is left out of the answer")
                break
            for number, proposal in list(enumerate(proposals, start))[n_done:]:
                n_planned = plan.n_examples if proposal in pursued else GUARD_EXAMPLES
                found = self._evaluate(proposal, n_planned, plan)
                trials.append(
                    logged(
                        number,
                        proposal,
                        found,
                        n_planned=n_planned,
                        max_cost_tokens=self._cap,
                        cause="" if found else self._failure(proposal, n_planned, plan),
                    )
                )
                self._log.append(self._space, trials[-1])
                self._explore(found)
        return trials

    def _round_starts(self, plan: Plan, n_trials: int) -> bool:
        """Whether the average trial so far says that one more round fits; a round once begun is carried through."""
        number = n_trials // TRIALS_PER_ROUND
        if number < int(self._log.noted("rounds") or 0):
            return True
        per_trial = self._spending.share_used / n_trials if n_trials else 0.0
        if self._spending.share_used + TRIALS_PER_ROUND * per_trial > plan.search_until:
            return False
        self._log.note("rounds", number + 1)
        return True

    def _buy_round(self, proposals: Sequence[Configuration], plan: Plan) -> list[Configuration] | None:
        """Return the trials bought whole, or None when the budget ended before all were.

        With a cost cap the first examples decide which trials are worth the rest.
        """
        pursued = list(proposals)
        complete = True
        if self._cap is not None:
            complete = self._buy(proposals, self._task.tune[:GUARD_EXAMPLES], plan, until=plan.finals_until)
            pursued = [each for each in proposals if self._may_keep_cap(self._evaluate(each, GUARD_EXAMPLES, plan))]
        if complete:
            complete = self._buy(pursued, self._task.tune[: plan.n_examples], plan, until=plan.finals_until)
        # The second condition, unlike the first, does not depend on how much was under way at the limit.
        return pursued if complete and self._spending.share_used <= plan.finals_until else None

    def _may_keep_cap(self, found: Sequence[Candidate]) -> bool:
        return not found or bool(affordable(found, GUARD_SLACK * (self._cap or 0.0)))

    def _explore(self, found: list[Candidate]) -> None:
        self._explored.append(found)
        within = affordable([candidate for choices in self._explored for candidate in choices], self._cap)
        self._best = max(within, key=lambda c: (c.utility, -c.cost_tokens), default=None)
        self._front = tuple((c.cost_tokens, c.utility) for c in front(within))
        self._report()

    # Finals: the best few on more examples, all on the same ones

    def _finals(self, plan: Plan, trials: Sequence[LoggedTrial]) -> list[Candidate]:
        self._phase = "finals"
        decided = self._decision("finals", {"n_trials": len(trials)}, lambda: self._decide_finals(plan))
        configurations = [Configuration(configuration) for configuration in decided["configurations"]]
        examples = self._task.tune[: decided["n_examples"]]
        self._buy(configurations, examples, plan)
        return on_common_examples(
            [candidate for each in configurations for candidate in self._evaluate(each, len(examples), plan)]
        )

    def _decide_finals(self, plan: Plan) -> dict[str, Any]:
        found = [candidate for choices in self._explored for candidate in choices]
        if not found:
            raise BudgetError("the budget must buy one round of trials, but ended before; give more")
        check_affordable(found, self._cap)
        chosen = dict.fromkeys([self._evaluator.request_part(self._default)])
        for candidate in finalists(affordable(found, self._cap)):
            if len(chosen) < N_FINALISTS:
                chosen.setdefault(self._evaluator.request_part(candidate.configuration))
        # The dearest replay choice of a configuration is all of its samples at full length, which is what is bought.
        per_example = sum(
            max(candidate.cost_tokens for candidate in choices)
            for choices in self._explored
            if choices and self._evaluator.request_part(choices[0].configuration) in chosen
        )
        left = self._tokens_worth(max(plan.finals_until - self._spending.share_used, 0.0))
        n_examples = min(plan.n_examples + int(left / (RESERVE * per_example)), len(self._task.tune))
        return {"n_examples": n_examples, "configurations": [dict(configuration) for configuration in chosen]}

    # Confirmation: the recommended configuration beside the default on examples that no decision has seen

    def _confirm(self, recommended: Candidate, compared: Sequence[Candidate]) -> tuple[Candidate, Candidate]:
        self._phase = "confirm"
        pair = list(dict.fromkeys([recommended.configuration, self._default]))
        named = {"configurations": [dict(configuration) for configuration in pair]}
        decided = self._decision("confirm", named, lambda: self._decide_confirm(pair, compared))
        examples = self._task.confirm[: decided["n_examples"]]
        self._spending.buy(self._evaluator.requests(pair, examples), configurations=pair * len(examples))
        if len(examples) < len(self._task.confirm):
            self._notes.append(
                f"confirmed on {len(examples)} of {len(self._task.confirm)} examples: the budget has no room for more"
            )
        found = [self._evaluator.evaluate_complete(each, examples) for each in pair]
        answered = on_common_examples([candidate for candidate in found if candidate is not None])
        if len(answered) < len(pair):
            raise EngineError("no example of the confirmation was answered")
        return answered[0], answered[-1]

    def _decide_confirm(self, pair: Sequence[Configuration], compared: Sequence[Candidate]) -> dict[str, Any]:
        per_example = sum(candidate.cost_tokens for candidate in compared if candidate.configuration in pair)
        left = self._tokens_worth(max(1.0 - self._spending.share_used, 0.0))
        n_examples = min(int(left / (RESERVE * per_example)), len(self._task.confirm))
        if not n_examples:
            raise BudgetError("the budget must leave room for a confirmation, but is spent; give more")
        return {"n_examples": n_examples}

    # What all phases do

    def _decision(self, name: str, given: dict[str, Any], decide: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what was decided under the same circumstances and budget, or decide now and note it.

        Without the note, a study that goes on after a kill would see another state of its budget here.
        """
        given = {**given, "budget": [self._budget.tokens, self._budget.seconds, self._budget.money]}
        known = self._log.noted(name)
        if known is not None and all(known[key] == value for key, value in given.items()):
            return dict(known)
        decided = {**given, **decide()}
        if known is not None and known.get("configurations") == decided["configurations"]:
            decided["n_examples"] = max(decided["n_examples"], known["n_examples"])  # those are paid for
        self._log.note(name, decided)
        return decided

    def _buy(
        self, configurations: Sequence[Configuration], examples: Sequence[Example], plan: Plan, until: float = 1.0
    ) -> bool:
        requests = self._evaluator.requests(
            configurations, examples, n_samples=plan.n_samples, max_tokens=self._max_tokens
        )
        return self._spending.buy(requests, until=until, configurations=list(configurations) * len(examples))

    def _evaluate(self, configuration: Configuration, n_examples: int, plan: Plan) -> list[Candidate]:
        examples = self._task.tune[:n_examples]
        return self._evaluator.evaluate(configuration, examples, n_samples=plan.n_samples, max_tokens=self._max_tokens)

    def _failure(self, configuration: Configuration, n_examples: int, plan: Plan) -> str:
        examples = self._task.tune[:n_examples]
        return self._evaluator.failure(configuration, examples, n_samples=plan.n_samples, max_tokens=self._max_tokens)

    def _landed(self) -> None:
        now = time.monotonic()
        if now - self._clock > CLOCK_SECONDS:
            self._clock = now
            self._log.note("seconds", self._spending.seconds)
        self._report()

    def _report(self) -> None:
        self._on_progress(
            Progress(
                phase=self._phase,
                share_used=self._spending.share_used,
                spent=self._spending.spent,
                run_tokens=self._spending.run_tokens,
                run_seconds=self._spending.run_seconds,
                n_trials=len(self._explored),
                best=self._best,
                front=self._front,
            )
        )
