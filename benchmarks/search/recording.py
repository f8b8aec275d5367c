"""What is recorded of a task for the search benchmark: settings, examples to search on, and examples to judge on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from infertune import tasks
from infertune.evaluation.requests import requests_for
from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.tasks import Task
from infertune.types import Configuration, Example, Request

SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The plan of a recording; the order of its lists is fixed, so that more of each only adds.

    Attributes:
        tune: Examples of the `tune` split, for the search.
        confirm: Examples of the `confirm` split, on which what a search recommends is judged.
        configurations: Of the request tier.
        n_samples: Of each example; greedy decoding has one.
    """

    task: Task
    space: SearchSpace
    tune: tuple[Example, ...]
    confirm: tuple[Example, ...]
    configurations: tuple[Configuration, ...]
    n_samples: int

    @property
    def examples(self) -> tuple[Example, ...]:
        """Those of both splits."""
        return (*self.tune, *self.confirm)

    def requests(self) -> Iterator[Request]:
        """Yield the requests example by example, so that what a stopped recording has is fair to all settings."""
        for example in self.examples:
            for configuration in self.configurations:
                yield from self.requests_of(configuration, [example])

    def requests_of(self, configuration: Configuration, examples: list[Example]) -> list[Request]:
        """Return the requests of one configuration."""
        return requests_for(
            self.task,
            configuration,
            examples,
            n_samples=self.n_samples,
            max_tokens=self.task.max_tokens,
            seed=SEED,
        )


def recording(name: str, *, n_configurations: int, n_tune: int, n_confirm: int, n_samples: int) -> Recording:
    """Return the recording of a shipped task or of a task file; fewer examples where the task has fewer."""
    task = tasks.load(name)
    space = default_space(
        prompts=tuple(task.prompts), max_tokens=task.max_tokens_choices, extractors=tuple(task.extractors)
    )
    return Recording(
        task=task,
        space=space,
        tune=task.tune[:n_tune],
        confirm=task.confirm[:n_confirm],
        configurations=design(space.tier("request"), n_configurations),
        n_samples=n_samples,
    )


def design(space: SearchSpace, n_configurations: int) -> tuple[Configuration, ...]:
    """Return the default, greedy decoding of every prompt, then a Sobol sequence that takes the prompts in turns."""
    prompts = space["prompt.template"].values()
    chosen = dict.fromkeys([space.default_configuration()])
    for prompt in prompts:
        greedy = {"prompt.template": prompt, "decoding.temperature": 0.0}
        chosen.setdefault(space.assemble(lambda p, greedy=greedy: greedy.get(p.name, p.default)))
    sobol = qmc.Sobol(len(space.parameters), rng=np.random.default_rng(SEED))
    points = sobol.random_base2((4 * n_configurations).bit_length())
    for turn, point in enumerate(points.tolist()):
        chosen.setdefault(space.from_unit(point).with_values({"prompt.template": prompts[turn % len(prompts)]}))
    return tuple(chosen)[:n_configurations]
