"""The answer of the sample that the model itself finds likeliest, by mean log probability per token."""

from collections.abc import Sequence

from infertune.strategies import Expected
from infertune.strategies.estimators import SampleTable, best_of_n


class BestOfN:
    """Takes the sample with the highest mean raw log probability per token, with an answer or without."""

    name = "best_of_n"

    def samples_needed(self, n: int) -> int:
        """Return ``n``."""
        return n

    def expected(self, table: SampleTable, n: int) -> Expected:
        """Return the exact expected score of the likeliest of ``n`` of the stored samples, and what these cost."""
        return Expected(best_of_n(table, n), table.cost(n))

    def choose(self, answers: Sequence[str | None], logprobs: Sequence[float]) -> str | None:
        """Return the answer of the likeliest sample."""
        return answers[max(range(len(answers)), key=logprobs.__getitem__)]
