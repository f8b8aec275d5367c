"""Allocators decide what is bought next: which configuration, on which examples. They see evidence, never engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infertune.estimators import FloatArray
from infertune.space import Configuration, SearchSpace

__all__ = ["Allocator", "Evidence", "Offer", "Order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A wish to evaluate a configuration of the request tier on some examples.

    What the bank has of it is not paid for again: an order for eight samples where there are three buys five.

    Attributes:
        configuration: Values of the request tier.
        examples: Numbers below ``Offer.n_examples``.
        n_samples: The first so many of each example.
        max_tokens: Where they end; None is the largest ``decoding.max_tokens`` of the space, which answers all.
    """

    configuration: Configuration
    examples: tuple[int, ...]
    n_samples: int
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What an order brought: every replay choice, example by example.

    Attributes:
        order: As it was given.
        choices: Values of the replay tier.
        scores: Expected utility in [0, 1]; shape ``[n_choices, n_examples]``.
        tokens: Expected prompt and completion tokens of one request in use; same shape.
        prompt_tokens: Of each example's request, where all its samples share them; shape ``[n_examples]``.
        refused: The examples among them that will never be answered, and score 0.
    """

    order: Order
    choices: tuple[Configuration, ...]
    scores: FloatArray
    tokens: FloatArray
    prompt_tokens: FloatArray
    refused: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The circumstances under which an allocator decides.

    Attributes:
        space: The whole search space.
        configurations: Those of the request tier that can be had; empty when all of the space can.
        n_examples: How many there are.
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
    n_choices: tuple[int, ...]
    cap_tokens: float | None
    budget_tokens: float
    spent_tokens: float
    seed: int
    failed: tuple[Order, ...] = ()


class Allocator(Protocol):
    """Decides what to buy and what to recommend; pure functions of their arguments, in any process."""

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
