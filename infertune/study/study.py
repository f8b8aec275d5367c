"""The study: pilot, plan, search, finals, confirmation. The only module that knows all the others.

Every generation is in the bank before anything is computed from it, and every decision that depends on what was
spent is noted in the trial log before it is acted on. A study killed at any moment therefore repeats its own
decisions, finds what it had paid for, and ends with the answer of an uninterrupted run. (A budget in seconds is the
exception: how far it reaches is up to the machine.)
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from infertune.allocators import Allocator
from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.errors import BudgetError
from infertune.evaluation.account import Account
from infertune.evaluation.evaluator import Evaluator
from infertune.evaluation.scoring import CachedScorer
from infertune.selection.recommendation import Recommendation, example_scores, point
from infertune.selection.regret_bound import promise
from infertune.selection.select import Wanted, select
from infertune.selection.verdict import judge
from infertune.space import SearchSpace
from infertune.space.names import PROMPT, N
from infertune.strategies.prompt_bill import n_prompts
from infertune.study.comparison import Comparison
from infertune.study.confirmation import Confirmation
from infertune.study.context import SearchContext
from infertune.study.decisions import decided
from infertune.study.look import Look
from infertune.study.pilot import check_cap, n_worth_buying, pilot
from infertune.study.plan import Plan, plan
from infertune.study.progress import Incumbents, Progress
from infertune.study.search import Search
from infertune.study.trial_log import TrialLog
from infertune.tasks import Task
from infertune.types import Engine

CLOCK_SECONDS = 2.0  # how often the time spent is noted
WANTED = Wanted()


class Study:
    """Runs one study to its answer.

    Args:
        name: In the bank's books.
        search: How configurations are searched.
        bank: Shares its database with the log.
        log: The study's own.
        seed: Of every generation and proposal.
        wanted: What is asked of the recommended configuration.
        on_progress: Called after every landing and trial.
    """

    def __init__(
        self,
        *,
        name: str,
        task: Task,
        space: SearchSpace,
        engine: Engine,
        search: Allocator,
        bank: SampleBank,
        log: TrialLog,
        budget: Budget,
        seed: int = 0,
        wanted: Wanted = WANTED,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._task = task
        self._space = space
        self._search = search
        self._engine = engine
        self._log = log
        self._budget = budget
        self._seed = seed
        self._wanted = wanted
        self._on_progress = on_progress
        self._default = space.default_configuration()
        self._account = Account(
            study=name,
            engine=engine,
            bank=bank,
            budget=budget,
            seconds=float(log.noted("seconds") or 0.0),
            looked=Look(log).cost,
            on_landing=self._landed,
        )
        self._tune, self._confirm = (
            Evaluator(scorer=scorer, examples=examples, space=space, account=self._account, seed=seed)
            for scorer in [CachedScorer(task)]
            for examples in (task.tune, task.confirm)
        )
        self._incumbents = Incumbents(wanted.max_cost_tokens, self._report)
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
            found = Search(self._search, given, getattr(self._engine, "batch_size", None)).run()
            self._notes.extend(found.notes)
            if not self._incumbents.choices:
                twice = self._budget.times(2)
                raise BudgetError(f"the budget must buy the first trials, but ended before; try {twice}")
            self._phase = "finals"
            compared = self._comparison(given).run(found)
            selection = select(
                compared.candidates, default=self._default, wanted=self._wanted, believed_best=compared.believed
            )
            self._phase = "confirm"
            pair = list({each.configuration: each for each in (selection.challenger, selection.default)}.values())
            confirmed = self._confirmation(given).run(pair)
        finally:
            self._log.note("seconds", self._account.seconds)
        if self._account.spent.n_failed:
            self._notes.append(
                f"{self._account.spent.n_failed} requests failed; those refused for good count as no answer, the "
                "others neither right nor wrong"
            )
        if (n := len(confirmed[0].example_ids)) < len(self._task.confirm):
            self._notes.append(f"confirmed on {n} of {len(self._task.confirm)} examples")
        explored = self._incumbents.candidates
        verdict = judge(
            confirmed[0],
            confirmed[-1],
            lead=selection.lead,
            default_admitted=selection.default_admitted,
            prefer=self._wanted.prefer,
        )
        recommended = selection.default if verdict.recommends_default else selection.challenger
        return Recommendation(
            recommended=recommended.configuration,
            seen=selection.challenger.configuration,
            default=self._default,
            on_tune=point(recommended),
            verdict=verdict,
            budget_to_decide=self._confirmation(given).budget_to_decide(verdict, len(confirmed[0].example_ids)),
            front=tuple(point(each) for each in selection.front),
            n_as_good=selection.n_as_good,
            promise=promise(
                recommended,
                compared=compared.candidates,
                explored=explored,
                confirmed=confirmed[-1] if verdict.recommends_default else confirmed[0],
                n_planned=given.plan.n_examples,
                n_possible=self._space.n_configurations,
                max_cost_tokens=self._wanted.max_cost_tokens,
            ),
            explored=tuple(sorted((c.cost_tokens, c.utility) for c in explored)),
            spent=self._account.spent,
            seconds=self._account.seconds,
            n_trials=self._incumbents.n_trials,
            n_tune=len(compared.candidates[0].example_ids),
            notes=tuple(self._notes),
            confirmed=tuple(map(example_scores, confirmed)),
        )

    def _pilot(self) -> SearchContext:
        """Find out how long prompts and answers are here, and so what the budget buys."""
        default = self._tune.request_part(self._default)
        templates = [default.with_values({PROMPT: template}) for template in self._space[PROMPT].values()]
        answered = pilot(templates, self._tune, self._budget)
        check_cap(answered, self._wanted.max_cost_tokens)
        every_n = sorted(int(n) for n in self._space[N].values())
        worth_buying = [n for n in every_n if n >= int(self._default[N])]
        per_prompt = self._account.samples_per_prompt
        worth_buying = n_worth_buying(answered, worth_buying, self._wanted.max_cost_tokens, per_prompt)
        prompt_tokens = sum(each.prompt_tokens for each in answered) / len(answered)
        pilot_tokens = sum(each.prompt_tokens + each.completion_tokens for each in answered)
        pilot_tokens += self._account.looked_tokens
        sample_tokens = sum(each.completion_tokens / len(each.generations) for each in answered) / len(answered)

        def decide(known: Mapping[str, Any] | None) -> dict[str, Any]:
            """Split the budget; what shapes a study's trials stays as it was under an earlier budget."""
            made = plan(
                budget_tokens=self._account.tokens_worth(1.0),
                prompt_tokens=prompt_tokens,
                sample_tokens=sample_tokens,
                n_choices=[n for n in worth_buying if known is None or n <= known["n_samples"]] or worth_buying[:1],
                n_tune=len(self._task.tune),
                n_confirm=len(self._task.confirm),
                pilot_tokens=pilot_tokens,
                samples_per_prompt=per_prompt,
            )
            kept = ("n_examples", "n_samples", "n_kept")
            return asdict(made) | ({} if known is None else {name: known[name] for name in kept})

        decision = decided(self._log, "plan", self._budget, {}, decide)
        made = Plan(**{field.name: decision[field.name] for field in fields(Plan)})
        left_out = [str(n) for n in every_n if n > made.n_samples]
        if left_out:
            limit = "the budget or the cost cap" if self._wanted.max_cost_tokens else "the budget"
            them = "them" if len(left_out) > 1 else "it"
            self._notes.append(f"n = {', '.join(left_out)} left out: {limit} has no room for {them}")
        if per_prompt is not None and every_n[-1] > per_prompt:
            which = "every sample" if per_prompt == 1 else f"every {per_prompt} samples"
            self._notes.append(
                f"this server bills the prompt for {which}, and so do the tokens per request: "
                f"n = {every_n[-1]} pays for {n_prompts(every_n[-1], per_prompt)} prompts"
            )
        return SearchContext(
            space=self._space,
            default=default,
            n_tune=len(self._task.tune),
            n_choices=tuple(n for n in worth_buying if n <= made.n_samples) or (made.n_samples,),
            cap_tokens=self._wanted.max_cost_tokens,
            seed=self._seed,
            prompt_tokens=prompt_tokens,
            sample_tokens=sample_tokens,
            plan=made,
            budget=self._budget,
            account=self._account,
            evaluator=self._tune,
            log=self._log,
            incumbents=self._incumbents,
            reserve=lambda given, ranked, orders: self._comparison(given).reserve(ranked, orders),
        )

    def _comparison(self, given: SearchContext) -> Comparison:
        return Comparison(given, self._confirmation(given))

    def _confirmation(self, given: SearchContext) -> Confirmation:
        return Confirmation(self._confirm, given)

    def _landed(self) -> None:
        now = time.monotonic()
        if now - self._clock > CLOCK_SECONDS:
            self._clock = now
            self._log.note("seconds", self._account.seconds)
        self._report()

    def _report(self) -> None:
        self._on_progress(
            Progress(
                phase=self._phase,
                share_used=self._account.share_used,
                spent=self._account.spent,
                run_tokens=self._account.run_tokens,
                run_seconds=self._account.run_seconds,
                n_trials=self._incumbents.n_trials,
                best=self._incumbents.best,
                front=self._incumbents.front,
            )
        )
