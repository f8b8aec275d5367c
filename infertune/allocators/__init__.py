"""Allocators decide what is bought next: which configuration, on which examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infertune.space import SearchSpace
from infertune.types import Configuration
from infertune.types.evidence import Evidence, Order

__all__ = ["Allocator", "Evidence", "Offer", "Order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The circumstances under which an allocator decides.

    Attributes:
        space: The whole search space.
        configurations: Those of the request tier that can be had; empty when all of the space can.
        n_examples: How many there are.
        n_per_trial: How many of them a trial has where each is evaluated once and for all, as samplers do.
        n_choices: Values of ``strategy.n``, rising.
        cap_tokens: Most tokens per request of what is recommended; None is no limit.
        budget_tokens: Of the whole search.
        spent_tokens: Of it, so far.
        seed: Of the study.
        failed: What was ordered and brought no answer: whole orders, or those of their examples. Asking for it again
            brings none either, and ends the search.
    """

    space: SearchSpace
    configurations: tuple[Configuration, ...] = ()
    n_examples: int
    n_per_trial: int = 24
    n_choices: tuple[int, ...]
    cap_tokens: float | None
    budget_tokens: float
    spent_tokens: float
    seed: int
    failed: tuple[Order, ...] = ()


class Allocator(Protocol):
    """Decides what to buy and what to recommend; pure functions of their arguments, in any process.

    One that can end a search says by an attribute ``ends_because``, in a sentence for the user, what that means. One
    that knows how far what it recommends may fall short of the best has a method ``shortfall(offer, evidence)`` that
    returns it, in units of the scores, infinite where nothing can be said.
    """

    def order(self, offer: Offer, evidence: Sequence[Evidence], pending: Sequence[Order]) -> Order | None:
        """Return what to buy next, or None to wait for what is pending, or when nothing is worth its price.

        Args:
            offer: The circumstances.
            evidence: All that was bought, in the order in which it came.
            pending: Orders under way.
        """

    def ranking(self, offer: Offer, evidence: Sequence[Evidence]) -> list[Configuration]:
        """Return one complete configuration for every one of the request tier in the evidence, best first."""

    def recommend(self, offer: Offer, evidence: Sequence[Evidence]) -> Configuration:
        """Return the complete configuration to use: the first of the ranking, without evidence the default."""
