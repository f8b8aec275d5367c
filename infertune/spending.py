"""Buys samples: what the bank lacks, from the engine, until a share of the budget is used."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from infertune.bank import SampleBank
from infertune.budget import Budget
from infertune.errors import EngineError
from infertune.types import Engine, Request, Response

MAX_FAILED_SHARE = 0.5
MIN_LANDED = 20  # before that, a few failures say nothing


class Spending:
    """One study's account: every response is in the bank before anything else happens to it.

    Args:
        study: In whose name the bank books; no other process may spend in the same name meanwhile.
        engine: Generates.
        bank: Keeps.
        budget: Its limits count what was spent in all runs of the study; None has no limit.
        seconds: Generated for in earlier runs.
        on_landing: Called after each response is in the bank.

    Attributes:
        spent: What the study has paid in all runs.
        seconds: Spent generating in all runs.
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
        on_landing: Callable[[], None] = lambda: None,
    ) -> None:
        self._study = study
        self._engine = engine
        self._bank = bank
        self._budget = budget
        self._on_landing = on_landing
        self._earlier_seconds = seconds
        self._landed = self._failed = 0
        self._last_error = ""
        self.facts = dict(engine.facts)
        self.spent = bank.spent(study)
        self.run_tokens = 0
        self.run_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Time spent generating, in all runs."""
        return self._earlier_seconds + self.run_seconds

    @property
    def share_used(self) -> float:
        """The largest used share of any limit; 0 without a budget."""
        if self._budget is None:
            return 0.0
        return self._budget.share_used(
            prompt_tokens=self.spent.prompt_tokens,
            completion_tokens=self.spent.completion_tokens,
            seconds=self.seconds,
        )

    def buy(self, requests: Sequence[Request], *, until: float = 1.0) -> bool:
        """Buy what the bank lacks of the requests, in their order, until that share of the budget is used.

        Requests already under way when the limit is reached are finished: at most one batch of the engine's.

        Returns:
            Whether all were bought. Those that failed for good count as bought: no money brings their answer.

        Raises:
            EngineError: Most requests fail.
        """
        lacking = self._bank.missing(self.facts, requests)
        complete = not lacking

        def affordable() -> Iterator[Request]:
            nonlocal complete
            for request in lacking:
                if self.share_used >= until:
                    return
                yield request
            complete = True

        before, started = self.run_seconds, time.monotonic()
        for response in self._engine.generate(affordable()) if lacking else ():
            self._bank.put(self._study, self.facts, response)
            self.run_seconds = before + time.monotonic() - started
            self._book(response)
            self._on_landing()
        return complete

    def responses(self, requests: Sequence[Request]) -> list[Response]:
        """Return what the bank holds of each request."""
        return self._bank.get(self.facts, requests)

    def _book(self, response: Response) -> None:
        self._landed += 1
        if response.error:
            self._failed += 1
            self._last_error = response.error
            self.spent = replace(self.spent, n_failed=self.spent.n_failed + 1)
        else:
            self.spent = replace(
                self.spent,
                prompt_tokens=self.spent.prompt_tokens + response.prompt_tokens,
                completion_tokens=self.spent.completion_tokens + response.completion_tokens,
                n_requests=self.spent.n_requests + 1,
            )
            self.run_tokens += response.prompt_tokens + response.completion_tokens
        if self._landed >= MIN_LANDED and self._failed > MAX_FAILED_SHARE * self._landed:
            raise EngineError(
                f"{self._failed} of {self._landed} requests failed, so the study stops here; "
                f"the last one said: {self._last_error}"
            )
