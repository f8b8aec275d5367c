"""A planted model: what settings make of its answers, and a task for it.

An example is as difficult as d, a standard normal number. A sample has the quality

    strength - d + sqrt(c) shared + sqrt(1 - c) own

where `shared` belongs to the example and `own` to the sample, both standard normal. Two-valued answers are right above
0; graded ones score 0, 1/4, 1/2, 3/4 or 1. Strength is the prompt's, less what the wrong heat and a repetition penalty
take from it. The share c = exp(-heat / diversity) makes greedy samples equal and hot ones differ, so that a vote helps
where wrong answers disagree. Heat is temperature less what the truncations take. Answers that are longer than
``max_tokens`` are none.

All noise is a point in a plane that belongs to (example, sample); a configuration looks at it from its own angle. So
two configurations share their luck, the more the closer they are, and what is true of one is not changed by the angle.

In a model without a gap an example is always right, always wrong or a fair coin (of two answers, or of five symmetric
grades), whatever the configuration: a vote among fair coins is one too, and all configurations are worth the same.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.space.notation import changed
from infertune.tasks import Task
from infertune.tasks.definition import Definition
from infertune.tasks.prompts import Template
from infertune.types import Example, Scalar
from infertune.types.arrays import FloatArray

Gap = Literal["large", "region", "small", "none"]

MAX_TOKENS = (16, 32, 64)
FEW = ("temperature=0,0.5,1", "top_p=1", "top_k=0", "min_p=0", "repetition_penalty=1")  # what a small space has
TOP = 4  # the grade of a right answer
GRADES = (-1.0, -1 / 3, 1 / 3, 1.0)  # a quality above so many of these has that grade
ALWAYS_RIGHT, ALWAYS_WRONG = 0.2, 0.2  # shares of the examples where there is no gap; the others are fair coins
WRONG_ANSWERS = 4
GRADE_DIGIT = 1  # where an answer such as "v4" or "v0w2" has its grade


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptWorth:
    """What a prompt does: its strength at its best heat, what another heat costs, and how long it makes all."""

    strength: float
    best_heat: float
    heat_cost: float
    words: int
    answer_tokens: float
    angle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a configuration's request tier comes to."""

    strength: float
    common: float
    angle: float
    words: int
    answer_tokens: float


class GradeScorer:
    """The grade that an answer names, as a score in [0, 1]."""

    def normal_form(self, answer: str) -> str | None:
        return answer or None

    def score(self, answer: str, example: Example) -> float:
        return int(answer[GRADE_DIGIT]) / TOP

    def ideal(self, reference: str) -> str:
        return reference


class Planted:
    """One draw of the family.

    Args:
        seed: Of the draw, its examples and its noise.
        gap: How much better the best is than the default: `large` about 0.6, by several prompts, most by one, and by
            votes; `region` by one prompt alone, near its best heat, with 0.87 without a vote; `small` about 0.05;
            `none` exactly 0.
        graded: Whether scores are 0, 1/4, 1/2, 3/4 and 1, or 0 and 1.
        n_prompts: Templates; the first is the default.
        few: Whether the space has few settings; they are drawn likewise.

    Attributes:
        space: The default space of its task, or a small part of it.
    """

    def __init__(self, seed: int, *, gap: Gap, graded: bool = False, n_prompts: int = 4, few: bool = False) -> None:
        self.seed, self.gap, self.graded = seed, gap, graded
        self.names = tuple(f"p{number}" for number in range(n_prompts))
        space = default_space(prompts=self.names, max_tokens=MAX_TOKENS)
        self.space: SearchSpace = changed(space, FEW) if few else space
        rng = np.random.default_rng((seed, list(_SHAPES).index(gap), int(graded), n_prompts))
        shape = _SHAPES[gap]
        self.wrong_agree = shape.wrong_agree
        self.logprob_signal = shape.logprob_signal
        self._diversity = shape.diversity
        self._penalty_cost = float(rng.uniform(0.5, 1.5)) * (gap != "none")
        self.prompts = dict(zip(self.names, _prompts(rng, n_prompts, gap, graded), strict=True))

    def seen(self, configuration: Mapping[str, Scalar]) -> Seen:
        """Return what the values of the request tier come to."""
        prompt = self.prompts[str(configuration["prompt.template"])]
        heat = heat_of(configuration)
        penalty = float(configuration["decoding.repetition_penalty"]) - 1.0
        return Seen(
            strength=prompt.strength
            - prompt.heat_cost * (heat - prompt.best_heat) ** 2
            - self._penalty_cost * penalty,
            common=math.exp(-heat / self._diversity),
            angle=prompt.angle + heat + 4.0 * penalty,
            words=prompt.words,
            answer_tokens=prompt.answer_tokens,
        )

    def task(self, *, n_tune: int, n_confirm: int) -> Task:
        """Return a task of so many examples, which nothing but their numbers tells apart."""
        examples = [Example(id=f"e{i}", fields={"number": str(i)}, reference="v4") for i in range(n_tune + n_confirm)]
        templates = {
            name: Template(name=name, kind="plain", text=" ".join([name, *["word"] * (each.words - 2), "{number}"]))
            for name, each in self.prompts.items()
        }
        return Task(
            name="planted",
            version=1,
            description="",
            source="made",
            licence="Apache-2.0",
            tune=tuple(examples[:n_tune]),
            confirm=tuple(examples[n_tune:]),
            prompts=templates,
            max_tokens_choices=MAX_TOKENS,
            stop=(),
            extractors={"last": _last_word},
            scorer=GradeScorer(),
            definition=Definition(
                name="planted",
                version=1,
                source="made",
                licence="Apache-2.0",
                fields={"number": "number"},
                reference="answer",
                prompts=tuple(templates.values()),
                max_tokens=MAX_TOKENS,
                extraction=(),
                scorer="exact",
            ),
            ideals={each.id: each.reference for each in examples},
            places={},
            left_out=(),
            notes=(),
        )


