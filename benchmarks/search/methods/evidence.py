"""What a method has seen of each configuration, purchase by purchase."""

from dataclasses import replace

import numpy as np

from benchmarks.search.optimum import worth
from benchmarks.search.problem import Bought
from infertune.types import Configuration
from infertune.types.evidence import Candidate


class Seen:
    """Every replay choice of every configuration, with the examples in the order in which they came."""

    def __init__(self) -> None:
        self.candidates: dict[Configuration, list[Candidate]] = {}

    def add(self, bought: Bought) -> None:
        """Append the outcome of one more purchase of a configuration, on further examples."""
        new = bought.candidates()
        known = self.candidates.get(bought.purchase.configuration)
        self.candidates[bought.purchase.configuration] = (
            new if known is None else [_joined(a, b) for a, b in zip(known, new, strict=True)]
        )

    def n_examples(self, configuration: Configuration) -> int:
        """How many examples of it were seen."""
        known = self.candidates.get(configuration)
        return len(known[0].example_ids) if known else 0

    def best(self, configuration: Configuration, cap: float | None, scale: float) -> tuple[float, Candidate]:
        """Return the worth and the replay choice that looks best."""
        return max(
            ((worth(each.utility, each.cost_tokens, cap, scale), each) for each in self.candidates[configuration]),
            key=lambda pair: (pair[0], -pair[1].cost_tokens),
        )


def _joined(one: Candidate, other: Candidate) -> Candidate:
    assert one.configuration == other.configuration
    return replace(
        one,
        example_ids=one.example_ids + other.example_ids,
        scores=np.concatenate([one.scores, other.scores]),
        tokens=np.concatenate([one.tokens, other.tokens]),
    )
