"""A synthetic model that answers a synthetic task: samples as real ones behave, from numbers alone, in a millisecond.

Each seed draws another model and task. An example e is as difficult as b and tells settings apart as sharply as a, the
two parameters of item response theory (Birnbaum 1968). The right answer competes with five wrong ones; it has

    a (ability - b) + what this prompt does to this example

and the wrong ones 0, -c, -2c ..., where the concentration c says how much wrong answers agree: a vote helps where they
do not. Every sample adds Gaussian noise to the six and gives the answer that is then highest (a probit model). Of that
noise the share exp(-heat / diversity) is common to all samples of an example: greedy ones are equal, hot ones differ.

Settings act through two numbers. ``heat`` is temperature less what the truncations take from it: each prompt has its
own best heat. ``tail`` is what they leave of the unlikely tokens: beyond the seed's limit, samples derail, which makes
them long and gives no answer. Prompts differ in ability, in their own length and in that of their answers, and the
able ones tend to be long.

All noise belongs to (example, sample), so settings share their luck, as with the engines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.strategies.estimators import SampleTable
from infertune.testing.synthetic import MOST_SAMPLES, POPULATION, Truth, WholeSamples, luck_of, size_and_key
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray

PROMPTS = ("plain", "chat", "few", "thoughts", "strict")
MAX_TOKENS = (16, 32, 64, 128, 256)
N_ANSWERS = 6  # the right one and five wrong ones


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Draw:
    """The examples of one split with all noise there will ever be for them."""

    difficulty: FloatArray  # [n_examples]
    discrimination: FloatArray
    extra_prompt: FloatArray
    by_prompt: FloatArray  # [n_prompts, n_examples], likes and dislikes
    length: FloatArray  # [n_examples]
    shared: FloatArray  # [n_examples, 1, N_ANSWERS]
    own: FloatArray  # [n_examples, MOST_SAMPLES, N_ANSWERS]
    derail: FloatArray  # [n_examples, MOST_SAMPLES], uniform
    sample_length: FloatArray
    logprob: FloatArray


class SyntheticModel:
    """One draw of the family.

    Args:
        seed: Of the draw; the examples and their noise belong to it too.
        common_luck: Whether sample i of an example draws the same noise under every configuration, as infertune's
            engines do; otherwise each configuration has luck of its own.

    Attributes:
        space: The whole search space: the default one for five prompts.
    """

    scale = 1.0

    def __init__(self, seed: int, *, common_luck: bool = True) -> None:
        self._common_luck = common_luck
        rng = np.random.default_rng((seed, 0))
        n = len(PROMPTS)
        self.seed = seed
        self.space: SearchSpace = default_space(prompts=PROMPTS, max_tokens=MAX_TOKENS)
        self._log_length = rng.uniform(np.log(6), np.log(110), n)
        self._ability = rng.normal(1.0, 0.5, n) + 0.5 * (self._log_length - np.log(25))
        self._prompt_tokens = np.exp(rng.uniform(np.log(15), np.log(150), n))
        self._best_heat = rng.uniform(0.0, 0.9, n)
        self._heat_cost = rng.uniform(0.5, 3.0, n)
        self._best_penalty = rng.uniform(1.0, 1.1, n)
        self._penalty_cost = rng.uniform(1.0, 6.0)
        self._concentration = rng.uniform(0.05, 0.5)
        self._diversity = rng.uniform(0.1, 0.6)
        self._heat_of = dict(
            zip(("top_p", "min_p", 10, 50), rng.uniform((0.3, 0.5, 0.6, 0.85), (1.0, 2.0, 0.9, 1.0)), strict=True)
        )
        self._tail_limit = rng.uniform(0.5, 1.2)
        self._logprob_signal = rng.uniform(0.0, 0.6)

    def samples(
        self,
        configuration: Mapping[str, Scalar],
        examples: NDArray[np.intp],
        *,
        n_samples: int,
        split: str = "tune",
    ) -> WholeSamples:
        """Return the first samples of some examples, as `Synthetic` has it."""
        draw = self._tune if split == "tune" else self._population
        prompt = PROMPTS.index(str(configuration["prompt.template"]))
        heat, tail = self._heat_and_tail(configuration)
        penalty = float(configuration["decoding.repetition_penalty"]) - self._best_penalty[prompt]
        ability = (
            self._ability[prompt]
            - self._heat_cost[prompt] * (heat - self._best_heat[prompt]) ** 2
            - self._penalty_cost * abs(penalty)
        )
        right = (
            draw.discrimination[examples] * (ability - draw.difficulty[examples]) + draw.by_prompt[prompt, examples]
        )
        logits = np.empty((len(examples), 1, N_ANSWERS))
        logits[:, 0, 0] = right
        logits[:, 0, 1:] = -self._concentration * np.arange(N_ANSWERS - 1)
        common = np.exp(-heat / self._diversity)
        luck = luck_of(examples, configuration, common=self._common_luck, n_examples=len(draw.length))
        own = draw.own[luck, :n_samples]
        answers = (logits + np.sqrt(common) * draw.shared[examples] + np.sqrt(1 - common) * own).argmax(axis=2)
        derailed = draw.derail[luck, :n_samples] < 1 / (1 + np.exp(-6 * (tail - self._tail_limit - 0.5)))
        spread = min(heat, 1.0)
        log_length = (
            self._log_length[prompt]
            + draw.length[examples, None]
            + 0.3 * spread * draw.sample_length[luck, :n_samples]
            + 1.0 * derailed
            - 2.0 * max(penalty, 0.0)
        )
        tokens = np.clip(np.exp(log_length).astype(np.int32), 1, MAX_TOKENS[-1])
        is_right = answers == 0
        return WholeSamples(
            prompt_tokens=np.round(self._prompt_tokens[prompt] + draw.extra_prompt[examples]),
            answers=np.where(derailed, -1, answers).astype(np.int32),
            scores=(is_right & ~derailed).astype(np.float64),
            tokens=tokens,
            answer_tokens=np.ceil(0.8 * tokens).astype(np.int32),
            logprobs=-0.3 - heat + 0.3 * spread * (self._logprob_signal * is_right + draw.logprob[luck, :n_samples]),
        )

    def truth(self, configuration: Configuration, *, n_examples: int = POPULATION) -> Truth:
        """Return true utility and mean tokens per request of every replay choice of a configuration.

        They are means over a fixed population of 4096 examples, with 16 samples of each in groups of n: the standard
        error of a utility is 0.007, and that of a difference of two similar settings 0.003, for they share their luck.
        """
        whole = self.samples(configuration, np.arange(n_examples), n_samples=MOST_SAMPLES, split="population")
        tables = {max_tokens: whole.table(max_tokens) for max_tokens in MAX_TOKENS}
        choices = tuple(self.space.replay_choices(configuration))
        figures = np.array([_figures(tables[int(each["decoding.max_tokens"])], each) for each in choices])
        return Truth(choices=choices, utility=figures[:, 0], cost_tokens=whole.prompt_tokens.mean() + figures[:, 1])

    def _heat_and_tail(self, configuration: Mapping[str, Scalar]) -> tuple[float, float]:
        temperature = float(configuration["decoding.temperature"])
        if temperature == 0:
            return 0.0, 0.0
        top_p, min_p = float(configuration["decoding.top_p"]), float(configuration["decoding.min_p"])
        top_k = int(configuration["decoding.top_k"])
        kept = (1 - self._heat_of["top_p"] * (1 - top_p)) * (1 - self._heat_of["min_p"] * min_p)
        heat = temperature * kept * self._heat_of.get(top_k, 1.0)
        tail = temperature * top_p**2 * np.exp(-4 * min_p) * {10: 0.7, 50: 0.9}.get(top_k, 1.0)
        return heat, float(tail)

    @cached_property
    def _tune(self) -> _Draw:
        return self._drawn("tune")

    @cached_property
    def _population(self) -> _Draw:
        return self._drawn("population")

    def _drawn(self, split: str) -> _Draw:
        n, key = size_and_key(split)
        rng = np.random.default_rng((self.seed, key))
        return _Draw(
            difficulty=rng.normal(0.0, 1.5, n),
            discrimination=np.exp(rng.normal(0.3, 0.4, n)),
            extra_prompt=rng.gamma(2.0, 8.0, n),
            by_prompt=rng.normal(0.0, 0.7, (len(PROMPTS), n)),
            length=rng.normal(0.0, 0.35, n),
            shared=rng.standard_normal((n, 1, N_ANSWERS)),
            own=rng.standard_normal((n, MOST_SAMPLES, N_ANSWERS)),
            derail=rng.random((n, MOST_SAMPLES)),
            sample_length=rng.standard_normal((n, MOST_SAMPLES)),
            logprob=rng.standard_normal((n, MOST_SAMPLES)),
        )


def _figures(table: SampleTable, choice: Mapping[str, Scalar]) -> tuple[float, float]:
    """Return mean score and mean generated tokens of groups of n samples."""
    n = int(choice["strategy.n"])
    n_groups = table.n_samples // n
    shape = (-1, n_groups, n)
    answers = table.answers[:, : n_groups * n].reshape(shape)
    if choice["strategy.name"] == "majority":
        votes = np.stack([(answers == answer).sum(axis=2) for answer in range(N_ANSWERS)])
        most = votes.max(axis=0)
        scores = (votes[0] == most) * (most > 0) / (votes == most).sum(axis=0)
    elif choice["strategy.name"] == "best_of_n":
        likeliest = table.logprobs[:, : n_groups * n].reshape(shape).argmax(axis=2)
        scores = np.take_along_axis(answers, likeliest[..., None], axis=2) == 0
    else:
        scores = answers == 0
    return float(scores.mean()), n * float(table.tokens.mean())
