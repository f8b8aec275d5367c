"""Buys samples: what the bank lacks, from the engine, until a share of the budget is used."""

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set

from infertune.bank import SampleBank
from infertune.bank.usage import Usage
from infertune.budget import Budget
from infertune.errors import EngineError
from infertune.types import Engine, Request, Response

MAX_FAILED_SHARE = 0.5
MIN_LANDED = 20  # before that, a few failures say nothing
MIN_CONFIGURATIONS = 4  # where there are fewer, most may be refused for good without the study being hopeless


class Account:
    """One study's account: every response is in the bank before anything else happens to it.

    Args:
        study: In whose name the bank books; no other process may spend in the same name meanwhile.
        engine: Generates.
        bank: Keeps.
        budget: Its limits count what was spent in all runs of the study; None has no limit.
        seconds: Generated for in earlier runs.
        looked: Prompt and completion tokens that were paid before, for a look at the server; spent beyond the answers.
        on_landing: Called after each response is in the bank.

    Attributes:
        samples_per_prompt: Of the engine, as in `n_prompts`.
        spent: What the study has paid in all runs.
        seconds: Spent generating in all runs.
        looked_tokens: Of them, for a look at the server.
        run_tokens: Bought by this object; `run_seconds` likewise.
    """

    def __init__(
        self,
        *,
        study: str,
        engine: Engine,
        bank: SampleBank,
        budget: Budget | None = None,
        seconds: float = 0.0,
        looked: tuple[int, int] = (0, 0),
        on_landing: Callable[[], None] = lambda: None,
    ) -> None:
        self._study = study
        self._engine = engine
        self._bank = bank
        self._budget = budget
        self._on_landing = on_landing
        self._earlier_seconds = seconds
        self._landed: Counter[Hashable] = Counter()  # by configuration
        self._failed: Counter[Hashable] = Counter()
        self._refused: Counter[Hashable] = Counter()  # of those that failed
        self._hopeless: set[Hashable] = set()  # requests that were refused for good, which are not sent again
        self._held: set[Hashable] = set()  # requests that the bank had answers to, and that are counted as landed
        self.facts = dict(engine.facts)
        self.samples_per_prompt: int | None = getattr(engine, "samples_per_prompt", None)
        self.looked_tokens = sum(looked)
        self.spent = bank.spent(study).with_extra(*looked)
        self.run_tokens = 0
        self.run_seconds = 0.0
        self._pace_from = (0.0, 0)
        self._held_back = 0.0

    @property
    def seconds(self) -> float:
        """Time spent generating, in all runs."""
        return self._earlier_seconds + self.run_seconds

    @property
    def share_used(self) -> float:
        """The largest used share of any limit, and what is held back; 0 without a budget."""
        return self.share_without(())

    def share_without(self, paid: Iterable[Usage]) -> float:
        """Return the largest used share of any limit if some had not been paid yet; 0 without a budget."""
        if self._budget is None:
            return 0.0
        left_out = list(paid)
        return self._held_back + self._budget.share_used(
            prompt_tokens=self.spent.all_prompt_tokens - sum(each.all_prompt_tokens for each in left_out),
            completion_tokens=self.spent.all_completion_tokens - sum(each.all_completion_tokens for each in left_out),
            seconds=self.seconds,
        )

    def tokens_worth(self, share: float) -> float:
        """Return a share of the budget in tokens; where it is not one of tokens, by what those so far took of it."""
        if self._budget is None:
            return math.inf
        if self._budget.seconds is None and self._budget.money is None:
            return share * float(self._budget.tokens or 0)
        spent = self.spent
        return share * spent.tokens / max(self.share_of(spent.all_prompt_tokens, spent.all_completion_tokens), 1e-9)

    def share_of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the share of the budget that some tokens would take; of seconds, as many as those so far took."""
        if self._budget is None:
            return 0.0
        return self._budget.share_used(
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            seconds=self._pace * (prompt_tokens + completion_tokens),
        )

    def hold_back(self, share: float) -> None:
        """Let a share of the budget stay unspent: from now on it counts as used."""
        self._held_back = share

    def start_pace(self) -> None:
        """Count what was generated up to now as a start: it says nothing of how long further tokens take."""
        self._pace_from = self.seconds, self.spent.tokens

    @property
    def _pace(self) -> float:
        """Seconds per token."""
        seconds, tokens = self._pace_from
        if self.spent.tokens == tokens:
            return self.seconds / max(tokens, 1)
        return (self.seconds - seconds) / (self.spent.tokens - tokens)

    def buy(
        self, requests: Sequence[Request], *, until: float = 1.0, configurations: Sequence[Hashable] | None = None
    ) -> bool:
        """Buy what the bank lacks of the requests, in their order, until that share of the budget is used.

        Requests already under way when the limit is reached are finished: at most one batch of the engine's.

        Args:
            requests: In the order of their importance.
            until: Share of the budget.
            configurations: For each request the configuration that it is of; by default they are told apart by their
                decoding settings.

        Returns:
            Whether all were bought. Those that failed for good count as bought: no money brings their answer.

        Raises:
            EngineError: Most requests of most configurations fail.
        """
        labels = [each.decoding for each in requests] if configurations is None else configurations
        label_of = {asked(request): label for request, label in zip(requests, labels, strict=True)}
        sent: set[Hashable] = set()
        while True:
            lacking = [each for each in self.lacking(requests, label_of) if asked(each) not in sent]
            sent.update(map(asked, lacking))
            n_hopeless = len(self._hopeless)
            if lacking and not self._generate(lacking, until, label_of):
                return False
            # Of what is wished for at several limits the largest alone is sent; where it is refused, the others are.
            if not lacking or len(self._hopeless) == n_hopeless:
                return True

    def _generate(self, lacking: Sequence[Request], until: float, label_of: Mapping[Hashable, Hashable]) -> bool:
        """Have requests answered until that share of the budget is used; return whether all were sent."""
        complete = False

        def affordable() -> Iterator[Request]:
            nonlocal complete
            for request in lacking:
                if self.share_used >= until:
                    return
                yield request
            complete = True

        for _ in self.answers(affordable(), label_of):
            pass
        return complete

    def lacking(self, requests: Sequence[Request], label_of: Mapping[Hashable, Hashable]) -> list[Request]:
        """Return what the bank lacks of some requests, without what was refused for good.

        Args:
            requests: In any number.
            label_of: For what is `asked` the configuration that it is of.
        """
        wished = {asked(each): each for each in requests}
        missing = self._bank.missing(self.facts, [each for key, each in wished.items() if key not in self._hopeless])
        for key in wished.keys() - set(map(asked, missing)) - self._hopeless - self._held:
            self._held.add(key)  # the bank has an answer to it
            self._landed[label_of[key]] += 1
        return missing

    def answers(self, requests: Iterable[Request | None], label_of: Mapping[Hashable, Hashable]) -> Iterator[Response]:
        """Yield what the engine answers, in the order of arrival, each in the bank and booked by then.

        Args:
            requests: As `Engine.generate` takes them.
            label_of: For what is `asked` the configuration that it is of.

        Raises:
            EngineError: Most requests of most configurations fail.
        """
        before, started = self.run_seconds, time.monotonic()
        for response in self._engine.generate(requests):
            self._bank.put(self._study, self.facts, response)
            self.run_seconds = before + time.monotonic() - started
            key = asked(response.request)
            self._held.add(key)
            self._book(response, label_of[key])
            if response.error:
                self._check_failures(response.error, {*self._landed, *label_of.values()})
            self._on_landing()
            yield response

    def paid_for(self, requests: Sequence[Request]) -> Usage:
        """Return what this study has paid for some requests, whichever of their samples that bought."""
        return self._bank.spent_on(self._study, self.facts, requests)

    def responses(self, requests: Sequence[Request]) -> list[Response]:
        """Return what the bank holds of each request."""
        return self._bank.get(self.facts, requests)

    def _book(self, response: Response, configuration: Hashable) -> None:
        before = self.spent.tokens
        self.spent = self.spent.plus(response)
        self.run_tokens += self.spent.tokens - before
        self._landed[configuration] += 1
        if response.error:
            self._failed[configuration] += 1
            if response.refused:
                self._refused[configuration] += 1
                self._hopeless.add(asked(response.request))

    def _check_failures(self, last_error: str, configurations: Set[Hashable]) -> None:
        """Stop when most configurations mostly fail: a few that never work are infeasible, and no reason to end.

        Those that are under way count as well, for a refusal comes sooner than an answer. One that refuses some
        examples for good and answers others counts as failing only where all mostly fail.
        """
        failing = {each: n for each, n in self._failed.items() if n > MAX_FAILED_SHARE * self._landed[each]}
        useless = [
            each
            for each, n in failing.items()
            if n == self._landed[each] or n - self._refused[each] > MAX_FAILED_SHARE * self._landed[each]
        ]
        few = len(configurations) < MIN_CONFIGURATIONS and all(
            self._refused[each] == failing[each] for each in useless
        )
        most = len(useless) > MAX_FAILED_SHARE * len(configurations) and not few
        most = most or len(failing) == len(configurations)
        if self._landed.total() >= MIN_LANDED and most:
            raise EngineError(
                f"{self._failed.total()} of {self._landed.total()} requests failed, "
                f"so the study stops here; the last one said: {last_error}"
            )


def asked(request: Request) -> Hashable:
    """Return what stays of a request when the bank has taken out the samples that it holds."""
    return request.example_id, request.prompt, request.decoding
