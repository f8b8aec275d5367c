"""What a study may spend, from the words of its options."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from infertune.budget import Budget, Prices

Value = TypeVar("Value")


def read(tokens: str | None, seconds: str | None, money: float | None, prices: "Prices | None") -> "Budget":
    """Return the budget; raise InvalidInputError where a text is no amount, or where there is none."""
    from infertune.budget import Budget, parse_seconds, parse_tokens

    return Budget(
        tokens=None if tokens is None else _option("--budget-tokens", parse_tokens, tokens),
        seconds=None if seconds is None else _option("--budget-seconds", parse_seconds, seconds),
        money=money,
        prices=prices,
    )


def _option(name: str, parse: Callable[[str], Value], text: str) -> Value:
    from infertune.errors import InvalidInputError

    try:
        return parse(text)
    except InvalidInputError as error:
        raise InvalidInputError(f"{name} {error}") from None
