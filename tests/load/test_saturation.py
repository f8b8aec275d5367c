"""When a load is ended early: simulated queues below and above what they can take."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from infertune.load.saturation import STRETCHES, cannot_hold, hopeless, is_oversaturated
from infertune.load.slo import parse
from infertune.load.timing import CUT, Timing

N = 200


def queue(use: float, *, places: int, seed: int) -> list[Timing]:
    """Return the requests of a queue in the order of their ends: Poisson arrivals, exponential service of mean 1."""
    rng = np.random.default_rng(seed)
    due = np.cumsum(rng.exponential(1 / places / use, N))
    free = np.zeros(places)
    found = []
    for moment, service in zip(due - due[0], rng.exponential(1.0, N), strict=True):
        place = int(free.argmin())
        start = max(float(moment), float(free[place]))
        free[place] = start + service
        chunks = (start + 0.1, start + 0.1 + service)
        found.append(
            Timing(due=moment, sent=moment, chunks=chunks, done=chunks[-1], prompt_tokens=1, completion_tokens=2)
        )
    return sorted(found, key=lambda timing: timing.done)


def share_ended(use: float, places: int, ends: Callable[[Sequence[Timing]], bool], n_loads: int = 60) -> float:
    """Return the share of loads that are ended, each looked at twenty times while it goes on."""
    ended = 0
    for seed in range(n_loads):
        timings = queue(use, places=places, seed=seed)
        looks = (sorted(timings[:n], key=lambda timing: timing.due) for n in range(N // 20, N + 1, N // 20))
        ended += any(ends(seen) for seen in looks)
    return ended / n_loads


@pytest.mark.parametrize("places", [1, 8, 32])
@pytest.mark.parametrize("use", [0.7, 0.95])
def test_a_load_that_can_be_taken_is_seldom_ended(use: float, places: int) -> None:
    assert share_ended(use, places, is_oversaturated) <= 0.05


@pytest.mark.parametrize("places", [1, 8, 32])
def test_twice_what_can_be_taken_is_ended(places: int) -> None:
    assert share_ended(2.0, places, is_oversaturated) >= 0.95


def test_too_few_or_none_in_order_say_nothing() -> None:
    grows = queue(4.0, places=1, seed=0)
    grows = sorted(grows, key=lambda timing: timing.due)
    assert is_oversaturated(grows[:60])
    assert not is_oversaturated(grows[: STRETCHES - 1])
    at_once = [
        Timing(due=0, sent=0, chunks=(n, n + 1), done=n + 1, prompt_tokens=1, completion_tokens=2)
        for n in range(1, 50)
    ]
    assert not is_oversaturated(at_once)  # all at once is no rate that could be too high


def test_a_promise_is_lost_when_nothing_to_come_can_save_it() -> None:
    slo = parse("p90_ttft<1s, p99_itl<1s")
    good, bad = (
        Timing(due=0, sent=0, chunks=(ttft, ttft + 0.1), done=9, prompt_tokens=1, completion_tokens=2)
        for ttft in (0.5, 1.5)
    )
    lost = next(n for n in range(200) if cannot_hold(slo, [bad] * n, 100))
    assert slo.verdict([bad] * lost + [good] * (100 - lost)) == "broken"
    assert slo.verdict([bad] * (lost - 1) + [good] * (101 - lost)) != "broken"
    assert not cannot_hold(slo, [bad] * lost, 1000)
    cut = Timing(due=0, sent=0, chunks=(), done=9, prompt_tokens=0, completion_tokens=0, error=CUT)
    assert not cannot_hold(slo, [cut] * 100, 100)
    failed = Timing(due=0, sent=0, chunks=(), done=9, prompt_tokens=0, completion_tokens=0, error="HTTP 500")
    assert cannot_hold(slo, [failed] * lost, 100)


def test_hopeless_is_either() -> None:
    ends = hopeless(parse("p99_ttft<1000s"), N)
    assert ends(sorted(queue(4.0, places=1, seed=0), key=lambda timing: timing.due))
    ends = hopeless(parse("p50_ttft<1ms"), N)
    assert ends(queue(0.5, places=1, seed=0))
    assert not ends(queue(0.5, places=1, seed=0)[:30])
