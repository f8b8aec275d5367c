"""What is tried next: new, likely to run, and better than chance."""

import math

import numpy as np
import pytest

from infertune.serving.search.feasibility import TrialOutcome
from infertune.serving.search.proposals import Scored, Surrogate, next_configuration, random_draw
from infertune.testing.simulated_launcher import SimulatedLauncher
from infertune.types import Configuration

SPACE = SimulatedLauncher().space
EVERYTHING = list(SPACE.configurations())


def worth(configuration: Configuration) -> float:
    """A landscape with one hill in two settings, a step in a third, and nothing in the others."""
    seqs = math.log2(int(configuration["engine.max_num_seqs"]))
    tokens = math.log2(int(configuration["engine.max_num_batched_tokens"]))
    return (
        2.0
        - 0.1 * (seqs - 5) ** 2
        - 0.1 * (tokens - 9) ** 2
        + 0.5 * bool(configuration["engine.enable_prefix_caching"])
    )


def searched(n: int, seed: int, *, by_model: bool, estimate: bool = False) -> list[Configuration]:
    tried = [SPACE.default_configuration()]
    for number in range(1, n):
        if by_model:
            found = next_configuration(
                SPACE,
                [Scored(configuration=each, score=worth(each), error=0.02) for each in tried],
                [TrialOutcome(configuration=each) for each in tried],
                estimate=(lambda each: 0.7 * worth(each)) if estimate else None,
                seed=seed,
                number=number,
            )
        else:
            found = random_draw(SPACE, tried, seed=seed, number=number)
        assert found is not None
        assert found not in tried
        assert SPACE.allows(found)
        tried.append(found)
    return tried


def regret(tried: list[Configuration]) -> float:
    return max(map(worth, EVERYTHING)) - max(map(worth, tried))


def test_the_model_is_better_than_chance_and_an_estimate_helps() -> None:
    seeds = range(4)
    model = np.mean([regret(searched(12, seed, by_model=True)) for seed in seeds])
    chance = np.mean([regret(searched(12, seed, by_model=False)) for seed in seeds])
    helped = np.mean([regret(searched(5, seed, by_model=True, estimate=True)) for seed in seeds])
    assert model < 0.7 * chance
    assert helped < 0.05


def test_what_is_likely_to_fail_is_left_out() -> None:
    """The best settings by the estimate all want too much memory, and twelve trials have shown it."""
    large = [each for each in EVERYTHING if each["engine.max_num_seqs"] == 128]
    small = [each for each in EVERYTHING if each["engine.max_num_seqs"] != 128]
    rng = np.random.default_rng(0)
    failed = [large[at] for at in rng.choice(len(large), 6, replace=False)]
    ran = [small[at] for at in rng.choice(len(small), 6, replace=False)]
    found = next_configuration(
        SPACE,
        [Scored(configuration=each, score=worth(each), error=0.02) for each in ran],
        [TrialOutcome(configuration=each, failure="out of memory") for each in failed]
        + [TrialOutcome(configuration=each) for each in ran],
        estimate=lambda each: worth(each) + 0.5 * (each["engine.max_num_seqs"] == 128),
        seed=0,
        number=12,
    )
    assert found is not None
    assert found["engine.max_num_seqs"] != 128


def test_an_estimate_that_is_wrong_is_not_believed() -> None:
    """One that says the opposite of what is measured gets no weight."""
    rng = np.random.default_rng(0)
    some = [EVERYTHING[at] for at in rng.choice(len(EVERYTHING), 16, replace=False)]
    scored = [Scored(configuration=each, score=worth(each), error=0.02) for each in some]
    mean, _ = Surrogate(SPACE, scored, lambda each: -worth(each)).expected(EVERYTHING)
    plain, _ = Surrogate(SPACE, scored, None).expected(EVERYTHING)
    assert mean == pytest.approx(plain)


def test_what_was_measured_is_expected_and_little_is_left_to_know() -> None:
    rng = np.random.default_rng(1)
    some = [EVERYTHING[at] for at in rng.choice(len(EVERYTHING), 12, replace=False)]
    scored = [Scored(configuration=each, score=worth(each), error=0.02) for each in some]
    model = Surrogate(SPACE, scored, None)
    mean, spread = model.expected(some)
    assert np.abs(mean - [each.score for each in scored]).max() < 0.25
    assert spread.max() < model.expected(EVERYTHING)[1].max()


def test_nothing_is_left() -> None:
    space = SimulatedLauncher(settings=("block_size",)).space
    everything = list(space.configurations())
    told = [TrialOutcome(configuration=each) for each in everything]
    assert next_configuration(space, [], told, estimate=None, seed=0, number=3) is None
    assert random_draw(space, everything, seed=0, number=3) is None


def test_the_same_evidence_proposes_the_same() -> None:
    assert searched(6, 3, by_model=True) == searched(6, 3, by_model=True)
