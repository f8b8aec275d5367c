"""A workload from a task: its prompts under the decoding configuration that was chosen for it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from infertune.evaluation.requests import requests_for
from infertune.load.workload import LoadRequest
from infertune.space.names import MAX_TOKENS, N
from infertune.tasks.task import Task
from infertune.types import Configuration, Decoding, Request

_OF_THE_REQUEST = ("max_tokens", "extra")
_NEUTRAL = Decoding()


@dataclass(frozen=True, kw_only=True)
class TaskWorkload:
    """The examples of a task that the search sees, each as one configuration asks it.

    A seed gives their order; asked for more than there are, they come again. A configuration with several samples asks
    an example as many times in a row, one sample each, for so the server's work is the same and every answer has times
    of its own. An answer ends where the model ends it. No seed is sent.

    Attributes:
        task: The task.
        configuration: A complete one of its search space.
    """

    task: Task
    configuration: Configuration

    @property
    def name(self) -> str:
        """As the command line has it, with the configuration's identity."""
        return f"task:{self.task.name}@{self.configuration.digest}"

    @property
    def notes(self) -> tuple[str, ...]:
        """How the task's data were read, where that was a guess."""
        return self.task.notes

    @property
    def n_different(self) -> int | None:
        """Examples times samples."""
        return len(self._asked(range(len(self.task.tune))))

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        """Return the first ``n`` of a seed's order."""
        order = np.random.default_rng(seed).permutation(len(self.task.tune))
        asked = self._asked([int(index) for index in order])
        return [asked[index % len(asked)] for index in range(n)]

    def _asked(self, order: Sequence[int]) -> list[LoadRequest]:
        found = requests_for(
            self.task,
            self.configuration,
            [self.task.tune[index] for index in order],
            n_samples=int(self.configuration.get(N, 1)),
            max_tokens=int(self.configuration[MAX_TOKENS]),
            seed=0,
        )
        return [_load_request(request) for request in found for _ in request.samples]


def _load_request(request: Request) -> LoadRequest:
    decoding = request.decoding
    settings = {
        field.name: getattr(decoding, field.name) for field in fields(Decoding) if field.name not in _OF_THE_REQUEST
    }
    # What changes nothing is not sent, for not every server knows its name; the temperature always is.
    sent = {name: value for name, value in settings.items() if value != getattr(_NEUTRAL, name)}
    sent |= {"temperature": decoding.temperature, **dict(decoding.extra)}
    if "stop" in sent:
        sent["stop"] = list(decoding.stop)
    return LoadRequest(prompt=request.prompt, max_tokens=decoding.max_tokens, settings=tuple(sorted(sent.items())))
