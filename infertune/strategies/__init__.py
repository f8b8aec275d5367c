"""Strategies: the samples of one example to one answer, with exact expected scores over all draws."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from infertune.strategies.estimators import SampleTable
from infertune.types.arrays import FloatArray

__all__ = ["Expected", "Strategy"]


class Expected(NamedTuple):
    """What a strategy is expected to bring and to cost, example by example; both ``[n_examples]``.

    Attributes:
        scores: In [0, 1].
        tokens: Prompt and completion tokens of one request in use.
    """

    scores: FloatArray
    tokens: FloatArray


class Strategy(Protocol):
    """How n samples become one answer, and what that answer is worth and costs on average over stored samples.

    The expected score is the mean of the score of ``choose`` over every ordered choice of n of the K stored samples;
    `infertune.testing.strategy_contract` holds every implementation to it. What is paid is the strategy's to say.
    """

    @property
    def name(self) -> str:
        """The name in the search space and in the entry points."""

    def samples_needed(self, n: int) -> int:
        """Return how many samples are bought and looked at when the setting ``strategy.n`` is ``n``."""

    def expected(self, table: SampleTable, n: int) -> Expected:
        """Return what each example is expected to score and to cost.

        Raises:
            ValueError: The table holds fewer samples of an example than ``samples_needed(n)``.
        """

    def choose(self, answers: Sequence[str | None], logprobs: Sequence[float]) -> str | None:
        """Return the answer to one example's samples; of equals, the one seen first.

        Args:
            answers: The extracted answer of each sample; None where there was none.
            logprobs: Mean raw log probability per token of each sample.
        """
