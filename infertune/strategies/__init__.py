"""Strategies: the samples of one example to one answer, with exact expected scores over all draws."""

from collections.abc import Sequence
from typing import Protocol

from infertune.strategies.estimators import SampleTable
from infertune.types.arrays import FloatArray


class Strategy(Protocol):
    """How n samples become one answer, and what that answer is worth on average over stored samples.

    ``expected_scores`` is the mean of the score of ``choose`` over every ordered choice of n of the K stored samples;
    `infertune.testing.strategy_contract` holds every implementation to it.
    """

    @property
    def name(self) -> str:
        """The name in the search space and in the entry points."""

    def samples_needed(self, n: int) -> int:
        """Return how many samples are bought and looked at when the setting ``strategy.n`` is ``n``."""

    def expected_scores(self, table: SampleTable, n: int) -> FloatArray:
        """Return the expected score of each example, in [0, 1]; shape ``[n_examples]``.

        Raises:
            ValueError: The table holds fewer samples of an example than ``samples_needed(n)``.
        """

    def choose(self, answers: Sequence[str | None], logprobs: Sequence[float]) -> str | None:
        """Return the answer to one example's samples; of equals, the one seen first.

        Args:
            answers: The extracted answer of each sample; None where there was none.
            logprobs: Mean raw log probability per token of each sample.
        """
