from collections import Counter

import pytest

from infertune.errors import InvalidInputError
from infertune.samplers.grid import GridSampler
from infertune.space.notation import changed
from infertune.testing.landscape import decoding_space
from infertune.testing.sampler_contract import SamplerContract, small_space


@pytest.fixture
def sampler():
    return GridSampler()


class TestGrid(SamplerContract):
    continuous = False


def test_range_without_step_is_told_what_to_give(sampler):
    space = changed(decoding_space(), ["temperature=0.2..1.2"])
    with pytest.raises(InvalidInputError, match=r"settings temperature=0\.2\.\.1\.2:STEP"):
        sampler.propose(space, [], 0)


def test_too_many_combinations(sampler):
    space = changed(decoding_space(), ["temperature=0..1.5:0.001"])
    with pytest.raises(InvalidInputError, match="1,000,000"):
        sampler.propose(space, [], 0)


def test_any_configuration_may_come_first(sampler):
    space = small_space()
    first = Counter(sampler.propose(space, [], seed) for seed in range(1600))
    assert len(first) == 16
    assert all(abs(count - 100) < 5 * 100**0.5 for count in first.values())
