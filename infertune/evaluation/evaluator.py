"""From an order to its evidence: what is asked for it, what that costs, and what it brought.

Evidence is made here and nowhere else, and nothing is made back into evidence.
"""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from infertune.evaluation.account import Account
from infertune.evaluation.replay import replayed_responses
from infertune.evaluation.requests import requests_for
from infertune.evaluation.scoring import CachedScorer
from infertune.space import SearchSpace
from infertune.space.names import MAX_TOKENS, N
from infertune.types import Configuration, Example, Request, Response
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Candidate, Evidence, Order, candidates


class Evaluator:
    """Serves orders of one split of a task, under one space and seed, from one account.

    Args:
        scorer: Of the task; it remembers every answer and score so far, so splits and engines may share it.
        examples: Of the split: an order names them by their numbers.
        space: The whole search space.
        account: Pays.
        seed: Of every generation. It is the same for all configurations, so that they share their noise.

    Attributes:
        max_tokens: What an order's None stands for: the largest of the space, which answers all.
    """

    def __init__(
        self,
        *,
        scorer: CachedScorer,
        examples: Sequence[Example],
        space: SearchSpace,
        account: Account,
        seed: int,
    ) -> None:
        self.scorer = scorer
        self.examples = examples
        self.account = account
        self._space = space
        self._seed = seed
        self._request_names = {parameter.name for parameter in space.parameters if parameter.tier == "request"}
        default = space.default_configuration()
        self.max_tokens = max(int(choice[MAX_TOKENS]) for choice in space.replay_choices(default))

    def order(
        self, configuration: Configuration, examples: Sequence[int] | None = None, *, n_samples: int | None = None
    ) -> Order:
        """Return the order that evaluates one complete configuration.

        Args:
            configuration: All its values.
            examples: By default all.
            n_samples: Of each example, from which its n are drawn in all ways; by default n.
        """
        return Order(
            configuration=self.request_part(configuration),
            examples=tuple(range(len(self.examples)) if examples is None else examples),
            n_samples=n_samples or int(configuration[N]),
            max_tokens=int(configuration[MAX_TOKENS]),
        )

    def requests(self, order: Order) -> list[Request]:
        """Return what an order asks, example by example."""
        return requests_for(
            self.scorer.task,
            order.configuration,
            [self.examples[number] for number in order.examples],
            n_samples=order.n_samples,
            max_tokens=order.max_tokens or self.max_tokens,
            seed=self._seed,
        )

    def responses(self, order: Order) -> list[Response]:
        """Return what the bank holds of each of an order's requests."""
        return self.account.responses(self.requests(order))

    def buy(self, orders: Sequence[Order], *, until: float = 1.0) -> bool:
        """Buy what the bank lacks, in turns one example of every order, so that an early end is fair to all.

        Returns:
            Whether all was bought before that share of the budget was used; what failed for good counts as bought.
        """
        queues = [self.requests(order) for order in orders]
        together = [
            (request, order.configuration)
            for turn in zip_longest(*queues)
            for request, order in zip(turn, orders, strict=True)
            if request is not None
        ]
        return self.account.buy(
            [request for request, _ in together],
            until=until,
            configurations=[configuration for _, configuration in together],
        )

    def evidence(self, order: Order) -> Evidence | None:
        """Return what an order brought on those of its examples whose samples are all there; None where none are.

        What was refused for good scores 0, but where all was.
        """
        requests = self.requests(order)
        landed = list(zip(order.examples, requests, self.account.responses(requests), strict=True))
        answered = [(number, response) for number, request, response in landed if _n(response) == len(request.samples)]
        refused = [number for number, _, response in landed if response.refused]
        found = replayed_responses(
            self._space,
            self.scorer,
            order.configuration,
            [self.examples[number] for number, _ in answered],
            [response for _, response in answered],
            self.account.samples_per_prompt,
        )
        if found is None:
            return None
        shared = self.account.samples_per_prompt != 1
        prompt_tokens = np.array([shared * response.prompt_tokens for _, response in answered], dtype=np.float64)
        return Evidence(
            order=Order(
                configuration=order.configuration,
                examples=(*(number for number, _ in answered), *refused),
                n_samples=order.n_samples,
                max_tokens=order.max_tokens,
            ),
            choices=found.choices,
            scores=_extended(found.scores, len(refused), 0.0),
            tokens=_extended(found.tokens, len(refused), found.tokens.mean(axis=1)),
            prompt_tokens=_extended(prompt_tokens, len(refused), prompt_tokens.mean()),
            refused=tuple(sorted(refused)),
        )

    def candidates(self, evidence: Evidence | None) -> list[Candidate]:
        """Return what an order brought as complete configurations; none where it brought nothing."""
        if evidence is None:
            return []
        ids = [self.examples[number].id for number in evidence.order.examples]
        refused = frozenset(self.examples[number].id for number in evidence.refused)
        return candidates(
            evidence.order.configuration, evidence.choices, evidence.scores, evidence.tokens, ids, refused
        )

    def pooled(self, pieces: Sequence[Evidence]) -> list[Candidate]:
        """Return the replay choices of one configuration, each on all its examples; of two pieces the later counts."""
        had: dict[Configuration, dict[int, tuple[float, float]]] = {}
        for piece in pieces:
            for choice, scores, tokens in zip(piece.choices, piece.scores, piece.tokens, strict=True):
                figures = zip(scores.tolist(), tokens.tolist(), strict=True)
                had.setdefault(choice, {}).update(zip(piece.order.examples, figures, strict=True))
        return [
            Candidate(
                configuration=pieces[0].order.configuration.with_values(choice),
                example_ids=tuple(self.examples[number].id for number in figures),
                scores=np.array([score for score, _ in figures.values()]),
                tokens=np.array([tokens for _, tokens in figures.values()]),
            )
            for choice, figures in had.items()
        ]

    def cause(self, order: Order) -> str:
        """Return why a request of the order failed, the first of them; empty when none did."""
        return next((response.error for response in self.responses(order) if response.error), "")

    def request_part(self, configuration: Configuration) -> Configuration:
        """Return the request-tier values of a configuration."""
        return Configuration({name: value for name, value in configuration.items() if name in self._request_names})


def _n(response: Response) -> int:
    return len(response.generations)


def _extended(values: FloatArray, n_more: int, by: float | FloatArray) -> FloatArray:
    """Return the values with so many more columns, each of a value, or of one for each row."""
    more = np.broadcast_to(np.expand_dims(by, -1), (*values.shape[:-1], n_more))
    return np.concatenate([values, more], axis=-1)