def heat_of(configuration: Mapping[str, Scalar]) -> float:
    """Return the temperature less what the truncations take from it; 0 for greedy decoding."""
    temperature = float(configuration["decoding.temperature"])
    if temperature == 0.0:
        return 0.0
    kept = 1 - 0.6 * (1 - float(configuration["decoding.top_p"]))
    kept *= 1 - float(configuration["decoding.min_p"])
    return temperature * kept * {0: 1.0, 50: 0.95, 10: 0.8}.get(int(configuration["decoding.top_k"]), 0.8)


def kinds(uniform: FloatArray, gap: Gap) -> NDArray[np.int8]:
    """Return 1 for the examples that are always right, -1 for always wrong, 0 for all others."""
    if gap != "none":
        return np.zeros(len(uniform), dtype=np.int8)
    return (uniform < ALWAYS_RIGHT).astype(np.int8) - (uniform > 1 - ALWAYS_WRONG).astype(np.int8)


def grade_of(quality: float, kind: int, *, graded: bool) -> int:
    """Return the grade of an answer, from 0 to 4."""
    if kind:
        return TOP if kind > 0 else 0
    if not graded:
        return TOP if quality > 0 else 0
    return sum(quality > limit for limit in GRADES)


def length_of(answer_tokens: float, by_example: float, by_sample: float) -> float:
    """Return the length of an answer before it is rounded and bounded."""
    return answer_tokens * math.exp(0.25 * by_example + 0.15 * by_sample)


def most_tokens(gap: Gap) -> int:
    """Return the longest answer: none is cut where all configurations are to be worth the same."""
    return MAX_TOKENS[0] - 1 if gap == "none" else MAX_TOKENS[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    diversity: float
    wrong_agree: float
    logprob_signal: float


_SHAPES: dict[Gap, _Shape] = {
    "large": _Shape(diversity=0.4, wrong_agree=0.3, logprob_signal=0.8),
    "region": _Shape(diversity=0.4, wrong_agree=0.3, logprob_signal=0.8),
    "small": _Shape(diversity=4.0, wrong_agree=0.9, logprob_signal=0.1),
    "none": _Shape(diversity=0.5, wrong_agree=1.0, logprob_signal=0.0),
}
_SPREAD = math.sqrt(2.0)  # of difficulty and noise together


def _utility(strength: float, graded: bool) -> float:
    """Return what one sample of that strength is worth on average."""
    return float(np.mean([ndtr((strength - limit) / _SPREAD) for limit in (GRADES if graded else (0.0,))]))


def _strength(utility: float, graded: bool) -> float:
    return float(brentq(lambda strength: _utility(strength, graded) - utility, -8.0, 8.0))


def _prompts(rng: np.random.Generator, n: int, gap: Gap, graded: bool) -> list[PromptWorth]:
    """Return the default prompt, then others among which one is the best."""
    if gap == "small":
        default = rng.uniform(0.45, 0.65)
        top = default + 0.045
        peaks = rng.uniform(default - 0.06, default + 0.02, n)
        first = default + 0.025
    else:
        default = rng.uniform(0.2, 0.37)
        top = 0.87 if gap == "region" else 0.83 if graded else 0.81  # of one sample; votes add to it
        peaks = rng.uniform(0.25, 0.4, n) if gap == "region" else rng.uniform(0.3, 0.75, n)
        first = rng.uniform(default + 0.05, 0.45)
    peaks[0] = first
    peaks[rng.integers(1, n) if n > 1 else 0] = top
    best_heat = rng.uniform(0.0, 0.6, n)
    heat_cost = rng.uniform(1.0, 3.0, n) if gap != "small" else rng.uniform(0.05, 0.4, n)
    if gap == "region":
        heat_cost[peaks == top] = 5.0
    strengths = [_strength(peak, graded) for peak in peaks]
    heat_cost[0] = (strengths[0] - _strength(default, graded)) / (1 - best_heat[0]) ** 2
    longest = 8.0 if gap == "none" else 30.0
    angles = rng.uniform(0.0, math.pi if gap == "none" else 1.2, n)
    words = np.round(np.exp(rng.uniform(math.log(10), math.log(90), n))).astype(int)
    answers = np.exp(rng.uniform(math.log(4), math.log(longest), n))
    return [
        PromptWorth(
            strength=strengths[i],
            best_heat=float(best_heat[i]),
            heat_cost=float(heat_cost[i]),
            words=int(words[i]),
            answer_tokens=float(answers[i]),
            angle=float(angles[i]),
        )
        for i in range(n)
    ]


def _last_word(text: str, example: Example | None = None) -> str | None:
    word = text.rpartition(" ")[2]
    return word if word.startswith("v") else None
