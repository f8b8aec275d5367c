"""The first sample's answer: what a single request gives."""

from collections.abc import Sequence

from infertune.strategies import Expected
from infertune.strategies.estimators import SampleTable, first


class First:
    """Takes one sample and believes it."""

    name = "first"

    def samples_needed(self, n: int) -> int:
        """Return 1, whatever ``n``."""
        return 1

    def expected(self, table: SampleTable, n: int) -> Expected:
        """Return the mean score of each example's samples, and what one of them costs."""
        return Expected(first(table), table.cost(1))

    def choose(self, answers: Sequence[str | None], logprobs: Sequence[float]) -> str | None:
        """Return the first answer."""
        return answers[0]
