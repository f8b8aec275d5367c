"""The orders of a search as its log keeps them: placed before anything is bought for them, until they have landed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infertune.bank.usage import Usage
from infertune.budget import Budget
from infertune.study.logged_trial import LoggedTrial, order_as_json, order_from_json
from infertune.study.trial_log import TrialLog
from infertune.types.evidence import Order

_KEY = "orders"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order under way.

    Attributes:
        number: Of the order, from 0.
        knew: How many orders had landed when it was placed.
        paid_before: What the study had paid for its requests by then.
    """

    number: int
    order: Order
    knew: int
    paid_before: Usage


class OrderJournal:
    """Reads where a search stands, and notes each of its decisions.

    Args:
        log: The study's.
        trials: Its trials so far: the orders that have landed.
        budget: A search that has ended goes on under another.
        batch_size: Of the engine at the first run.

    Attributes:
        batch_size: As at the first run.
        n_placed: Orders so far.
        under_way: Those of them that have not landed, by number.
        limit: The share of the budget at which the search ends, with how many orders had landed when it was reckoned.
        ended: Why the search has ended; None while it goes on.
        unspent: The share of the budget that is not to be spent, for it ended early.
    """

    def __init__(self, log: TrialLog, trials: Sequence[LoggedTrial], budget: Budget, batch_size: int | None) -> None:
        self._log = log
        self._limits = budget.limits
        noted = log.noted(_KEY) or {"batch_size": batch_size, "n_placed": len(trials), "limit": None}
        self.batch_size: int | None = noted["batch_size"]
        self.n_placed: int = noted["n_placed"]
        self.ended: str | None = None
        self.unspent = 0.0
        self.limit: tuple[int, float] | None = None
        if noted.get("budget") == self._limits:
            self.ended = noted["ended"]
            self.unspent = noted.get("unspent", 0.0)
            self.limit = None if noted["limit"] is None else (noted["limit"][0], noted["limit"][1])
        landed = {trial.number if trial.placed is None else trial.placed for trial in trials}
        known = [_read(each) for each in noted.get("under_way", [])]
        self.under_way = {each.number: each for each in known if each.number not in landed}

    def place(self, order: Order, *, knew: int, paid_before: Usage) -> int:
        """Note an order that is about to be bought, and return its number."""
        number = self.n_placed
        self.under_way[number] = Placed(number=number, order=order, knew=knew, paid_before=paid_before)
        self.n_placed += 1
        self._note()
        return number

    def set_limit(self, n_landed: int, share: float) -> float:
        """Note where the search ends, and return it."""
        self.limit = n_landed, share
        self._note()
        return share

    def end(self, why: str, unspent: float = 0.0) -> None:
        """Note that the search has ended, and what share of the budget it leaves unspent."""
        self.ended, self.unspent = why, unspent
        self._note()

    def _note(self) -> None:
        value = {
            "budget": self._limits,
            "batch_size": self.batch_size,
            "n_placed": self.n_placed,
            "limit": self.limit,
            "under_way": [_as_json(each) for each in self.under_way.values()],
            "ended": self.ended,
            "unspent": self.unspent,
        }
        self._log.note(_KEY, value)


def _as_json(placed: Placed) -> dict[str, Any]:
    paid = placed.paid_before
    return {
        "number": placed.number,
        "order": order_as_json(placed.order),
        "knew": placed.knew,
        "paid_before": [paid.all_prompt_tokens, paid.all_completion_tokens],
    }


def _read(value: Mapping[str, Any]) -> Placed:
    prompt_tokens, completion_tokens = value["paid_before"]
    return Placed(
        number=value["number"],
        order=order_from_json(value["order"]),
        knew=value["knew"],
        paid_before=Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens),
    )
