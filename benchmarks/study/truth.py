"""What a configuration of a planted model is truly worth and costs, and the best that a cost cap admits.

Means over a fixed population of 16,384 examples with 9 samples each, the same for all models and configurations. Its
difficulties are evenly spaced quantiles and its noise comes in pairs of opposite sign, so that a utility has a
standard error below 0.004. Where there is no gap, the utility is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks.study.endpoint import Worth
from benchmarks.study.planted import (
    ALWAYS_RIGHT,
    ALWAYS_WRONG,
    GRADES,
    TOP,
    WRONG_ANSWERS,
    Planted,
    heat_of,
    most_tokens,
)
from benchmarks.study.planted_engine import PlantedEngine
from infertune.space import SearchSpace
from infertune.tasks import Task
from infertune.types import Configuration, Scalar

Array = NDArray[np.generic]

POPULATION = 16_384
SAMPLES = 9
COARSE = 2_048  # examples in the first look of the search for the best
KEPT = 24  # settings that get the second look


@dataclass(frozen=True, slots=True, eq=False)
class _Population:
    difficulty: NDArray[np.float32]  # [examples, 1]
    length: NDArray[np.float32]
    favourite: NDArray[np.int8]
    shared: NDArray[np.float32]
    own: NDArray[np.float32]  # [examples, samples]
    own_length: NDArray[np.float32]
    agrees: NDArray[np.float32]
    other: NDArray[np.int8]
    logprob: NDArray[np.float32]


@cache
def _population(n: int, seed: int = 0) -> _Population:
    rng = np.random.default_rng((9, n, seed))
    half = n // 2

    def paired(*shape: int) -> NDArray[np.float32]:
        noise = rng.standard_normal((half, *shape)).astype(np.float32)
        return np.concatenate([noise, -noise])

    quantiles = ndtri((np.arange(half) + 0.5) / half)
    return _Population(
        difficulty=np.tile(quantiles, 2)[:, None].astype(np.float32),
        length=rng.permutation(np.tile(quantiles, 2))[:, None].astype(np.float32),
        favourite=rng.integers(0, WRONG_ANSWERS, (n, 1)).astype(np.int8),
        shared=paired(1),
        own=paired(SAMPLES),
        own_length=paired(SAMPLES),
        agrees=rng.random((n, SAMPLES)).astype(np.float32),
        other=rng.integers(0, WRONG_ANSWERS, (n, SAMPLES)).astype(np.int8),
        logprob=rng.standard_normal((n, SAMPLES)).astype(np.float32),
    )


class PlantedEndpoint:
    """A planted model and what is true of it.

    Args:
        seed: Of the population.
    """

    def __init__(self, model: Planted, *, seed: int = 0) -> None:
        self.model = model
        self._seed = seed
        self._known: dict[Configuration, Worth] = {}
        self._front: list[tuple[Worth, Configuration]] | None = None

    @property
    def space(self) -> SearchSpace:
        return self.model.space

    def task(self, *, n_tune: int, n_confirm: int) -> Task:
        return self.model.task(n_tune=n_tune, n_confirm=n_confirm)

    def engine(self, n_examples: int) -> PlantedEngine:
        return PlantedEngine(self.model, n_examples)

    def error(self, a: Configuration, b: Configuration) -> float:
        return 0.0

    def of(self, configuration: Configuration) -> Worth:
        if configuration not in self._known:
            self._known.update(self._figures(configuration, POPULATION, [configuration]))
        return self._known[configuration]

    def best(self, cap_tokens: float | None = None) -> tuple[Configuration, Worth]:
        # Every prompt at every heat that temperature alone gives: the other settings give none that is far from these.
        if self._front is None:
            self._front = list(self._searched())
        within = [each for each in self._front if cap_tokens is None or each[0].cost_tokens <= cap_tokens]
        worth, configuration = min(within, key=lambda each: (-each[0].utility, each[0].cost_tokens))
        return configuration, worth

    def _searched(self) -> Iterator[tuple[Worth, Configuration]]:
        heats = [float(each) for each in self.space["decoding.temperature"].values()]
        settings = [self._setting(name, heat) for name in self.model.names for heat in heats]
        if self.model.gap == "none":
            for setting in settings:
                choices = [setting.with_values(choice) for choice in self.model.space.replay_choices(setting)]
                cheapest = [c for c in choices if int(c["strategy.n"]) == 1]
                yield from ((self.of(c), c) for c in cheapest)
            return
        # Of a prompt, strength at its heats says which can be best: far below its own peak or all others', none can.
        by_strength = sorted(settings, key=lambda each: -self.model.seen(each).strength)
        best = self.model.seen(by_strength[0]).strength
        reach = 0.25 if self.model.gap == "small" else 0.8  # what votes can make up for
        likely = [each for each in by_strength if self.model.seen(each).strength > best - reach]
        cheap = [
            self._setting(name, heats[int(np.abs(np.array(heats) - prompt.best_heat).argmin())])
            for name, prompt in self.model.prompts.items()
        ]
        seen = {}
        for setting in dict.fromkeys([*likely, *cheap]):
            choices = [setting.with_values(choice) for choice in self.model.space.replay_choices(setting)]
            seen.update(self._figures(setting, COARSE, choices))
        # The second look: what a cap could make the best, from dear to cheap.
        ranked = sorted(seen.items(), key=lambda each: (-each[1].utility, each[1].cost_tokens))
        kept: list[Configuration] = [c for c, _ in ranked[:KEPT]]
        least = np.inf
        for configuration, worth in ranked:
            if worth.cost_tokens < least:
                least = worth.cost_tokens
                kept.append(configuration)
        for configuration in dict.fromkeys(kept):
            yield self.of(configuration), configuration

    def _setting(self, name: str, temperature: float) -> Configuration:
        chosen: dict[str, Scalar] = {"prompt.template": name, "decoding.temperature": temperature}
        return self.model.space.tier("request").assemble(lambda each: chosen.get(each.name, each.default))

    def _figures(
        self, configuration: Configuration, n_examples: int, choices: list[Configuration]
    ) -> dict[Configuration, Worth]:
        """Return the truth about some replay choices of one setting."""
        model, people = self.model, _population(n_examples, self._seed)
        seen = model.seen(configuration)
        luck = np.exp(np.float32(0.25) * people.length + np.float32(0.15) * people.own_length)
        greedy = heat_of(configuration) == 0.0
        if greedy:
            luck = np.repeat(luck[:, :1], SAMPLES, axis=1)
        lengths = np.clip(np.round(seen.answer_tokens * luck), 2, most_tokens(model.gap)).astype(np.int16)
        if model.gap == "none":
            exact = ALWAYS_RIGHT + (1 - ALWAYS_RIGHT - ALWAYS_WRONG) / 2
            cost = float(lengths.mean())
            return {c: Worth(exact, seen.words + int(c["strategy.n"]) * cost) for c in choices}
        noise = np.float32(seen.common**0.5) * people.shared + np.float32((1 - seen.common) ** 0.5) * people.own
        quality = noise + np.float32(seen.strength) - people.difficulty
        if model.graded:
            grades = np.stack([quality > limit for limit in GRADES]).sum(axis=0).astype(np.int8)
        else:
            grades = np.where(quality > 0, TOP, 0).astype(np.int8)
        wrong = np.where(people.agrees < model.wrong_agree, people.favourite, people.other)
        answers = np.where(grades > 0, grades, -1 - wrong)
        logprobs = np.float32(model.logprob_signal) * grades / TOP + people.logprob
        found = {}
        for choice in choices:
            limit, n = int(choice["decoding.max_tokens"]), int(choice["strategy.n"])
            told = lengths - 1 <= limit
            score = _voted(str(choice["strategy.name"]), n, grades, answers, told, logprobs)
            cost = seen.words + n * float(np.minimum(lengths, limit).mean())
            found[choice] = Worth(score, cost)
        return found


def _voted(
    voter: str,
    n: int,
    grades: Array,
    answers: Array,
    told: Array,
    logprobs: Array,
) -> float:
    """Return the mean score of as many votes of n samples as there are."""
    scores = np.where(told, grades, 0)
    n_groups = SAMPLES // n
    if voter == "first" or n == 1:
        return float(scores.mean()) / TOP
    shape = (-1, n_groups, n)
    if voter == "best_of_n":
        likeliest = logprobs[:, : n_groups * n].reshape(shape).argmax(axis=2)[..., None]
        return float(np.take_along_axis(scores[:, : n_groups * n].reshape(shape), likeliest, axis=2).mean()) / TOP
    grouped = np.where(told, answers, np.int8(99))[:, : n_groups * n].reshape(shape)
    names = [name for name in range(-WRONG_ANSWERS, TOP + 1) if name]
    votes = np.stack([(grouped == name).sum(axis=2, dtype=np.int8) for name in names])
    most = votes.max(axis=0)
    tied = votes == most
    worth = np.maximum(np.array(names, dtype=np.float32), 0)[:, None, None]
    means = (tied * worth).sum(axis=0) / tied.sum(axis=0)
    return float(np.where(most > 0, means, 0.0).mean()) / TOP
