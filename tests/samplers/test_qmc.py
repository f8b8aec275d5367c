from collections import Counter

import pytest

from infertune.samplers.qmc import QMCSampler
from infertune.space import Parameter, SearchSpace
from infertune.testing.sampler_contract import SamplerContract


@pytest.fixture
def sampler():
    return QMCSampler()


class TestQMC(SamplerContract):
    pass


def test_sixteen_points_fill_sixteen_cells(sampler):
    space = SearchSpace(
        tuple(
            Parameter(name=f"request.{axis}", tier="request", kind="float", low=0.0, high=1.0, default=0.0)
            for axis in "abc"
        )
    )
    contract = TestQMC()
    for seed in range(5):
        points = [trial.configuration for trial in contract.history(sampler, space, 16, seed)]
        for axis in "abc":
            assert set(Counter(int(point[f"request.{axis}"] * 16) for point in points).values()) == {1}
