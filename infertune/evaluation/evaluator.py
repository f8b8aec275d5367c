"""Buys the samples of whole configurations and evaluates them, for a study and for `infertune evaluate`."""

from collections.abc import Sequence

from infertune.evaluation.account import Account
from infertune.evaluation.candidates import candidates
from infertune.evaluation.requests import requests_for
from infertune.evaluation.scoring import CachedScorer
from infertune.space import SearchSpace
from infertune.tasks import Task
from infertune.types import Configuration, Example, Request
from infertune.types.evidence import Candidate, with_refused


class Evaluator:
    """One task under one space and seed, paid from one account.

    Args:
        seed: Of every generation. It is the same for all configurations, so that they share their noise.

    Attributes:
        judge: Remembers every answer and score so far.
    """

    def __init__(self, *, task: Task, space: SearchSpace, account: Account, seed: int) -> None:
        self._task = task
        self._space = space
        self._account = account
        self._seed = seed
        self.judge = CachedScorer(task)
        self._request_names = {parameter.name for parameter in space.parameters if parameter.tier == "request"}

    def requests(
        self,
        configurations: Sequence[Configuration],
        examples: Sequence[Example],
        *,
        n_samples: int | None = None,
        max_tokens: int | None = None,
    ) -> list[Request]:
        """Return what these need, example by example, so that an early end is fair to all configurations.

        Args:
            configurations: Request-tier values; complete ones where the two below are left to them.
            examples: All configurations get the same.
            n_samples: For each example; by default the configuration's own ``strategy.n``.
            max_tokens: By default the configuration's own.
        """
        queues = [
            requests_for(
                self._task,
                configuration,
                examples,
                n_samples=n_samples or int(configuration["strategy.n"]),
                max_tokens=max_tokens or int(configuration["decoding.max_tokens"]),
                seed=self._seed,
            )
            for configuration in configurations
        ]
        return [request for together in zip(*queues, strict=True) for request in together]

    def evaluate(
        self, configuration: Configuration, examples: Sequence[Example], *, n_samples: int, max_tokens: int
    ) -> list[Candidate]:
        """Evaluate every replay choice on those of the examples whose samples are all there; some may have failed.

        What was refused for good scores 0, but where all was.
        """
        request_part = self.request_part(configuration)
        requests = self.requests([request_part], examples, n_samples=n_samples, max_tokens=max_tokens)
        landed = self._account.responses(requests)
        answered = [
            (example, response)
            for example, request, response in zip(examples, requests, landed, strict=True)
            if len(response.generations) == len(request.samples)
        ]
        refused = [example.id for example, response in zip(examples, landed, strict=True) if response.refused]
        found = candidates(
            self._space,
            self.judge,
            request_part,
            [example for example, _ in answered],
            [response for _, response in answered],
            self._account.samples_per_prompt,
        )
        return [with_refused(each, refused) for each in found] if refused else found

    def failure(
        self, configuration: Configuration, examples: Sequence[Example], *, n_samples: int, max_tokens: int
    ) -> str:
        """Return why a request of this configuration failed, the first of them; empty when none did."""
        requests = self.requests([configuration], examples, n_samples=n_samples, max_tokens=max_tokens)
        return next((response.error for response in self._account.responses(requests) if response.error), "")

    def evaluate_complete(
        self, configuration: Configuration, examples: Sequence[Example], *, n_samples: int | None = None
    ) -> Candidate | None:
        """Evaluate one complete configuration, its replay values included; None when every example failed.

        Args:
            configuration: All its values.
            examples: Those whose samples are not all there are left out.
            n_samples: Of each example, from which its n are drawn in all ways; by default n.
        """
        found = self.evaluate(
            configuration,
            examples,
            n_samples=n_samples or int(configuration["strategy.n"]),
            max_tokens=int(configuration["decoding.max_tokens"]),
        )
        return next((candidate for candidate in found if candidate.configuration == configuration), None)

    def request_part(self, configuration: Configuration) -> Configuration:
        """Return the request-tier values of a configuration."""
        return Configuration({name: value for name, value in configuration.items() if name in self._request_names})
