"""A synthetic model that decodes: two small softmax distributions, on which the settings act as they do on tokens.

Each seed draws another model and task. A sample takes one of six lines of thought, and then one of ten answers or 22
tail tokens, from logits that its example has under each prompt. Temperature divides the logits, and top_k, top_p and
min_p take tokens away as in an engine, at both steps. So whatever leaves only the likeliest token is exactly greedy
decoding, top_k above 32 does nothing, and a vote tends to the answer that is likeliest over all lines of thought,
while greedy decoding follows one of them, which is why self-consistency works (Wang et al. 2023, arXiv:2203.11171).

The right answer's logit is the prompt's ability less the example's difficulty; wrong ones fall off as in Zipf's law
with noise of heavy tails. In some examples one of them is the confident favourite along every line of thought: there a
vote does harm. What truncation leaves of the tail makes samples derail: over the tokens of an answer a mass m derails
with chance 1 - (1 - m)^tokens, which makes the sample long and gives no answer. Lengths differ by prompt and grow with
variety, the chance that two samples differ.

Noise belongs to (example, sample) and is Gumbel's, of which the highest logit plus noise is a draw from the softmax:
so settings share their luck. The truth is computed from the chances and draws nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from infertune.decoding.decoded import decoded
from infertune.space import Parameter, SearchSpace
from infertune.space.default_space import default_space
from infertune.testing.lengths import chance_below, mean_cut
from infertune.testing.synthetic import MOST_SAMPLES, POPULATION, Truth, WholeSamples, luck_of, size_and_key
from infertune.testing.voted_truth import voted_truth
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray

PROMPTS = ("plain", "chat", "few", "thoughts", "strict", "verify")
MAX_TOKENS = (16, 32, 64, 128, 256)
N_LINES = 6
N_ANSWERS = 10  # the right one and nine wrong ones
N_TAIL = 22
_DERAILED = 1.0  # is added to the log of the length
_SPREAD = 0.35  # of the log of the length at full variety
_NO_ANSWER = -6.0  # log probability that a derailed sample is taken to have


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Draw:
    """The examples of one split with all noise there will ever be for them."""

    logits: FloatArray  # [n_examples, N_LINES, N_ANSWERS], without the prompt
    by_prompt: FloatArray  # [n_prompts, n_examples, N_ANSWERS]
    lines: FloatArray  # [n_examples, N_LINES]
    tail: FloatArray  # [n_examples, N_TAIL], below the likeliest answer
    prompt_tokens: FloatArray  # [n_examples]
    length: FloatArray
    line_noise: FloatArray  # [n_examples, MOST_SAMPLES, N_LINES]
    answer_noise: FloatArray  # [n_examples, MOST_SAMPLES, N_ANSWERS]
    derail: FloatArray  # [n_examples, MOST_SAMPLES], uniform
    sample_length: FloatArray
    logprob: FloatArray  # Gumbel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Chances:
    """What each example may come to under a configuration; a first axis of examples throughout."""

    lines: FloatArray  # [n_examples, N_LINES]
    answers: FloatArray  # [n_examples, N_LINES, N_ANSWERS], of a sample that does not derail
    derailing: FloatArray  # [n_examples, N_LINES]
    whole: FloatArray  # [n_examples, N_ANSWERS + 1], of one sample; the last is no answer
    logprobs: FloatArray  # same shape, as the model itself sees them at temperature 1
    variety: FloatArray  # [n_examples]: 0 where all samples are equal
    log_length: FloatArray  # [n_examples], of a sample that does not derail, in the middle


class SoftmaxModel:
    """One draw of the family, as `infertune.testing.synthetic.Synthetic` has it."""

    scale = 1.0

    def __init__(self, seed: int, *, common_luck: bool = True) -> None:
        self._common_luck = common_luck
        rng = np.random.default_rng((seed, 10))
        n = len(PROMPTS)
        self.seed = seed
        space = default_space(prompts=PROMPTS, max_tokens=MAX_TOKENS)
        self.space: SearchSpace = SearchSpace(
            tuple(_wider(p) for p in space.parameters if p.name != "decoding.repetition_penalty"), space.constraints
        )
        self._log_length = rng.uniform(np.log(8), np.log(110), n)
        self._ability = rng.normal(0.0, 0.7, n) + 0.3 * (self._log_length - np.log(30))
        self._sharpness = np.exp(rng.uniform(np.log(0.6), np.log(1.8), n))
        self._prompt_tokens = np.exp(rng.uniform(np.log(15), np.log(200), n))
        self._level, self._difficulty = rng.uniform(1.5, 3.5), rng.uniform(0.8, 2.0)
        self._rambling = rng.uniform(1.0, 2.5)  # how much lines of thought differ in their answers
        self._line_gap = rng.uniform(0.1, 1.0)
        self._zipf = rng.uniform(0.3, 1.0)
        self._favourites = rng.uniform(0.03, 0.3)
        self._tail_gap = rng.uniform(4.5, 8.0)
        self._tail_zipf = rng.uniform(0.4, 1.0)
        self._tail_tokens = rng.uniform(3.0, 15.0)
        self._growth = rng.uniform(0.2, 0.8)
        self._logprob_noise = rng.uniform(0.5, 3.0)

    def samples(
        self,
        configuration: Mapping[str, Scalar],
        examples: NDArray[np.intp],
        *,
        n_samples: int,
        split: str = "tune",
    ) -> WholeSamples:
        """Return the first samples of some examples, as `Synthetic` has it."""
        draw = self._draw(split)
        prompt = PROMPTS.index(str(configuration["prompt.template"]))
        of = self._chances(configuration, split, examples)
        luck = luck_of(examples, configuration, common=self._common_luck, n_examples=len(draw.length))
        with np.errstate(divide="ignore"):  # what was taken away has the logarithm of 0
            line = (np.log(of.lines)[:, None] + draw.line_noise[luck, :n_samples]).argmax(axis=2)
            chances = np.take_along_axis(of.answers, line[:, :, None], axis=1)
            answers = (np.log(chances) + draw.answer_noise[luck, :n_samples]).argmax(axis=2)
        derailed = draw.derail[luck, :n_samples] < np.take_along_axis(of.derailing, line, axis=1)
        spread = (_SPREAD * of.variety)[:, None]
        log_length = of.log_length[:, None] + spread * draw.sample_length[luck, :n_samples] + _DERAILED * derailed
        tokens = np.clip(np.exp(log_length).astype(np.int32), 1, MAX_TOKENS[-1])
        answers = np.where(derailed, -1, answers).astype(np.int32)
        noise = (self._logprob_noise * of.variety)[:, None] * draw.logprob[luck, :n_samples]
        return WholeSamples(
            prompt_tokens=np.round(self._prompt_tokens[prompt] + draw.prompt_tokens[examples]),
            answers=answers,
            scores=(answers == 0).astype(np.float64),
            tokens=tokens,
            answer_tokens=np.ceil(0.8 * tokens).astype(np.int32),
            logprobs=np.take_along_axis(of.logprobs, answers, axis=1) + noise,  # -1 is the last, no answer
        )

    def truth(self, configuration: Configuration, *, n_examples: int = POPULATION) -> Truth:
        """Return what `Synthetic` has: exact for these examples but for half a token of rounding in the lengths."""
        prompt = PROMPTS.index(str(configuration["prompt.template"]))
        of = self._chances(configuration, "population", np.arange(n_examples))
        spread, derailing = _SPREAD * of.variety, of.whole[:, -1]
        in_time = {m: chance_below(of.log_length, spread, np.floor(m / 0.8) + 1) for m in MAX_TOKENS[:-1]}
        in_time[MAX_TOKENS[-1]] = np.ones(n_examples)  # what is as long as that ends there
        lengths = {}
        for m in MAX_TOKENS:
            usual, long = (mean_cut(of.log_length + more, spread, m) for more in (0.0, _DERAILED))
            lengths[m] = float(((1 - derailing) * usual + derailing * long).mean())
        return voted_truth(
            tuple(self.space.replay_choices(configuration)),
            chances=of.whole.T,
            logprobs=of.logprobs.T,
            noise=self._logprob_noise * of.variety,
            in_time=in_time,
            prompt_tokens=float(
                np.round(self._prompt_tokens[prompt] + self._population.prompt_tokens[:n_examples]).mean()
            ),
            lengths=lengths,
        )

    def _chances(self, configuration: Mapping[str, Scalar], split: str, examples: NDArray[np.intp]) -> _Chances:
        draw = self._draw(split)
        prompt = PROMPTS.index(str(configuration["prompt.template"]))
        logits, raw = self._logits(split, prompt)
        lines = decoded(draw.lines[examples], configuration)
        tokens = decoded(logits[examples], configuration)
        answers = tokens[..., :N_ANSWERS].copy()
        left = answers.sum(axis=2)
        answers /= left[..., None]
        derailing = 1 - np.minimum(left, 1.0) ** self._tail_tokens
        whole = np.empty((len(examples), N_ANSWERS + 1))
        np.einsum("el,elk->ek", lines * (1 - derailing), answers, out=whole[:, :-1])
        whole[:, -1] = np.maximum(1 - whole[:, :-1].sum(axis=1), 0.0)
        whole[whole < 1e-12] = 0.0  # rounding
        variety = np.maximum(1 - (whole**2).sum(axis=1), 0.0)
        variety[variety < 1e-9] = 0.0
        log_length = self._log_length[prompt] + draw.length[examples] + self._growth * variety
        return _Chances(
            lines=lines,
            answers=answers,
            derailing=derailing,
            whole=whole,
            logprobs=raw[examples],
            variety=variety,
            log_length=log_length,
        )

    @cache  # noqa: B019 - a model is small beside what it remembers, and lives as long
    def _logits(self, split: str, prompt: int) -> tuple[FloatArray, FloatArray]:
        """Return ``[n_examples, N_LINES, N_ANSWERS + N_TAIL]``, and the answers' log probabilities over all lines."""
        draw = self._draw(split)
        answers = draw.logits + draw.by_prompt[prompt][:, None]
        answers[..., 0] += self._ability[prompt]
        answers *= self._sharpness[prompt]
        tail = answers.max(axis=2, keepdims=True) + draw.tail[:, None]
        logits = np.concatenate([answers, tail], axis=2)
        over_lines = np.einsum("el,elk->ek", decoded(draw.lines, {}), decoded(logits, {})[..., :N_ANSWERS])
        return logits, np.pad(np.log(over_lines), ((0, 0), (0, 1)), constant_values=_NO_ANSWER)

    def _draw(self, split: str) -> _Draw:
        return self._tune if split == "tune" else self._population

    @cached_property
    def _tune(self) -> _Draw:
        return self._drawn("tune")

    @cached_property
    def _population(self) -> _Draw:
        return self._drawn("population")

    def _drawn(self, split: str) -> _Draw:
        n, key = size_and_key(split)
        rng = np.random.default_rng((self.seed, 10 + key))
        logits = np.empty((n, N_LINES, N_ANSWERS))
        logits[..., 0] = rng.normal(self._level, self._difficulty, n)[:, None]
        wrong = -self._zipf * np.log(np.arange(1, N_ANSWERS)) + 0.6 * rng.standard_t(3, (n, N_ANSWERS - 1)).clip(-5, 5)
        wrong[:, 0] += np.where(rng.random(n) < self._favourites, rng.uniform(1.5, 3.5, n), 0.0)
        logits[..., 1:] = wrong[:, None]
        logits += self._rambling * rng.standard_normal(logits.shape)
        return _Draw(
            logits=logits,
            by_prompt=rng.normal(0.0, 0.5, (len(PROMPTS), n, N_ANSWERS)),
            lines=-self._line_gap * np.log(np.arange(1, N_LINES + 1)) + rng.normal(0.0, 0.7, (n, N_LINES)),
            tail=-self._tail_gap - self._tail_zipf * np.log(np.arange(1, N_TAIL + 1)) + rng.normal(0.0, 0.5, (n, 1)),
            prompt_tokens=rng.gamma(2.0, 10.0, n),
            length=rng.normal(0.0, 0.4, n),
            line_noise=rng.gumbel(size=(n, MOST_SAMPLES, N_LINES)),
            answer_noise=rng.gumbel(size=(n, MOST_SAMPLES, N_ANSWERS)),
            derail=rng.random((n, MOST_SAMPLES)),
            sample_length=rng.standard_normal((n, MOST_SAMPLES)),
            logprob=rng.gumbel(size=(n, MOST_SAMPLES)),
        )


def _wider(parameter: Parameter) -> Parameter:
    """Return the parameter with what is searched down to where only the likeliest token is left."""
    name, when, limits = parameter.name, parameter.when, parameter.limits
    if name == "decoding.top_k":
        return Parameter(
            name=name, tier="request", kind="choice", choices=(0, 1, 3, 10, 50), default=0, when=when, limits=limits
        )
    if name in ("decoding.top_p", "decoding.min_p"):
        low, high, default = (0.05, 1.0, 1.0) if name == "decoding.top_p" else (0.0, 0.9, 0.0)
        return Parameter(
            name=name,
            tier="request",
            kind="float",
            low=low,
            high=high,
            step=0.05,
            default=default,
            when=when,
            limits=limits,
        )
    return parameter
