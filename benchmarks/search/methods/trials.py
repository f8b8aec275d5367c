"""What `infertune optimize` does today: a pilot, a plan, rounds of trials on the same examples, and finals.

The replay tier is free in every trial, and the cost cap is checked on a few examples before the rest is bought. Any
sampler proposes; where only recorded configurations can be bought, the nearest one not yet tried takes the place of a
proposal and is what the sampler is told of.
"""

import numpy as np

from benchmarks.search.methods.evidence import Seen
from benchmarks.search.problem import Bought, Problem, Purchase
from benchmarks.search.race import Setting
from infertune.samplers import Sampler, SpaceExhausted, Trial
from infertune.selection.select import affordable, finalists
from infertune.study.pilot import PILOT_EXAMPLES, PILOT_REQUESTS
from infertune.study.plan import COST_SLACK, FINALS_SHARE, N_FINALISTS, Plan, plan
from infertune.study.sampler_allocator import GUARD_EXAMPLES
from infertune.types import Configuration

N_TOGETHER = 4  # trials under way at once, about what the batch of an engine takes


class Trials:
    """Runs a sampler in the study's own way."""

    def __init__(self, setting: Setting, sampler: Sampler) -> None:
        self._problem = setting.problem
        self._budget = setting.budget_tokens
        self._sampler = sampler
        self._request = setting.problem.space.tier("request")
        self._default = self._request.default_configuration()
        self._seen = Seen()
        self._trials: list[Trial] = []
        self._waiting = self._pilot()
        self._under_way: set[Configuration] = set()
        self._pilot_bought: list[Bought] = []
        self._plan: Plan | None = None
        self._search_until = 1.0
        self._round: list[Configuration] = []
        self._guarded = False
        self._finals: list[Configuration] | None = None
        self._spent = 0

    # What the harness calls

    def ask(self) -> Purchase | None:
        while not self._waiting:
            if self._under_way or not self._next():
                return None
        wish = self._waiting.pop(0)
        self._under_way.add(wish.configuration)
        return wish

    def tell(self, bought: Bought) -> None:
        self._spent += bought.tokens
        self._under_way.discard(bought.purchase.configuration)
        if self._plan is None:
            self._pilot_bought.append(bought)
        else:
            self._seen.add(bought)

    def recommend(self) -> Configuration:
        pool = self._finals or list(self._seen.candidates)
        if not pool:
            return self._problem.space.default_configuration()
        most = max(map(self._seen.n_examples, pool))
        whole = [each for each in pool if self._seen.n_examples(each) == most] if self._finals else pool
        best = (self._seen.best(each, self._problem.cap, self._problem.scale) for each in whole)
        return max(best, key=lambda pair: pair[0])[1].configuration

    # What the study does

    def _pilot(self) -> list[Purchase]:
        prompts = self._request["prompt.template"].values()
        wanted = [self._default.with_values({"prompt.template": prompt}) for prompt in prompts]
        wanted = list(dict.fromkeys(recorded(self._problem, each, set()) for each in wanted))
        n_each = min(PILOT_EXAMPLES, max(1, PILOT_REQUESTS // len(wanted)))
        return [self._purchase(each, 0, n_each, 1) for each in wanted]

    def _next(self) -> bool:
        """Fill the queue with what comes next; say whether there is anything."""
        if self._plan is None:
            self._plan, self._search_until = self._planned()
        if self._round and not self._guarded:
            self._guarded = True
            self._waiting = [self._rest(each) for each in self._round if self._may_keep_cap(each)]
            return True
        self._log_round()
        if self._spent < self._search_until * self._budget and self._finals is None:
            self._round = self._proposed()
            self._guarded = self._problem.cap is None
            n = self._plan.n_examples if self._guarded else min(GUARD_EXAMPLES, self._plan.n_examples)
            self._waiting = [self._purchase(each, 0, n) for each in self._round]
            if self._waiting:
                return True
        if self._finals is None:
            self._finals = self._finalists()
            self._waiting = self._final_purchases()
            return bool(self._waiting)
        return False

    def _planned(self) -> tuple[Plan, float]:
        """Return the plan, and the share of the budget at which the finals begin."""
        tables = [each.table(self._problem.max_tokens, each.default_extractor) for each in self._pilot_bought]
        prompts = [float(each.prompt_tokens.mean()) for each in self._pilot_bought]
        lengths = [float(table.tokens.mean()) for table in tables]
        choices = sorted(int(n) for n in self._problem.space["strategy.n"].values())
        if self._problem.cap is not None:
            prompt, length = min(zip(prompts, lengths, strict=True), key=sum)
            choices = [n for n in choices if prompt + n * length <= COST_SLACK * self._problem.cap] or choices[:1]
        made = plan(
            budget_tokens=self._budget,
            prompt_tokens=float(np.mean(prompts)),
            sample_tokens=float(np.mean(lengths)),
            n_choices=choices,
            n_tune=self._problem.n_examples,
            n_confirm=0,
        )
        example = float(np.mean(prompts)) + made.n_samples * float(np.mean(lengths))
        more = N_FINALISTS * (self._problem.n_examples - made.n_examples) * example
        return made, 1 - min(FINALS_SHARE, more / self._budget)

    def _proposed(self) -> list[Configuration]:
        history = list(self._trials)
        proposals: list[Configuration] = []
        for number in range(len(history), len(history) + N_TOGETHER):
            tried = {trial.configuration for trial in history}
            if self._problem.configurations and len(tried) == len(self._problem.configurations):
                break
            try:
                drawn = self._sampler.propose(self._request, history, self._problem.seed) if number else self._default
            except SpaceExhausted:
                break
            proposal = recorded(self._problem, drawn, tried)
            proposals.append(proposal)
            history.append(Trial(number=number, configuration=proposal, utility=None, constraint=0.0, state="pending"))
        return proposals

    def _may_keep_cap(self, configuration: Configuration) -> bool:
        cap = (self._problem.cap or 0.0) * COST_SLACK
        return bool(affordable(self._seen.candidates[configuration], cap))

    def _log_round(self) -> None:
        for configuration in self._round:
            found = self._seen.candidates[configuration]
            within = affordable(found, self._problem.cap)
            cheapest = min(found, key=lambda each: each.cost_tokens)
            chosen = max(within or [cheapest], key=lambda each: (each.utility, -each.cost_tokens))
            over = 0.0 if self._problem.cap is None else max(0.0, cheapest.cost_tokens - self._problem.cap)
            self._trials.append(
                Trial(
                    number=len(self._trials),
                    configuration=configuration,
                    utility=chosen.utility,
                    constraint=over,
                    state="complete",
                )
            )
        self._round = []

    def _finalists(self) -> list[Configuration]:
        whole = max(map(self._seen.n_examples, self._seen.candidates), default=0)
        found = [
            each
            for configuration, choices in self._seen.candidates.items()
            if self._seen.n_examples(configuration) == whole
            for each in affordable(choices, self._problem.cap)
        ]
        names = {parameter.name for parameter in self._request.parameters}
        chosen: dict[Configuration, None] = {}
        for each in finalists(found):
            part = Configuration({name: value for name, value in each.configuration.items() if name in names})
            if len(chosen) < N_FINALISTS:
                chosen.setdefault(part)
        return list(chosen)

    def _final_purchases(self) -> list[Purchase]:
        assert self._finals is not None and self._plan is not None
        known = self._plan.n_examples
        price = sum(max(c.cost_tokens for c in self._seen.candidates[each]) for each in self._finals)
        more = int((self._budget - self._spent) / (1.1 * price)) if self._finals else 0
        until = min(known + more, self._problem.n_examples)
        return [self._purchase(each, known, until) for each in self._finals] if until > known else []

    def _rest(self, configuration: Configuration) -> Purchase:
        assert self._plan is not None
        return self._purchase(configuration, self._seen.n_examples(configuration), self._plan.n_examples)

    def _purchase(
        self, configuration: Configuration, start: int, until: int, n_samples: int | None = None
    ) -> Purchase:
        if n_samples is None:
            assert self._plan is not None
            n_samples = self._plan.n_samples
        return Purchase(
            configuration=configuration,
            examples=np.arange(start, until),
            n_samples=n_samples,
            max_tokens=self._problem.max_tokens,
        )


def recorded(problem: Problem, wanted: Configuration, tried: set[Configuration]) -> Configuration:
    """Return the wanted configuration, or where only recorded ones can be bought the nearest not yet tried."""
    if not problem.configurations or (wanted in problem.configurations and wanted not in tried):
        return wanted
    return min(
        (each for each in problem.configurations if each not in tried),
        key=lambda each: _distance(problem, each, wanted),
    )


def _distance(problem: Problem, one: Configuration, other: Configuration) -> float:
    total = 0.0
    for parameter in problem.space.tier("request").parameters:
        a, b = one.get(parameter.name, parameter.default), other.get(parameter.name, parameter.default)
        if parameter.kind == "choice":
            total += a != b
        else:
            assert parameter.low is not None and parameter.high is not None
            total += abs(float(a) - float(b)) / (parameter.high - parameter.low)
    return total
