import inspect
from collections import Counter

import pytest

from infertune.samplers import random
from infertune.samplers.random import RandomSampler
from infertune.testing.landscape import decoding_space
from infertune.testing.sampler_contract import SamplerContract


@pytest.fixture
def sampler():
    return RandomSampler()


class TestRandom(SamplerContract):
    pass


def test_every_temperature_is_as_likely(sampler):
    space = decoding_space()
    drawn = Counter(sampler.propose(space, [], seed)["decoding.temperature"] for seed in range(3200))
    assert len(drawn) == 16
    assert all(abs(count - 200) < 5 * 200**0.5 for count in drawn.values())


def test_fits_on_one_screen():
    assert len(inspect.getsource(random).splitlines()) <= 25
