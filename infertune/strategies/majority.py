"""The most frequent answer of n samples: self-consistency (Wang et al. 2022, arXiv:2203.11171)."""

from collections import Counter
from collections.abc import Sequence

from infertune.strategies import Expected
from infertune.strategies.estimators import SampleTable, majority


class Majority:
    """Lets the samples vote; those without an answer abstain."""

    name = "majority"

    def samples_needed(self, n: int) -> int:
        """Return ``n``."""
        return n

    def expected(self, table: SampleTable, n: int) -> Expected:
        """Return the exact expected score of a vote among ``n`` of the stored samples, and what these cost."""
        return Expected(majority(table, n), table.cost(n))

    def choose(self, answers: Sequence[str | None], logprobs: Sequence[float]) -> str | None:
        """Return the answer with the most votes; None when nobody votes."""
        votes = Counter(answer for answer in answers if answer is not None)
        return max(votes, key=votes.__getitem__, default=None)  # a Counter keeps the order of first sight
