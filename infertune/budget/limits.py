"""What a study may spend, in the user's own units: tokens, seconds or money."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from infertune.budget.prices import Prices
from infertune.errors import InvalidInputError

Amount = TypeVar("Amount")

_MULTIPLIERS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}
_MOST = 1e15
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits on one study's spending; at least one is set, and the first to be reached ends the study.

    Attributes:
        tokens: Prompt and completion tokens together.
        seconds: Time spent generating, summed over all runs of the study.
        money: In the currency of ``prices``, which must then be known: an unknown price is never zero.
        tolerance: The search ends early, once nothing is believed to be more than this much better than what it would
            recommend, in units of the scores; what it has not spent stays unspent.
    """

    tokens: int | None = None
    seconds: float | None = None
    money: float | None = None
    prices: Prices | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        limits = {"tokens": self.tokens, "seconds": self.seconds, "money": self.money}
        if all(limit is None for limit in limits.values()):
            raise InvalidInputError(
                "a study needs a budget; give `budget_tokens`, `budget_seconds` or `budget_money`, "
                "for example `budget_tokens` 200k"
            )
        for unit, limit in limits.items():
            if limit is not None and not 0 < limit < math.inf:
                raise InvalidInputError(f"`budget_{unit}` must be above 0 and have an end, but is {limit}")
        if self.tolerance is not None and not 0 < self.tolerance < math.inf:
            raise InvalidInputError(f"`tolerance` must be above 0, such as 0.05, but is {self.tolerance}")
        if self.money is not None and self.prices is None:
            raise InvalidInputError("a budget in money needs `prices`, which are per million tokens")
        if self.money is not None and self.prices is not None and self.prices.cost(1, 1) == 0:
            raise InvalidInputError("a budget in money needs a price above 0, for where all is free it has no end")

    @classmethod
    def of(
        cls,
        *,
        tokens: int | str | None = None,
        seconds: float | str | None = None,
        money: float | None = None,
        prices: Prices | None = None,
        tolerance: float | None = None,
    ) -> "Budget":
        """Return the budget of amounts that may be texts, such as ``200k`` tokens or ``10m`` seconds.

        Raises:
            InvalidInputError: A text is no amount, or there is none.
        """
        return cls(
            tokens=_named("budget_tokens", parse_tokens, tokens) if isinstance(tokens, str) else tokens,
            seconds=_named("budget_seconds", parse_seconds, seconds) if isinstance(seconds, str) else seconds,
            money=money,
            prices=prices,
            tolerance=tolerance,
        )

    @property
    def limits(self) -> list[float | None]:
        """What decisions that look at the budget depend on, as JSON values."""
        usual = [self.tokens, self.seconds, self.money]
        return usual if self.tolerance is None else [*usual, self.tolerance]

    def part(self, share: float) -> "Budget":
        """Return a budget with so much of each limit; ``share`` in (0, 1]."""
        return replace(
            self,
            tokens=None if self.tokens is None else max(1, int(share * self.tokens)),
            seconds=None if self.seconds is None else share * self.seconds,
            money=None if self.money is None else share * self.money,
        )

    def times(self, factor: float) -> str:
        """Return so many times every limit, in words: ``400,000 tokens``, or ``20 seconds and 0.5 USD``."""
        currency = self.prices.currency if self.prices is not None else ""
        limits = ((self.tokens, "tokens"), (self.seconds, "seconds"), (self.money, currency or "in money"))
        return " and ".join(f"{factor * limit:,.6g} {unit}" for limit, unit in limits if limit is not None)

    def share_used(self, *, prompt_tokens: float, completion_tokens: float, seconds: float) -> float:
        """Return the largest used share of any limit: 0 at the start, 1 when a limit is reached."""
        shares = []
        if self.tokens is not None:
            shares.append((prompt_tokens + completion_tokens) / self.tokens)
        if self.seconds is not None:
            shares.append(seconds / self.seconds)
        if self.money is not None and self.prices is not None:
            shares.append(self.prices.cost(prompt_tokens, completion_tokens) / self.money)
        return max(shares)


def parse_tokens(text: str) -> int:
    """Read ``200k``, ``1.5M`` or ``40000`` as a number of tokens."""
    return int(_parse(text, _MULTIPLIERS, "a number of tokens such as 40000, 200k or 1.5M"))


def parse_seconds(text: str) -> float:
    """Read ``90``, ``90s``, ``10m`` or ``1.5h`` as seconds."""
    return _parse(text, _SECONDS, "a duration such as 90s, 10m or 1.5h")


def _named(argument: str, parse: Callable[[str], Amount], text: str) -> Amount:
    try:
        return parse(text)
    except InvalidInputError as error:
        raise InvalidInputError(f"`{argument}` {error.text}") from None


def _parse(text: str, multipliers: dict[str, float], wanted: str) -> float:
    match = re.fullmatch(r"\s*([0-9][0-9_,]*\.?[0-9]*|\.[0-9]+)\s*([a-z]?)\s*", text.lower())
    if match is None or match.group(2) not in multipliers:
        raise InvalidInputError(f"must be {wanted}, but is '{text[:60]}'")
    found = float(match.group(1).replace("_", "").replace(",", "")) * multipliers[match.group(2)]
    if found > _MOST:
        raise InvalidInputError(f"must be {wanted}, and at most {_MOST:.0e}, but is '{text[:60]}'")
    return found
