"""Our strategies keep the contract that a plugin's must."""

import pytest

from infertune import plugins
from infertune.errors import InvalidInputError
from infertune.strategies import Strategy
from infertune.strategies.best_of_n import BestOfN
from infertune.strategies.first import First
from infertune.strategies.majority import Majority
from infertune.testing.strategy_contract import StrategyContract


class TestContract(StrategyContract):
    @pytest.fixture(params=["first", "majority", "best_of_n"])
    def strategy(self, request: pytest.FixtureRequest) -> Strategy:
        found: Strategy = plugins.load("strategies", request.param)()
        assert found.name == request.param
        return found


def test_first_looks_at_one_sample_and_costs_one():
    assert First().samples_needed(9) == 1
    assert First().choose(["b", "a", "a"], [-3.0, -1.0, -1.0]) == "b"


def test_majority_counts_and_breaks_ties_by_first_sight():
    assert Majority().choose(["a", "b", None, "b"], [0.0] * 4) == "b"
    assert Majority().choose(["b", "a", "a", "b"], [0.0] * 4) == "b"


def test_abstentions_never_win_a_vote():
    assert Majority().choose([None, None, "a"], [0.0] * 3) == "a"
    assert Majority().choose([None, None], [0.0] * 2) is None


def test_best_of_n_takes_the_likeliest_and_of_equals_the_first():
    assert BestOfN().choose(["a", "b", "c"], [-2.0, -1.0, -3.0]) == "b"
    assert BestOfN().choose(["a", "b", "c"], [-1.0, -1.0, -1.0]) == "a"
    assert BestOfN().choose(["a", None], [-2.0, -1.0]) is None


def test_a_misspelt_strategy_gets_the_nearest_name():
    with pytest.raises(InvalidInputError, match="did you mean 'majority'"):
        plugins.load("strategies", "majorty")
