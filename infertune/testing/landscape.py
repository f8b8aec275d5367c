"""A synthetic study for samplers: the real decoding space, a utility with a known optimum, and its binomial noise."""

from collections.abc import Mapping, Sequence

import numpy as np

from infertune.samplers import Sampler, Trial
from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.types import Configuration, Scalar

_BONUS = {"plain": 0.0, "chat": 0.08, "few": 0.2, "thoughts": -0.1, "strict": 0.12}
N_FINALISTS = 5


def decoding_space() -> SearchSpace:
    """Return the request tier of the default space for a task with five prompts: conditional, 121,310 points."""
    return default_space(prompts=tuple(_BONUS), max_tokens=16).tier("request")


def true_utility(configuration: Mapping[str, Scalar], *, best_heat: float = 0.6) -> float:
    """Return the utility, in [0, 0.85], of one of the configurations of ``decoding_space``.

    ``heat`` is what temperature and truncations make of the model's distribution together; greedy decoding has
    none, so ``best_heat=0`` is a task that wants greedy decoding.
    """
    temperature = float(configuration["decoding.temperature"])
    heat = 0.0
    if temperature > 0:
        cut = 0.8 if configuration["decoding.top_k"] == 10 else 1.0
        heat = temperature * float(configuration["decoding.top_p"]) * cut
        heat *= 1 - 1.5 * float(configuration["decoding.min_p"])
    utility = 0.65 + _BONUS[str(configuration["prompt.template"])] - 0.6 * (heat - best_heat) ** 2
    return max(utility - 1.2 * abs(float(configuration["decoding.repetition_penalty"]) - 1.05), 0.0)


def told(
    history: Sequence[Trial], configuration: Configuration, utility: float | None, **trial: object
) -> list[Trial]:
    """Return the history with one more trial, complete unless ``state`` says otherwise."""
    fields = {"constraint": 0.0, "state": "complete", **trial}
    return [*history, Trial(number=len(history), configuration=configuration, utility=utility, **fields)]  # type: ignore[arg-type]


def found_utility(
    sampler: Sampler,
    seed: int,
    *,
    n_trials: int = 32,
    n_examples: int = 24,
    trials_per_round: int = 4,
    best_heat: float = 0.6,
) -> float:
    """Return the true utility that a study finds: the best among the five trials that look best.

    The study goes in rounds from the default on and sees each utility through ``n_examples`` right-or-wrong
    answers; finals with many examples, taken as certain, then tell the five apart.
    """
    space, noise = decoding_space(), np.random.default_rng((seed, 1))
    history: list[Trial] = []
    while len(history) < n_trials:
        proposed = list(history)
        for _ in range(trials_per_round):
            proposal = sampler.propose(space, proposed, seed) if proposed else space.default_configuration()
            proposed = told(proposed, proposal, None, state="pending")
        for trial in proposed[len(history) :]:
            n_right = noise.binomial(n_examples, true_utility(trial.configuration, best_heat=best_heat))
            history = told(history, trial.configuration, float(n_right / n_examples))
    best = sorted(history, key=lambda trial: -(trial.utility or 0.0))[:N_FINALISTS]
    return max(true_utility(trial.configuration, best_heat=best_heat) for trial in best)
