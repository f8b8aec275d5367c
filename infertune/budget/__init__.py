"""What may be spent: tokens, seconds and money, and what a request costs."""

from infertune.budget.limits import Budget, parse_seconds, parse_tokens
from infertune.budget.prices import Prices

__all__ = ["Budget", "Prices", "parse_seconds", "parse_tokens"]
