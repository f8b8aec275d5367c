import statistics
import warnings
from dataclasses import replace

import pytest

from infertune.samplers.random import RandomSampler
from infertune.samplers.tpe import N_STARTUP_TRIALS, TPESampler
from infertune.testing.landscape import decoding_space, found_utility
from infertune.testing.sampler_contract import SamplerContract


@pytest.fixture
def sampler():
    return TPESampler()


class TestTPE(SamplerContract):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("best_heat", [0.0, 0.6])
def test_beats_random_by_two_points(best_heat):
    seeds = range(24)
    tpe = statistics.mean(found_utility(TPESampler(), seed, best_heat=best_heat) for seed in seeds)
    random = statistics.mean(found_utility(RandomSampler(), seed, best_heat=best_heat) for seed in seeds)
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
