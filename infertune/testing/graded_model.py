"""A synthetic model whose answers are texts with a quality, as summaries are: graded scores, of any scale.

Each seed draws another model and task. The quality of an answer is a product: of what the example admits, of how well
the prompt does in general and on it, and of how well the settings suit the model, to a power that is the example's
own sensitivity. The response to the settings is a ridge: min_p bears more temperature, so that along a line of both
little changes and across it much; how much repetition penalty is best depends on the heat too. Responses have heavy
tails (1 / (1 + u^2)), not those of a parabola.

A sample's own quality falls short of the mean one by a factor exp(-spread x) with exponential x. Its log probability
knows a little of x, so that the likeliest of n is mostly somewhat better than a single one, and for some seeds worse.
Every answer is a text of its own, so a vote among them is worth a single one. Lengths are log-normal, with tails that
differ by example and heat. A cut text is worth a part of the whole one.

Scores lie from 0 to ``scale``, which a seed draws from 0.02 to 1: some metrics move by hundredths.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from infertune.space import Parameter, SearchSpace
from infertune.space.default_space import default_space
from infertune.testing.synthetic import MOST_SAMPLES, POPULATION, Truth, WholeSamples, luck_of, size_and_key
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray

PROMPTS = ("plain", "brief", "bullets", "lead", "outline", "reader", "editor", "headline")
MAX_TOKENS = (64, 128, 256, 512, 1024)
N = (1, 3, 5, 9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Draw:
    """The examples of one split with all noise there will ever be for them."""

    admits: FloatArray  # [n_examples], the quality of the best answer
    likes: FloatArray  # [n_prompts, n_examples], a factor
    sensitivity: FloatArray  # [n_examples]
    source: FloatArray  # tokens
    length: FloatArray  # of the logarithm
    tail: FloatArray  # how much lengths vary
    shortfall: FloatArray  # [n_examples, MOST_SAMPLES], exponential
    logprob: FloatArray
    sample_length: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Made:
    """All samples of some examples."""

    scores: FloatArray  # [n_examples, MOST_SAMPLES]
    tokens: FloatArray


class GradedModel:
    """One draw of the family, as `infertune.testing.synthetic.Synthetic` has it.

    Args:
        seed: Of the draw.
        common_luck: As in `Synthetic`.
        scale: Of the scores; None draws one. Nothing else depends on it, and the answers of scales above 1 fit in no
            `SampleTable`.
    """

    def __init__(self, seed: int, *, common_luck: bool = True, scale: float | None = None) -> None:
        self._common_luck = common_luck
        rng = np.random.default_rng((seed, 20))
        n = len(PROMPTS)
        self.seed = seed
        space = default_space(prompts=PROMPTS, max_tokens=MAX_TOKENS, n=N)
        self.space: SearchSpace = space.replaced(
            [_heat(space["temperature"], 2.0, 0.1), _heat(space["min_p"], 0.5, 0.05)]
        )
        drawn = float(np.exp(rng.uniform(np.log(0.02), 0.0)))
        self.scale = drawn if scale is None else scale
        self._log_length = rng.normal(np.log(250), 0.5, n)
        enough = rng.uniform(np.log(60), np.log(200))  # shorter ones leave something out
        self._skill = rng.uniform(0.65, 1.0, n) / (1 + np.exp(-2.5 * (self._log_length - enough)))
        self._prompt_tokens = np.exp(rng.uniform(np.log(20), np.log(120), n))
        self._best_heat = rng.uniform(0.1, 0.9, n)
        self._bearing = rng.uniform(1.5, 4.0)  # temperature that min_p of 1 would bear
        self._across = rng.uniform(0.35, 0.8)
        self._along = rng.uniform(1.0, 3.0), rng.uniform(0.0, 1.5)  # width, and the best temperature
        self._top_p = rng.uniform(0.2, 0.8)  # how much of the heat it takes, at 0
        self._penalty = rng.uniform(1.0, 1.1), rng.uniform(0.0, 0.1), rng.uniform(0.06, 0.2)
        self._top_k = dict(zip((0, 10, 50), rng.uniform(0.85, 1.0, 3), strict=True))
        self._spread = rng.uniform(0.1, 0.5)
        self._variety = rng.uniform(0.2, 0.8)
        self._knows = rng.uniform(-0.2, 0.6)  # correlation of log probability and quality, roughly
        self._credit = rng.uniform(0.4, 1.5)

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
        luck = luck_of(examples, configuration, common=self._common_luck, n_examples=len(draw.admits))
        made = self._made(configuration, draw, examples, luck)
        shape = len(examples), n_samples
        greedy = float(configuration["decoding.temperature"]) == 0
        tokens = made.tokens[:, :n_samples].astype(np.int32)
        return WholeSamples(
            prompt_tokens=self._prompts(configuration, draw)[examples],
            answers=np.broadcast_to(0 if greedy else np.arange(n_samples), shape).astype(np.int32),
            scores=made.scores[:, :n_samples],
            tokens=tokens,
            answer_tokens=tokens,
            logprobs=-1.0 + self._variety_at(configuration) * draw.logprob[luck, :n_samples],
            credit=self._credit,
        )

    def truth(self, configuration: Configuration, *, n_examples: int = POPULATION) -> Truth:
        """Return what `Synthetic` has, with 16 samples of each example: their means, and those of the likeliest.

        The standard error of the gain of the likeliest is below 0.002 of the scale, and settings share it.
        """
        draw, examples = self._population, np.arange(n_examples)
        made = self._made(configuration, draw, examples, examples)
        prompt_tokens = self._prompts(configuration, draw)[:n_examples].mean()
        choices = tuple(self.space.replay_choices(configuration))
        cut = {m: made.scores * np.minimum(m / made.tokens, 1.0) ** self._credit for m in MAX_TOKENS}
        lengths = {m: float(np.minimum(made.tokens, m).mean()) for m in MAX_TOKENS}
        utility, cost = [], []
        for each in choices:
            n, max_tokens = int(each["strategy.n"]), int(each["decoding.max_tokens"])
            scores = cut[max_tokens]
            if each["strategy.name"] == "best_of_n":
                scores = np.take_along_axis(scores, self._likeliest[n][:n_examples], axis=1)
            utility.append(float(scores.mean()))
            cost.append(float(prompt_tokens) + n * lengths[max_tokens])
        return Truth(choices=choices, utility=np.array(utility), cost_tokens=np.array(cost))

    def _made(
        self,
        configuration: Mapping[str, Scalar],
        draw: _Draw,
        examples: NDArray[np.intp],
        luck: NDArray[np.intp],
    ) -> _Made:
        prompt = PROMPTS.index(str(configuration["prompt.template"]))
        variety = self._variety_at(configuration)
        mean = draw.admits[examples] * self._skill[prompt] * draw.likes[prompt, examples]
        mean *= self._response(configuration, prompt) ** draw.sensitivity[examples]
        deviation = (variety * draw.tail[examples])[:, None] * draw.sample_length[luck]
        log_length = (self._log_length[prompt] + draw.length[examples])[:, None] + deviation
        return _Made(
            scores=self.scale * mean[:, None] * np.exp(-self._spread * variety * draw.shortfall[luck]),
            tokens=np.clip(np.floor(np.exp(log_length)), 1, MAX_TOKENS[-1]),
        )

    def _response(self, configuration: Mapping[str, Scalar], prompt: int) -> float:
        """Return how well the settings suit the model, from 0 to 1."""
        temperature, heat = float(configuration["decoding.temperature"]), self._heat_at(configuration)
        along_width, along_best = self._along
        best_penalty, cold, width = self._penalty
        wanted = best_penalty + cold * np.exp(-3 * heat)  # cold samples repeat themselves
        off = (
            (heat - self._best_heat[prompt]) / self._across,
            (temperature - along_best) / along_width,
            (float(configuration["decoding.repetition_penalty"]) - wanted) / width,
        )
        found = float(np.prod([1 / (1 + each**2) for each in off]))
        return found * (self._top_k[int(configuration["decoding.top_k"])] if temperature > 0 else 1.0)

    def _heat_at(self, configuration: Mapping[str, Scalar]) -> float:
        """Return what min_p and top_p leave of the temperature."""
        temperature = float(configuration["decoding.temperature"])
        if temperature == 0:
            return 0.0
        left = temperature - self._bearing * float(configuration["decoding.min_p"])
        left *= 1 - self._top_p * (1 - float(configuration["decoding.top_p"]))
        return float(np.logaddexp(0.0, 8 * left) / 8)  # all but max(left, 0)

    def _variety_at(self, configuration: Mapping[str, Scalar]) -> float:
        """Return how much samples of an example differ: 0 where all are equal, and at most 1."""
        return float(1 - np.exp(-self._heat_at(configuration) / self._variety))

    def _prompts(self, configuration: Mapping[str, Scalar], draw: _Draw) -> FloatArray:
        prompt = PROMPTS.index(str(configuration["prompt.template"]))
        return np.asarray(np.round(self._prompt_tokens[prompt] + draw.source))

    @cached_property
    def _likeliest(self) -> dict[int, NDArray[np.intp]]:
        """Return by n the likeliest of each group of samples of the population, under any configuration."""
        found = {}
        for n in N[1:]:
            n_groups = MOST_SAMPLES // n
            groups = self._population.logprob[:, : n * n_groups].reshape(POPULATION, n_groups, n)
            found[n] = groups.argmax(axis=2) + n * np.arange(n_groups)
        return found

    @cached_property
    def _tune(self) -> _Draw:
        return self._drawn("tune")

    @cached_property
    def _population(self) -> _Draw:
        return self._drawn("population")

    def _drawn(self, split: str) -> _Draw:
        n, key = size_and_key(split)
        rng = np.random.default_rng((self.seed, 20 + key))
        shortfall = rng.exponential(size=(n, MOST_SAMPLES))
        logprob = np.sqrt(1 - self._knows**2) * rng.standard_normal((n, MOST_SAMPLES))
        return _Draw(
            admits=rng.beta(4.0, 2.0, n),
            likes=np.exp(-rng.exponential(0.15, (len(PROMPTS), n))),
            sensitivity=rng.gamma(2.0, 0.5, n),
            source=np.exp(rng.normal(np.log(220), 0.7, n)),
            length=rng.normal(0.0, 0.35, n),
            tail=np.exp(rng.normal(np.log(0.45), 0.5, n)),
            shortfall=shortfall,
            logprob=logprob - self._knows * (shortfall - 1),
            sample_length=rng.standard_normal((n, MOST_SAMPLES)),
        )


def _heat(parameter: Parameter, high: float, step: float) -> Parameter:
    """Return a float parameter from 0 up to another end."""
    return Parameter(
        name=parameter.name,
        tier="request",
        kind="float",
        low=0.0,
        high=high,
        step=step,
        default=parameter.default,
        when=parameter.when,
        limits=parameter.limits,
    )
