"""What a burst measures, and how sure a gain over several turns is."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from infertune.errors import EngineError
from infertune.joint.speed import gain, measure
from infertune.testing import FakeEngine
from infertune.types import Decoding, Request, Response


class Clocked(FakeEngine):
    """Takes two seconds for each request, and fails those that it is told to."""

    def __init__(self, failing: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.now = 0.0
        self._failing = failing

    def generate(self, requests: Iterable[Request]) -> Iterator[Response]:
        for response in super().generate(requests):
            self.now += 2.0
            if response.request.example_id in self._failing:
                response = replace(response, generations=(), error="no memory")
            yield response


def requests(n: int) -> list[Request]:
    return [Request(example_id=f"{i}", prompt="a b", decoding=Decoding(max_tokens=4)) for i in range(n)]


def test_the_warm_up_is_not_timed_and_everything_is_booked() -> None:
    engine, landed = Clocked(), []
    speed = measure(engine, requests(3), requests(5), landed=landed.append, clock=lambda: engine.now)
    assert speed.seconds == pytest.approx(2.0) and speed.n_requests == 5
    assert len(landed) == 8
    tokens = sum(response.completion_tokens for response in landed[3:])
    assert speed.tokens_per_second == pytest.approx(tokens / 10.0)


def test_a_failed_request_takes_time_and_is_no_request() -> None:
    engine = Clocked(frozenset({"0"}))
    speed = measure(engine, [], requests(5), landed=lambda _: None, clock=lambda: engine.now)
    assert speed.n_requests == 4 and speed.seconds == pytest.approx(2.5)


@pytest.mark.parametrize("n_failing", [3, 4])
def test_where_most_fail_there_is_no_figure(n_failing: int) -> None:
    engine = Clocked(frozenset(map(str, range(n_failing))))
    with pytest.raises(EngineError, match=f"{n_failing} of 4 requests failed; the first said: no memory"):
        measure(engine, [], requests(4), landed=lambda _: None, clock=lambda: engine.now)


def test_a_gain_is_paired_by_turn() -> None:
    """A drift of the machine that slows both sides alike leaves no trace."""
    drift = np.array([1.0, 3.0, 7.0])
    found = gain(2.0 * drift, drift)
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    turned = gain(drift, 2.0 * drift)
    assert turned.mean == pytest.approx(0.5)


def test_its_interval_holds_the_truth_as_often_as_it_says() -> None:
    source = np.random.default_rng(3)
    held = []
    for _ in range(2000):
        slower, faster = np.exp(source.normal(math.log(1.3), 0.1, 3)), np.exp(source.normal(0.0, 0.1, 3))
        found = gain(slower, faster)
        held.append(found.low <= 1.3 <= found.high)
    assert 0.93 < np.mean(held) < 0.97


def test_one_turn_has_no_interval() -> None:
    found = gain([3.0], [2.0])
    assert (found.mean, found.low, found.high) == (pytest.approx(1.5), 0.0, math.inf)
