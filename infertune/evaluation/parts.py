"""One complete configuration on examples in a row, of which the first may have more samples than the others.

Further samples take luck out of a score: a vote among n is then expected over all ways to draw n of what is stored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from infertune.evaluation.evaluator import Evaluator
from infertune.space.default_space import sampled
from infertune.space.names import N
from infertune.types import Configuration
from infertune.types.evidence import Candidate, Order, concatenated


@dataclass(frozen=True, slots=True)
class Part:
    """Examples in a row, each with n samples of a configuration and ``n_more`` beside them."""

    n_examples: int
    n_more: int = 0


def orders(evaluator: Evaluator, configuration: Configuration, parts: Sequence[Part]) -> list[Order]:
    """Return an order for each part; greedy samples are all alike, and further ones of no use."""
    n, more = int(configuration[N]), sampled(configuration)
    return [
        evaluator.order(configuration, examples, n_samples=n + part.n_more * more)
        for part, examples in _cut(parts)
        if examples
    ]


def evaluated(evaluator: Evaluator, configuration: Configuration, parts: Sequence[Part]) -> Candidate | None:
    """Return the evidence on all examples that were answered; one whose further samples failed has the first n."""
    found: list[Candidate] = []
    for order in orders(evaluator, configuration, parts):
        left = order.examples
        for n_samples in dict.fromkeys((order.n_samples, int(configuration[N]))):
            piece = evaluator.evidence(evaluator.order(configuration, left, n_samples=n_samples)) if left else None
            if piece is not None:
                found += [each for each in evaluator.candidates(piece) if each.configuration == configuration]
                left = tuple(number for number in left if number not in piece.order.examples)
    return concatenated(found) if found else None


def _cut(parts: Sequence[Part]) -> Iterator[tuple[Part, range]]:
    start = 0
    for part in parts:
        yield part, range(start, start + part.n_examples)
        start += part.n_examples
