"""How long an engine takes for a request: a burst of requests at its own concurrency, timed as a whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infertune.errors import EngineError
from infertune.types import Engine, Request, Response

MAX_FAILED_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One burst.

    Attributes:
        seconds: Of the machine, for each request: the whole burst's time divided by its requests.
        tokens_per_second: Completion tokens of all requests.
        n_requests: That were answered.
    """

    seconds: float
    tokens_per_second: float
    n_requests: int


def measure(
    engine: Engine,
    warm_up: Sequence[Request],
    requests: Sequence[Request],
    *,
    landed: Callable[[Response], None],
    clock: Callable[[], float],
) -> Speed:
    """Answer some requests to warm up, then those that are timed; the engine pulls them as it has room.

    Args:
        engine: Running.
        warm_up: Not timed.
        requests: At least one.
        landed: Is told of every response.
        clock: Seconds.

    Raises:
        EngineError: Most of them fail.
    """
    for response in engine.generate(warm_up):
        landed(response)
    began = clock()
    responses = []
    for response in engine.generate(requests):
        responses.append(response)
    seconds = clock() - began
    for response in responses:  # the books are kept afterwards: writing them is no part of the speed
        landed(response)
    failed = [response for response in responses if response.error]
    if len(failed) > MAX_FAILED_SHARE * len(responses) or len(failed) == len(responses):
        raise EngineError(f"{len(failed)} of {len(requests)} requests failed; the first said: {failed[0].error}")
    answered = len(responses) - len(failed)
    return Speed(
        seconds=seconds / answered,
        tokens_per_second=sum(response.completion_tokens for response in responses) / max(seconds, 1e-9),
        n_requests=answered,
    )
