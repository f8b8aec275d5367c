"""The limit finds what makes a server faster, keeps its bounds, and gives way when it is refused."""

import heapq
import random
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from infertune.engines.openai.concurrency import ConcurrencyLimit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def simulated(
    limit: ConcurrencyLimit,
    clock: Clock,
    *,
    capacity: int,
    refuses: bool = False,
    n_requests: int = 3000,
    n_samples: int = 1,
) -> list[int]:
    """Serve requests at full speed up to ``capacity`` samples in flight, and no faster beyond; return the limits seen.

    Every sample has 20 tokens on average; alone it takes 1 second. With ``refuses`` what exceeds the capacity is
    refused after a hundredth of a second instead.
    """
    rng = random.Random(0)
    under_way: list[tuple[float, int, bool, float]] = []
    limits = []
    for number in range(n_requests):
        while not limit.has_room:
            ends, _, refused, started = heapq.heappop(under_way)
            clock.now = max(clock.now, ends)
            if refused:
                limit.refused(n_samples, started_at=started)
            else:
                limit.finished(n_samples, tokens=sum(rng.randint(10, 30) for _ in range(n_samples)))
        limit.started(n_samples)
        is_refused = refuses and limit.in_flight > capacity
        seconds = 0.01 if is_refused else max(1.0, limit.in_flight / capacity) * rng.uniform(0.5, 1.5)
        heapq.heappush(under_way, (clock.now + seconds, number, is_refused, clock.now))
        limits.append(limit.limit)
    return limits


def test_it_grows_while_that_pays_and_not_much_further() -> None:
    for capacity in (32, 64, 128):
        clock = Clock()
        limits = simulated(ConcurrencyLimit(clock=clock), clock, capacity=capacity)
        assert capacity / 2 <= median(limits[len(limits) // 2 :]) <= 2 * capacity


def test_a_server_that_refuses_is_not_pressed() -> None:
    for capacity in (4, 20, 100):
        clock = Clock()
        limits = simulated(ConcurrencyLimit(clock=clock), clock, capacity=capacity, refuses=True)
        assert capacity / 2 <= median(limits[len(limits) // 2 :]) <= 1.5 * capacity + 2


def test_it_never_exceeds_what_the_user_gave() -> None:
    clock = Clock()
    assert max(simulated(ConcurrencyLimit(ceiling=24, clock=clock), clock, capacity=1000)) == 24
    assert ConcurrencyLimit(ceiling=3).limit == 3


def test_a_request_larger_than_the_limit_goes_alone() -> None:
    limit = ConcurrencyLimit(ceiling=4)
    assert limit.has_room
    limit.started(64)
    assert not limit.has_room
    limit.failed(64)
    assert limit.has_room


def test_one_burst_of_refusals_lowers_it_once() -> None:
    clock = Clock()
    limit = ConcurrencyLimit(start=100, ceiling=100, clock=clock)
    for _ in range(100):
        limit.started(1)
    clock.now = 1.0
    for _ in range(100):
        limit.refused(1, started_at=0.0)
    assert limit.limit == 70


@given(
    st.integers(1, 300),
    st.lists(
        st.tuples(st.sampled_from(["finish", "fail", "refuse"]), st.integers(1, 9), st.floats(0, 5)), max_size=200
    ),
)
def test_the_bounds_hold_whatever_happens(ceiling: int, events: list[tuple[str, int, float]]) -> None:
    clock = Clock()
    limit = ConcurrencyLimit(ceiling=ceiling, clock=clock)
    for kind, n_samples, seconds in events:
        started_at = clock.now
        limit.started(n_samples)
        clock.now += seconds
        if kind == "finish":
            limit.finished(n_samples, tokens=10 * n_samples)
        elif kind == "fail":
            limit.failed(n_samples)
        else:
            limit.refused(n_samples, started_at=started_at)
        assert 1 <= limit.limit <= ceiling
        assert limit.in_flight == 0
