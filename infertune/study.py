"""The study: pilot, plan, search, finals, confirmation. The only module that knows all the others.

Every generation is in the bank before anything is computed from it, and every decision that depends on what was
spent is noted in the trial log before it is acted on. A study killed at any moment therefore repeats its own
decisions, finds what it had paid for, and ends with the answer of an uninterrupted run. (A budget in seconds is the
exception: how far it reaches is up to the machine.)
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from infertune.allocators import Order
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.buyer import Buyer
from infertune.decisions import decided
from infertune.default_space import TEMPERATURE
from infertune.errors import BudgetError, EngineError
from infertune.evaluate import Candidate
from infertune.evaluator import Evaluator
from infertune.finals import N_FINALISTS, RESERVE, final_orders, first_few
from infertune.pilot import check_cap, n_worth_buying, pilot
from infertune.plan import Plan, plan
from infertune.progress import Explored, Progress
from infertune.promise import promise
from infertune.recommendation import Recommendation
from infertune.search import Circumstances, Found, Search
from infertune.select import confirm, on_common_examples, select
from infertune.space import SearchSpace
from infertune.spending import Spending
from infertune.tasks import Task
from infertune.trial_log import TrialLog, order_as_json, order_from_json
from infertune.types import Engine

CLOCK_SECONDS = 2.0  # how often the time spent is noted


class Study:
    """Runs one study to its answer.

    Args:
        name: In the bank's books.
        search: How configurations are searched.
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
        search: Search,
        bank: SampleBank,
        log: TrialLog,
        budget: Budget,
        seed: int = 0,
        max_cost_tokens: float | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._task = task
        self._space = space
        self._search = search
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
        self._buyer = Buyer(
            tune=task.tune,
            space=space,
            evaluator=self._evaluator,
            spending=self._spending,
            max_tokens=self._max_tokens,
        )
        self._explored = Explored(max_cost_tokens, self._report)
        self._clock = time.monotonic()
        self._phase = "pilot"
        self._notes: list[str] = []

    def run(self) -> Recommendation:
        """Go from wherever the study stands to its recommendation.

        Raises:
            BudgetError: The budget is too small for any honest answer, or nothing tried keeps the cost cap.
            EngineError: Most requests fail.
        """
        try:
            given = self._pilot()
            self._phase = "search"
            found = self._search.run(given)
            self._notes.extend(found.notes)
            compared = self._finals(given, found)
            selection = select(compared, default=self._default, max_cost_tokens=self._cap)
            confirmed, default = self._confirm(given, selection.recommended, compared)
        finally:
            self._log.note("seconds", self._spending.seconds)
        if self._spending.spent.n_failed:
            self._notes.append(f"{self._spending.spent.n_failed} requests failed; they count neither right nor wrong")
        explored = self._explored.candidates
        return Recommendation(
            default=self._default,
            selection=selection,
            verdict=confirm(confirmed, default),
            promise=promise(
                selection.recommended,
                compared=compared,
                explored=explored,
                confirmed=confirmed,
                n_planned=given.plan.n_examples,
                n_possible=self._space.n_configurations,
                max_cost_tokens=self._cap,
            ),
            explored=tuple((c.cost_tokens, c.utility) for c in explored),
            spent=self._spending.spent,
            seconds=self._spending.seconds,
            n_trials=self._explored.n_trials,
            n_tune=len(compared[0].example_ids),
            notes=tuple(self._notes),
        )

    def _pilot(self) -> Circumstances:
        """Find out how long prompts and answers are here, and so what the budget buys."""
        default = self._evaluator.request_part(self._default)
        answered = pilot(
            [
                default.with_values({"prompt.template": template})
                for template in self._space["prompt.template"].values()
            ],
            self._task.tune,
            evaluator=self._evaluator,
            spending=self._spending,
            max_tokens=self._max_tokens,
            measures_pace=self._budget.seconds is not None or self._budget.money is not None,
        )
        check_cap(answered, self._cap)
        every_n = sorted(int(n) for n in self._space["strategy.n"].values())
        worth_buying = [n for n in every_n if n >= int(self._default["strategy.n"])]
        worth_buying = n_worth_buying(answered, worth_buying, self._cap)
        prompt_tokens = sum(each.prompt_tokens for each in answered) / len(answered)
        sample_tokens = sum(each.completion_tokens / len(each.generations) for each in answered) / len(answered)
        known = self._log.noted("plan")
        if known is None:
            made = plan(
                budget_tokens=self._spending.tokens_worth(1.0),
                prompt_tokens=prompt_tokens,
                sample_tokens=sample_tokens,
                n_choices=worth_buying,
                n_tune=len(self._task.tune),
                n_confirm=len(self._task.confirm),
                n_finalists=N_FINALISTS,
            )
            self._log.note("plan", asdict(made))
        else:
            made = Plan(**known)
        left_out = [str(n) for n in every_n if n > made.n_samples]
        if left_out:
            self._notes.append(
                f"n = {', '.join(left_out)} left out: the budget{' or the cost cap' if self._cap else ''} "
                "has no room for it"
            )
        return Circumstances(
            space=self._space,
            default=default,
            n_tune=len(self._task.tune),
            n_choices=tuple(n for n in worth_buying if n <= made.n_samples) or (made.n_samples,),
            cap_tokens=self._cap,
            seed=self._seed,
            prompt_tokens=prompt_tokens,
            sample_tokens=sample_tokens,
            plan=made,
            budget=self._budget,
            spending=self._spending,
            buyer=self._buyer,
            log=self._log,
            explored=self._explored,
        )

    def _finals(self, given: Circumstances, found: Found) -> list[Candidate]:
        """Compare the best few on the same examples, more than the search had of each."""
        self._phase = "finals"
        if not self._explored.choices:
            raise BudgetError("the budget must buy the first trials, but ended before; give more")
        plan = given.plan
        finalists = first_few(self._evaluator.request_part(self._default), found.ranked)

        def decide(known: Mapping[str, Any] | None) -> dict[str, Any]:
            earlier = [] if known is None else [order_from_json(each) for each in known["orders"]]
            orders = final_orders(
                finalists,
                [*found.orders, *earlier],
                depths=found.depths,
                price=lambda order: self._price(given, order),
                share=max(plan.finals_until - self._spending.share_used, 0.0),
                n_wanted=plan.n_examples,
                n_tune=len(self._task.tune),
                n_kept=plan.n_finals,
                n_samples=plan.n_samples,
                max_tokens=self._max_tokens,
            )
            return {"orders": [order_as_json(each) for each in orders]}

        named = {"n_trials": self._explored.n_trials}
        made = decided(self._log, "final orders", self._budget, named, decide)
        orders = [order_from_json(each) for each in made["orders"]]
        self._buyer.buy(orders)
        return on_common_examples([each for order in orders for each in self._buyer.candidates(order)])

    def _price(self, given: Circumstances, order: Order) -> float:
        """Return what an example takes of the budget, judging by the dearest that is known of its configuration."""
        its = self._explored.choices.get(order.configuration)
        n = 1 if order.configuration.get(TEMPERATURE) == 0.0 else order.n_samples
        if not its:
            return given.share_of(given.prompt_tokens + n * given.sample_tokens)
        dearest = max(its, key=lambda each: each.cost_tokens)
        n_known = int(dearest.configuration["strategy.n"])
        sample = max((dearest.cost_tokens - given.prompt_tokens) / n_known, given.sample_tokens)
        return given.share_of(dearest.cost_tokens + max(n - n_known, 0) * sample)

    def _confirm(
        self, given: Circumstances, recommended: Candidate, compared: Sequence[Candidate]
    ) -> tuple[Candidate, Candidate]:
        """Return the recommended configuration and the default on examples that no decision has seen."""
        self._phase = "confirm"
        pair = list(dict.fromkeys([recommended.configuration, self._default]))
        named = [dict(each) for each in pair]

        def decide(known: Mapping[str, Any] | None) -> dict[str, Any]:
            per_example = sum(given.share_of(each.cost_tokens) for each in compared if each.configuration in pair)
            left = max(1.0 - self._spending.share_used, 0.0)
            n_examples = min(int(left / (RESERVE * per_example)), len(self._task.confirm))
            if not n_examples:
                raise BudgetError("the budget must leave room for a confirmation, but is spent; give more")
            if known is not None and known["configurations"] == named:
                n_examples = max(n_examples, known["n_examples"])  # those are paid for
            return {"n_examples": n_examples}

        made = decided(self._log, "confirm", self._budget, {"configurations": named}, decide)
        examples = self._task.confirm[: made["n_examples"]]
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
                n_trials=self._explored.n_trials,
                best=self._explored.best,
                front=self._explored.front,
            )
        )
