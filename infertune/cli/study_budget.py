"""What a study may spend, from the words of its options."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infertune.budget import Budget, Prices


def read(
    tokens: str | None,
    seconds: str | None,
    money: float | None,
    prices: "Prices | None",
    tolerance: float | None = None,
) -> "Budget":
    """Return the budget; raise InvalidInputError where a text is no amount, or where there is none."""
    from infertune.budget import Budget
    from infertune.errors import InvalidInputError

    if money is not None and prices is None:
        raise InvalidInputError(
            "a budget in money needs prices; give --prices FILE, or --price-prompt and --price-completion "
            "(per million tokens)"
        )
    return Budget.of(tokens=tokens, seconds=seconds, money=money, prices=prices, tolerance=tolerance)
