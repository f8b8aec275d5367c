"""The first sample's answer: what a single request gives."""

from collections.abc import Sequence

from infertune.strategies.estimators import SampleTable, first
from infertune.types.arrays import FloatArray


class First:
    """Takes one sample and believes it."""

    name = "first"

    def samples_needed(self, n: int) -> int:
        """Return 1, whatever ``n``."""
        return 1

    def expected_scores(self, table: SampleTable, n: int) -> FloatArray:
        """Return the mean score of each example's samples."""
        return first(table)

    def choose(self, answers: Sequence[str | None], logprobs: Sequence[float]) -> str | None:
        """Return the first answer."""
        return answers[0]
