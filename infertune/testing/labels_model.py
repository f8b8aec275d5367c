"""A synthetic model of a multiple-choice task with many templates, a budget for thinking, and idle settings.

Each seed draws another model and task. The 60 templates are of five styles, which their names tell (``steps-07``):
most of what a template does is its style's, for better and worse and on the same examples, but two fall out of line.
How much thinking is best depends on the style: thinking brings less and less up to a budget beyond which it harms, and
costs what it takes. Of nine further parameters, some of them on logarithmic ranges, a seed draws three that matter: by
a plateau with slopes for numbers, each value for itself for texts. The other six do nothing but cost tokens, if they
do that at all.

The right one of four answers has the chance ``floor + (1 - floor) sigmoid(a (ability - b))`` of item response theory
with a floor for guessing (Birnbaum 1968); the wrong ones share the rest, each example in its own way. Votes follow a
law of copies: a sample gives the example's own first thought unless it thinks afresh, with a chance that grows with
temperature and top_p. Greedy samples are all copies.

Noise belongs to (example, sample). The truth is computed from the chances of the four answers and draws nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from infertune.space import SearchSpace
from infertune.testing.labels_space import CONTEXT, DEALT, MAX_TOKENS, SHOTS, STYLES, THINKING, effect, labels_space
from infertune.testing.lengths import chance_below, mean_cut
from infertune.testing.synthetic import MOST_SAMPLES, POPULATION, Truth, WholeSamples, luck_of, size_and_key
from infertune.testing.voted_truth import voted_truth
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray

N_ANSWERS = 4  # the right one and three wrong ones
N_MATTERING = 3
N_TASTES = 4
_SHOT_TOKENS = 30
_SPREAD = 0.3  # of the log of the length


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Draw:
    """The examples of one split with all noise there will ever be for them."""

    difficulty: FloatArray  # [n_examples]
    discrimination: FloatArray
    by_style: FloatArray  # [n_styles, n_examples]
    by_template: FloatArray  # [n_examples, N_TASTES], which templates have too
    wrong: FloatArray  # [n_examples, 3], shares that sum to 1
    question: FloatArray  # tokens
    length: FloatArray
    first_thought: FloatArray  # uniform
    afresh: FloatArray  # [n_examples, MOST_SAMPLES], uniform: whether a sample copies
    thought: FloatArray  # uniform: what it thinks
    sample_length: FloatArray
    logprob: FloatArray  # Gumbel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Chances:
    """What each example may come to under a configuration."""

    answers: FloatArray  # [n_examples, N_ANSWERS], of a fresh thought, all above 0
    first_thought: NDArray[np.intp]  # [n_examples]
    variety: float  # chance of a fresh thought
    log_length: FloatArray  # [n_examples], in the middle


class LabelsModel:
    """One draw of the family, as `infertune.testing.synthetic.Synthetic` has it."""

    scale = 1.0

    def __init__(self, seed: int, *, common_luck: bool = True) -> None:
        self._common_luck = common_luck
        rng = np.random.default_rng((seed, 30))
        self.seed = seed
        self.space: SearchSpace = labels_space(rng)
        self._templates = tuple(map(str, self.space["prompt.template"].values()))
        self._style = np.array([STYLES.index(name.partition("-")[0]) for name in self._templates])
        n = len(self._templates)
        ability = rng.normal(0.0, 0.8, len(STYLES))
        self._ability = ability[self._style] + rng.normal(0.0, 0.15, n)
        outliers = rng.choice(n, 2, replace=False)
        self._ability[outliers] += rng.uniform(0.4, 1.2, 2) * rng.choice([-1.0, 1.0], 2)
        self._tastes = rng.normal(0.0, 0.15, (n, N_TASTES))
        tokens = np.exp(rng.uniform(np.log(15), np.log(200), len(STYLES)))
        self._prompt_tokens = tokens[self._style] * np.exp(rng.normal(0.0, 0.15, n))
        self._log_answer = rng.uniform(np.log(5), np.log(60), len(STYLES))[self._style]
        self._enough = np.exp(rng.uniform(np.log(60), np.log(1200), len(STYLES)))  # tokens of thinking
        self._gain = rng.uniform(0.5, 2.5)
        self._overthinking = rng.uniform(0.2, 1.0)
        self._thrift = rng.uniform(0.4, 1.0)  # share of the thinking budget that is used
        self._best_temperature = rng.uniform(0.0, 1.0)
        self._heat_cost = rng.uniform(0.2, 1.5)
        self._diversity = rng.uniform(0.3, 1.0)
        self._logprob_signal = rng.uniform(0.0, 0.6)
        self._floor = rng.uniform(0.05, 0.3)
        mattering = [DEALT[at] for at in rng.choice(len(DEALT), N_MATTERING, replace=False)]
        self._effects = {parameter.name: effect(parameter, rng) for parameter in mattering}

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
        of = self._chances(configuration, draw, examples)
        luck = luck_of(examples, configuration, common=self._common_luck, n_examples=len(draw.length))
        fresh = _picked(of.answers[:, None], draw.thought[luck, :n_samples])
        answers = np.where(draw.afresh[luck, :n_samples] < of.variety, fresh, of.first_thought[:, None])
        log_length = of.log_length[:, None] + _SPREAD * of.variety * draw.sample_length[luck, :n_samples]
        tokens = np.clip(np.exp(log_length).astype(np.int32), 1, MAX_TOKENS[-1])
        known = self._logprob_signal * np.log(of.answers)
        return WholeSamples(
            prompt_tokens=self._prompts(configuration, draw, examples),
            answers=answers.astype(np.int32),
            scores=(answers == 0).astype(np.float64),
            tokens=tokens,
            answer_tokens=tokens,
            logprobs=-1.0 + of.variety * (np.take_along_axis(known, answers, axis=1) + draw.logprob[luck, :n_samples]),
        )

    def truth(self, configuration: Configuration, *, n_examples: int = POPULATION) -> Truth:
        """Return what `Synthetic` has: exact for these examples but for half a token of rounding in the lengths."""
        draw, examples = self._population, np.arange(n_examples)
        of = self._chances(configuration, draw, examples)
        chances = np.zeros((N_ANSWERS + 1, n_examples))  # the last is no answer, which is never given
        chances[:-1] = of.variety * of.answers.T
        chances[of.first_thought, examples] += 1 - of.variety
        spread = np.full(n_examples, _SPREAD * of.variety)
        in_time = {m: chance_below(of.log_length, spread, m + 1) for m in MAX_TOKENS[:-1]}
        in_time[MAX_TOKENS[-1]] = np.ones(n_examples)  # what is as long as that ends there
        return voted_truth(
            tuple(self.space.replay_choices(configuration)),
            chances=chances,
            logprobs=self._logprob_signal * np.pad(np.log(of.answers.T), ((0, 1), (0, 0))),
            noise=np.ones(n_examples),
            in_time=in_time,
            prompt_tokens=float(self._prompts(configuration, draw, examples).mean()),
            lengths={m: float(mean_cut(of.log_length, spread, m).mean()) for m in MAX_TOKENS},
        )

    def _chances(self, configuration: Mapping[str, Scalar], draw: _Draw, examples: NDArray[np.intp]) -> _Chances:
        template = self._templates.index(str(configuration["prompt.template"]))
        style = self._style[template]
        budget = float(configuration[THINKING])
        heat = float(configuration["decoding.temperature"]) * float(configuration.get("decoding.top_p", 1.0)) ** 2
        too_much = max(float(np.log(budget / self._enough[style])), 0.0)
        ability = (
            self._ability[template]
            + self._gain * (1 - np.exp(-1.5 * budget / self._enough[style]))
            - self._overthinking * too_much**2
            - self._heat_cost * (heat - self._best_temperature) ** 2
            + sum(its_effect(configuration[name]) for name, its_effect in self._effects.items())
        )
        likes = draw.by_style[style, examples] + draw.by_template[examples] @ self._tastes[template]
        right = expit(draw.discrimination[examples] * (ability - draw.difficulty[examples] + likes))
        right = self._floor + (1 - self._floor) * right
        answers = np.concatenate([right[:, None], (1 - right)[:, None] * draw.wrong[examples]], axis=1)
        used = self._thrift * budget * np.exp(draw.length[examples]) / (1 + budget / 2000)
        return _Chances(
            answers=answers,
            first_thought=_picked(answers, draw.first_thought[examples]),
            variety=float(1 - np.exp(-heat / self._diversity)),
            log_length=np.log(np.minimum(used, budget) + np.exp(self._log_answer[template] + draw.length[examples])),
        )

    def _prompts(self, configuration: Mapping[str, Scalar], draw: _Draw, examples: NDArray[np.intp]) -> FloatArray:
        template = self._templates.index(str(configuration["prompt.template"]))
        added = float(configuration[CONTEXT]) + _SHOT_TOKENS * float(configuration[SHOTS])
        return np.asarray(np.round(self._prompt_tokens[template] + added + draw.question[examples]))

    @cached_property
    def _tune(self) -> _Draw:
        return self._drawn("tune")

    @cached_property
    def _population(self) -> _Draw:
        return self._drawn("population")

    def _drawn(self, split: str) -> _Draw:
        n, key = size_and_key(split)
        rng = np.random.default_rng((self.seed, 30 + key))
        return _Draw(
            difficulty=rng.normal(0.3, 1.3, n),
            discrimination=np.exp(rng.normal(0.2, 0.4, n)),
            by_style=rng.normal(0.0, 0.6, (len(STYLES), n)),
            by_template=rng.normal(0.0, 1.0, (n, N_TASTES)),
            wrong=rng.dirichlet((1.0, 1.0, 1.0), n),
            question=np.exp(rng.normal(np.log(60), 0.4, n)),
            length=rng.normal(0.0, 0.35, n),
            first_thought=rng.random(n),
            afresh=rng.random((n, MOST_SAMPLES)),
            thought=rng.random((n, MOST_SAMPLES)),
            sample_length=rng.standard_normal((n, MOST_SAMPLES)),
            logprob=rng.gumbel(size=(n, MOST_SAMPLES)),
        )


def _picked(chances: FloatArray, uniform: FloatArray) -> NDArray[np.intp]:
    """Return the answer in whose part of [0, 1) a number lies; the answers are the last axis of the chances."""
    return np.asarray((uniform[..., None] >= np.cumsum(chances, axis=-1)[..., :-1]).sum(axis=-1))
