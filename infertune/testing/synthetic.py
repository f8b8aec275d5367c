"""What all families of synthetic models keep: the samples they give, what these are truly worth, and the protocol."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from infertune.space import SearchSpace
from infertune.strategies.estimators import SampleTable
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray, IntArray

MOST_SAMPLES = 16
TUNE = 512
POPULATION = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeSamples:
    """The samples of one configuration, made under the task's largest ``max_tokens``; all ``[n_examples, n_samples]``.

    Attributes:
        prompt_tokens: Of each example's request; shape ``[n_examples]``.
        answers: Number of the answer among its example's; -1 where there is none.
        scores: Of the answers, from 0 to the model's ``scale``; equal answers of one example have equal scores.
        tokens: Whole length.
        answer_tokens: Length at which the answer has been given, at most ``tokens``.
        logprobs: Mean log probability per token.
        credit: What a cut leaves of an answer: at a share s of ``answer_tokens``, ``score * s**credit``; None where it
            leaves no answer.
    """

    prompt_tokens: FloatArray
    answers: IntArray
    scores: FloatArray
    tokens: IntArray
    answer_tokens: IntArray
    logprobs: FloatArray
    credit: float | None = None

    def table(self, max_tokens: int) -> SampleTable:
        """Return what the strategies see when every sample is cut at ``max_tokens``.

        Raises:
            ValueError: A score is above 1, which no table holds.
        """
        if self.credit is None:
            whole = self.answer_tokens <= max_tokens
            answers, scores = np.where(whole, self.answers, -1), np.where(whole, self.scores, 0.0)
        else:
            answers = self.answers
            scores = self.scores * np.minimum(max_tokens / self.answer_tokens, 1.0) ** self.credit
        return SampleTable(
            answers=answers.astype(np.int32),
            scores=scores,
            tokens=np.minimum(self.tokens, max_tokens),
            logprobs=self.logprobs,
            prompt_tokens=self.prompt_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What every replay choice of one configuration is worth on the population, in the order of ``choices``."""

    choices: tuple[Configuration, ...]
    utility: FloatArray
    cost_tokens: FloatArray


class Synthetic(Protocol):
    """One draw of a family of synthetic models, with its task: 512 examples to tune on and a population of 4096.

    A family is made with a seed, which decides all of it, and with ``common_luck``: whether sample i of an example
    draws the same noise under every configuration, as infertune's engines do.

    Attributes:
        seed: Of the draw.
        space: The whole search space.
        scale: What the best answer there could be scores.
    """

    seed: int
    space: SearchSpace
    scale: float

    def samples(
        self,
        configuration: Mapping[str, Scalar],
        examples: NDArray[np.intp],
        *,
        n_samples: int,
        split: str = "tune",
    ) -> WholeSamples:
        """Return the first samples of some examples under the request tier of a configuration.

        Args:
            configuration: What it says of the replay tier is ignored.
            examples: Numbers from 0, below 512 in ``tune`` and 4096 in ``population``.
            n_samples: At most 16; greedy ones are all equal.
            split: The ``population`` stands for all examples there could be.
        """

    def truth(self, configuration: Configuration, *, n_examples: int = POPULATION) -> Truth:
        """Return true utility and mean tokens per request of every replay choice, over the population's first."""


def size_and_key(split: str) -> tuple[int, int]:
    """Return how many examples a split has, and what tells its random numbers from others of the seed."""
    return {"tune": (TUNE, 1), "population": (POPULATION, 2)}[split]


def luck_of(
    examples: NDArray[np.intp], configuration: Mapping[str, Scalar], *, common: bool, n_examples: int
) -> NDArray[np.intp]:
    """Return whose noise each example draws: its own under every configuration, or without common luck another's."""
    return examples if common else (examples + _digest(configuration)) % n_examples


def _digest(configuration: Mapping[str, Scalar]) -> int:
    return zlib.crc32(repr(sorted(configuration.items())).encode())
