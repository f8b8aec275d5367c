"""`infertune.Study`: whoever makes the calls, the promises are those of `infertune.maximize`."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

import infertune

EXAMPLES = range(120)
SPACE = {"k": "1..12", "rerank": [False, True]}


def truth(k: int, rerank: bool) -> float:
    return 0.3 + 0.06 * k - 0.004 * k * k + 0.15 * rerank


def made(configuration: Any, seed: int) -> tuple[float, int]:
    k, rerank = configuration["k"], configuration["rerank"]
    return float(random.Random(seed).random() < truth(k, rerank)), 20 * k + 50 * rerank


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def study(**changes: Any) -> infertune.Study:
    asked: dict[str, Any] = {"examples": EXAMPLES, "budget": 30_000, "name": "mine"}
    return infertune.Study(changes.pop("space", SPACE), **(asked | changes))


def run(mine: infertune.Study, most: int = 10**9) -> list[tuple[Any, ...]]:
    """Make at most so many calls, one after the other."""
    calls: list[tuple[Any, ...]] = []
    while len(calls) < most and (call := mine.ask()) is not None:
        calls.append((*call.configuration.values(), call.example, call.seed))
        mine.tell(call, *made(call.configuration, call.seed))
    return calls


def figures(result: Any) -> Any:
    found = result.recommendation
    return found.recommended, found.verdict, found.front, found.spent.tokens, found.n_trials


def test_one_call_after_the_other_is_what_maximize_does() -> None:
    mine = study()
    assert not mine.done
    run(mine)
    assert mine.done and mine.ask() is None
    whole = infertune.maximize(
        lambda configuration, seed: made(configuration, seed),
        SPACE,
        examples=EXAMPLES,
        budget=30_000,
        study="whole",
        progress=False,
    )
    assert figures(mine.result()) == figures(whole)
    assert set(mine.result().best_config()) == {"k", "rerank"}


def test_left_anywhere_it_goes_on_and_asks_for_nothing_twice() -> None:
    whole = study(name="whole", database="whole.db")
    n_whole = len(run(whole))
    calls: list[tuple[Any, ...]] = []
    for most in (1, 7, 60, n_whole // 3, 10**9):
        with study() as mine:
            calls += run(mine, most)
    assert max(Counter(calls).values()) == 1
    assert len(calls) == n_whole
    assert figures(mine.result()) == figures(whole.result())


def test_many_calls_at_once_told_in_any_order() -> None:
    source = random.Random(1)
    mine = study(in_flight=16, budget=60_000)
    under_way: list[infertune.Call] = []
    most, calls = 0, []
    while True:
        while (call := mine.ask()) is not None:
            under_way.append(call)
            calls.append((*call.configuration.values(), call.example, call.seed))
        most = max(most, len(under_way))
        if not under_way:
            break
        call = under_way.pop(source.randrange(len(under_way)))
        mine.tell(call, *made(call.configuration, call.seed))
    assert mine.done and most == 16
    assert max(Counter(calls).values()) == 1
    assert mine.result().recommendation.verdict.kind == "clear winner"
    assert truth(**mine.result().best_config()) > truth(1, False) + 0.2


def test_threads_may_make_the_calls() -> None:
    mine = study(in_flight=4, budget=15_000)
    with ThreadPoolExecutor(4) as pool:
        futures: dict[Future[tuple[float, int]], infertune.Call] = {}
        while not mine.done:
            while (call := mine.ask()) is not None:
                futures[pool.submit(made, call.configuration, call.seed)] = call
            for each in wait(futures, return_when=FIRST_COMPLETED).done:
                mine.tell(futures.pop(each), *each.result())
    assert mine.result().recommendation.spent.tokens <= 15_000 + 16 * 290


def test_calls_that_fail_count_neither_way() -> None:
    mine = study()
    n_failed = 0
    while (call := mine.ask()) is not None:
        if call.example % 10 == 0:
            n_failed += 1
            mine.tell(call, error="the pipeline broke")
        else:
            mine.tell(call, *made(call.configuration, call.seed))
    assert n_failed
    assert mine.result().recommendation.spent.n_failed == n_failed
    assert mine.result().best_config()["rerank"]


def test_when_most_fail_asking_says_so() -> None:
    mine = study()
    with pytest.raises(infertune.InfertuneError, match="the pipeline broke"):
        while (call := mine.ask()) is not None:
            mine.tell(call, error="the pipeline broke")


def test_a_budget_too_small_says_so_when_it_is_known() -> None:
    with pytest.raises(infertune.InfertuneError, match="the budget must buy"):
        run(study(budget=500))


@pytest.fixture
def asked() -> Iterator[tuple[infertune.Study, infertune.Call]]:
    with study() as mine:
        call = mine.ask()
        assert call is not None
        yield mine, call


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"score": 1.5}, "must return a score in"),
        ({"score": "right"}, "must return a score in"),
        ({"score": 0.5, "cost": -1}, "must return a cost from 0"),
        ({}, "must be told its score, or the error"),
        ({"score": 1.0, "error": "broke"}, "must be told its score, or the error"),
    ],
)
def test_what_cannot_be_told_is_refused_and_can_be_told_again(
    asked: tuple[infertune.Study, infertune.Call], told: dict[str, Any], says: str
) -> None:
    mine, call = asked
    with pytest.raises(infertune.InfertuneError, match=says):
        mine.tell(call, **told)
    mine.tell(call, 1.0)
    with pytest.raises(infertune.InfertuneError, match="not told before"):
        mine.tell(call, 1.0)


def test_there_is_no_result_before_the_end(asked: tuple[infertune.Study, infertune.Call]) -> None:
    with pytest.raises(infertune.InfertuneError, match="when it is done"):
        asked[0].result()


def test_two_cannot_have_the_same_study(asked: tuple[infertune.Study, infertune.Call]) -> None:
    with pytest.raises(infertune.InfertuneError, match="mine"):
        study().ask()


def test_one_that_was_closed_says_so(asked: tuple[infertune.Study, infertune.Call]) -> None:
    mine, call = asked
    mine.close()
    mine.close()
    with pytest.raises(infertune.InfertuneError, match="closed"):
        mine.tell(call, 1.0)


def test_one_that_was_closed_before_anything_was_asked_says_so_too() -> None:
    mine = study()
    mine.close()
    with pytest.raises(infertune.InfertuneError, match="closed"):
        mine.ask()


def test_in_flight_is_at_least_one() -> None:
    with pytest.raises(infertune.InfertuneError, match="in_flight must be at least 1, not 0"):
        study(in_flight=0)
