import statistics
import warnings
from dataclasses import replace

import numpy as np
import pytest

from infertune.samplers.random import RandomSampler
from infertune.samplers.tpe import N_STARTUP_TRIALS, TPESampler
from infertune.testing.sampler_contract import SamplerContract, decoding_space, told, true_utility


@pytest.fixture
def sampler():
    return TPESampler()


class TestTPE(SamplerContract):
    pass


def study(sampler, seed, *, n_trials=32, n_examples=24, round_size=4):
    """Return the true utility of the best of the five that look best in a noisy study of four trials a round."""
    space, noise = decoding_space(), np.random.default_rng((seed, 1))
    history = []
    while len(history) < n_trials:
        pending = list(history)
        for _ in range(round_size):
            first = not pending
            proposal = space.default_configuration() if first else sampler.propose(space, pending, seed)
            pending = told(pending, proposal, None, state="pending")
        for trial in pending[len(history) :]:
            seen = noise.binomial(n_examples, true_utility(trial.configuration)) / n_examples
            history = told(history, trial.configuration, float(seen))
    best = sorted(history, key=lambda trial: -trial.utility)[:5]
    return max(true_utility(trial.configuration) for trial in best)


@pytest.mark.slow
def test_beats_random_by_two_points():
    seeds = range(24)
    tpe = statistics.mean(study(TPESampler(), seed) for seed in seeds)
    random = statistics.mean(study(RandomSampler(), seed) for seed in seeds)
    assert tpe > random + 0.02


def test_leaves_bad_region_alone(sampler):
    """What scores little is proposed less often than its share of a uniform draw."""
    space = decoding_space()
    history = TestTPE().history(RandomSampler(), space, 24)
    good = ("few", "strict")
    history = [
        replace(trial, utility=0.9 if trial.configuration["prompt.template"] in good else 0.1) for trial in history
    ]
    proposed = [sampler.propose(space, history, seed)["prompt.template"] for seed in range(40)]
    assert sum(prompt in good for prompt in proposed) >= 28  # 16 expected of a uniform draw


def test_avoids_what_breaks_the_cap(sampler):
    space = decoding_space()
    history = TestTPE().history(RandomSampler(), space, 24)
    costly = ("few", "thoughts")
    history = [
        replace(trial, utility=0.9, constraint=50.0)
        if trial.configuration["prompt.template"] in costly
        else replace(trial, utility=0.5, constraint=-50.0)
        for trial in history
    ]
    proposed = [sampler.propose(space, history, seed)["prompt.template"] for seed in range(40)]
    assert sum(prompt in costly for prompt in proposed) <= 8  # 16 expected of a uniform draw


def test_is_quiet(sampler, capfd):
    import optuna

    level = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TestTPE().history(sampler, decoding_space(), N_STARTUP_TRIALS + 3)
    assert optuna.logging.get_verbosity() == level
    assert capfd.readouterr() == ("", "")
