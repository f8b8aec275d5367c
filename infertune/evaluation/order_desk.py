"""Fills orders: buys what the bank lacks of them, and reads off what they brought."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from infertune.evaluation.account import Account
from infertune.evaluation.evaluator import Evaluator
from infertune.space import SearchSpace
from infertune.types import Configuration, Example, Request
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Candidate, Evidence, Order


class OrderDesk:
    """Serves a study's orders, whose examples are numbers of ``tune``.

    Args:
        tune: The examples.
        space: The whole search space.
        evaluator: Knows the requests of a configuration, and what answers are worth.
        account: Pays.
        max_tokens: Of an order that names none.
    """

    def __init__(
        self,
        *,
        tune: Sequence[Example],
        space: SearchSpace,
        evaluator: Evaluator,
        account: Account,
        max_tokens: int,
    ) -> None:
        self.max_tokens = max_tokens
        self._tune = tune
        self._evaluator = evaluator
        self._account = account
        self._numbers = {example.id: number for number, example in enumerate(tune)}
        self._replay = {parameter.name for parameter in space.parameters if parameter.tier == "replay"}

    def buy(self, orders: Sequence[Order], *, until: float = 1.0) -> bool:
        """Buy what the bank lacks, in turns one example of every order, so that an early end is fair to all.

        Returns:
            Whether all was bought before that share of the budget was used; what failed for good counts as bought.
        """
        queues = [self._requests(order) for order in orders]
        together = [
            (request, order.configuration)
            for turn in zip_longest(*queues)
            for request, order in zip(turn, orders, strict=True)
            if request is not None
        ]
        return self._account.buy(
            [request for request, _ in together],
            until=until,
            configurations=[configuration for _, configuration in together],
        )

    def candidates(self, order: Order) -> list[Candidate]:
        """Return every replay choice on those of the order's examples that were answered; none, where none was."""
        return self._evaluator.evaluate(
            order.configuration,
            [self._tune[number] for number in order.examples],
            n_samples=order.n_samples,
            max_tokens=order.max_tokens or self.max_tokens,
        )

    def evidence(self, order: Order, found: Sequence[Candidate]) -> Evidence | None:
        """Return what ``candidates`` found as evidence, of the answered examples alone; None where there is none."""
        if not found:
            return None
        answered = replace(order, examples=tuple(self._numbers[example_id] for example_id in found[0].example_ids))
        responses = self._account.responses(self._requests(answered))
        return Evidence(
            order=answered,
            choices=tuple(
                Configuration({name: value for name, value in each.configuration.items() if name in self._replay})
                for each in found
            ),
            scores=np.stack([each.scores for each in found]),
            tokens=np.stack([each.tokens for each in found]),
            prompt_tokens=self._shared(np.array([each.prompt_tokens for each in responses], dtype=np.float64)),
            refused=tuple(sorted(self._numbers[example_id] for example_id in found[0].refused)),
        )

    def _shared(self, prompt_tokens: FloatArray) -> FloatArray:
        """Return the tokens that all samples of a request share: none, where each pays for a prompt of its own."""
        return np.zeros_like(prompt_tokens) if self._account.samples_per_prompt == 1 else _filled(prompt_tokens)

    def brought(self, evidence: Evidence) -> list[Candidate]:
        """Return the candidates that evidence was made of."""
        example_ids = tuple(self._tune[number].id for number in evidence.order.examples)
        return [
            Candidate(
                configuration=evidence.order.configuration.with_values(choice),
                example_ids=example_ids,
                scores=scores,
                tokens=tokens,
                refused=frozenset(self._tune[number].id for number in evidence.refused),
            )
            for choice, scores, tokens in zip(evidence.choices, evidence.scores, evidence.tokens, strict=True)
        ]

    def pooled(self, pieces: Sequence[Evidence]) -> list[Candidate]:
        """Return the replay choices of one configuration, each on all its examples; of two pieces the later counts."""
        had: dict[Configuration, dict[int, tuple[float, float]]] = {}
        for piece in pieces:
            for choice, scores, tokens in zip(piece.choices, piece.scores, piece.tokens, strict=True):
                had.setdefault(choice, {}).update(
                    zip(piece.order.examples, zip(scores.tolist(), tokens.tolist(), strict=True), strict=True)
                )
        return [
            Candidate(
                configuration=pieces[0].order.configuration.with_values(choice),
                example_ids=tuple(self._tune[number].id for number in figures),
                scores=np.array([score for score, _ in figures.values()]),
                tokens=np.array([tokens for _, tokens in figures.values()]),
            )
            for choice, figures in had.items()
        ]

    def cause(self, order: Order) -> str:
        """Return why a request of the order failed, the first of them; empty when none did."""
        return self._evaluator.failure(
            order.configuration,
            [self._tune[number] for number in order.examples],
            n_samples=order.n_samples,
            max_tokens=order.max_tokens or self.max_tokens,
        )

    def _requests(self, order: Order) -> list[Request]:
        return self._evaluator.requests(
            [order.configuration],
            [self._tune[number] for number in order.examples],
            n_samples=order.n_samples,
            max_tokens=order.max_tokens or self.max_tokens,
        )


def _filled(prompt_tokens: FloatArray) -> FloatArray:
    """Return the prompt tokens of requests with the mean of the others where one was refused, and counted none."""
    counted = prompt_tokens > 0
    return np.where(counted, prompt_tokens, prompt_tokens[counted].mean() if counted.any() else 0.0)
