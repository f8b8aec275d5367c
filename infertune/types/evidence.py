"""A wish to evaluate a configuration, and what it brought: what the study, its policies and the selection exchange."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from infertune.types.arrays import FloatArray
from infertune.types.configuration import Configuration


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A complete configuration with its evidence, example by example.

    Attributes:
        scores: Expected utility of each example, in [0, 1]; shape [n_examples].
        tokens: Expected prompt and completion tokens of one request in use, for each example; same shape.
        refused: Examples that will never be answered under it: they score 0, as no answer does in use, and their
            tokens are the mean of the others.
        utility: Mean utility over the examples.
        cost_tokens: Mean tokens per request in use: what deploying this configuration costs, not what finding it did.
    """

    configuration: Configuration
    example_ids: tuple[str, ...]
    scores: FloatArray
    tokens: FloatArray
    refused: frozenset[str] = frozenset()
    utility: float = field(init=False)
    cost_tokens: float = field(init=False)

    def __post_init__(self) -> None:
        # Not properties, for a search of a thousand trials sorts by them millions of times.
        object.__setattr__(self, "utility", float(self.scores.mean()))
        object.__setattr__(self, "cost_tokens", float(self.tokens.mean()))

    @property
    def answered_share(self) -> float:
        """Share of the examples that were not refused, in [0, 1]."""
        return 1 - len(self.refused) / len(self.example_ids)


def candidates(
    configuration: Configuration,
    choices: Sequence[Configuration],
    scores: FloatArray,
    tokens: FloatArray,
    example_ids: Sequence[str],
    refused: frozenset[str] = frozenset(),
) -> list[Candidate]:
    """Return one Candidate for each replay choice of a configuration: a row of scores, and one of tokens.

    Args:
        configuration: Values of the request tier.
        choices: Values of the replay tier.
        scores: As in `Evidence`; ``tokens`` likewise.
        example_ids: Of the columns.
        refused: Those of them that will never be answered.
    """
    ids = tuple(example_ids)
    return [
        Candidate(
            configuration=configuration.with_values(choice),
            example_ids=ids,
            scores=its_scores,
            tokens=its_tokens,
            refused=refused,
        )
        for choice, its_scores, its_tokens in zip(choices, scores, tokens, strict=True)
    ]


def concatenated(parts: Sequence[Candidate]) -> Candidate:
    """Return one configuration's evidence on several sets of examples as one."""
    return replace(
        parts[0],
        example_ids=tuple(each for part in parts for each in part.example_ids),
        scores=np.concatenate([part.scores for part in parts]),
        tokens=np.concatenate([part.tokens for part in parts]),
        refused=frozenset().union(*(part.refused for part in parts)),
    )
