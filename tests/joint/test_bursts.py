"""What a burst measures."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from infertune.errors import EngineError
from infertune.joint.speed import measure
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
