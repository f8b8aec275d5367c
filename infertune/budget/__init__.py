"""What may be spent: limits in tokens, seconds and money, and prices."""

from infertune.budget.limits import Budget, parse_seconds, parse_tokens
from infertune.budget.prices import Prices

__all__ = ["Budget", "Prices", "parse_seconds", "parse_tokens"]
