"""`infertune.maximize`: a Python function is searched as a model is, with the same promises."""

import random
from pathlib import Path
from typing import Any

import pytest

import infertune
from infertune.engines.function import FunctionEngine
from infertune.testing.synthetic_model import SyntheticModel

pytestmark = pytest.mark.long

EXAMPLES = range(200)
SPACE = {"k": "1..12", "rerank": [False, True]}
BUDGET = 60_000


def truth(k: int, rerank: bool) -> float:
    return 0.3 + 0.06 * k - 0.004 * k * k + 0.15 * rerank


def answer(configuration: dict[str, Any], example: int, seed: int) -> tuple[float, int]:
    k, rerank = configuration["k"], configuration["rerank"]
    return float(random.Random(seed).random() < truth(k, rerank)), 20 * k + 50 * rerank


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def maximize(function: Any = answer, space: Any = SPACE, **changes: Any) -> infertune.Result:
    asked: dict[str, Any] = {"examples": EXAMPLES, "budget": BUDGET, "progress": False}
    return infertune.maximize(function, space, **(asked | changes))


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_what_is_planted_and_says_how_sure_that_is(seed: int) -> None:
    result = maximize(seed=seed)
    best = result.best_config()
    assert result.recommendation.verdict.kind == "clear winner"
    assert truth(**best) > truth(1, False) + 0.2
    interval = result.recommendation.verdict.recommended.utility
    assert interval.low <= truth(**best) <= interval.high or seed  # one of three may miss
    assert result.recommendation.spent.tokens <= BUDGET


def test_it_ends_early_once_nothing_is_believed_to_be_better_by_more_than_a_tolerance() -> None:
    result = maximize(tolerance=0.2)
    assert result.recommendation.spent.tokens < 0.8 * BUDGET
    assert any(note.startswith("the search ended early") for note in result.recommendation.notes)
    assert truth(**result.best_config()) > truth(1, False) + 0.2


def test_it_says_so_where_there_is_nothing_to_win() -> None:
    def alike(configuration: dict[str, Any], seed: int) -> float:
        return float(random.Random(seed).random() < 0.5)

    assert maximize(alike, {"a": [1, 2, 3]}, budget=1500).recommendation.verdict.kind != "clear winner"


def test_settings_have_their_own_names_everywhere() -> None:
    result = maximize()
    assert set(result.best_config()) == {"k", "rerank"}
    assert {"k", "rerank", "utility"} <= result.trials[0].keys()
    assert not any("." in name for name in result.trials[0])
    assert "prompt.template" not in str(result) and "cost per call" in str(result)


def test_an_interrupted_study_goes_on_and_calls_nothing_twice() -> None:
    calls: list[tuple[Any, ...]] = []
    limit = [10**9]

    def counted(configuration: dict[str, Any], example: int, seed: int) -> tuple[float, int]:
        if len(calls) >= limit[0]:
            raise KeyboardInterrupt
        calls.append((configuration["k"], configuration["rerank"], example, seed))
        return answer(configuration, example, seed)

    whole = maximize(counted, study="whole", database="whole.db")
    n_whole = len(calls)
    calls.clear()
    for stop in (5, 60, n_whole // 2):
        limit[0] = stop
        with pytest.raises(KeyboardInterrupt):
            maximize(counted, study="whole", database="broken.db")
    limit[0] = 10**9
    resumed = maximize(counted, study="whole", database="broken.db")
    assert resumed.best_config() == whole.best_config()
    assert resumed.recommendation.verdict == whole.recommendation.verdict
    assert len(calls) == len(set(calls)) == n_whole
    maximize(counted, study="whole", database="broken.db")
    assert len(calls) == n_whole


def test_a_call_that_raises_is_neither_right_nor_wrong() -> None:
    def sometimes(configuration: dict[str, Any], example: int, seed: int) -> tuple[float, int]:
        if example % 10 == 0:
            raise RuntimeError("no such passage")
        return answer(configuration, example, seed)

    result = maximize(sometimes)
    verdict = result.recommendation.verdict
    assert verdict.recommended.utility.mean == pytest.approx(truth(**result.best_config()), abs=0.12)
    assert any("requests failed" in note for note in result.recommendation.notes)


def test_a_function_that_always_raises_ends_the_study_with_its_words() -> None:
    def never(configuration: dict[str, Any]) -> float:
        raise RuntimeError("no such passage")

    with pytest.raises(infertune.InfertuneError, match="RuntimeError: no such passage"):
        maximize(never)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (2.0, "a score in"),
        ("good", "a score in"),
        (float("nan"), "a score in"),
        (None, "a score in"),
        ((0.5, -1), "a cost"),
    ],
)
def test_what_is_no_score_is_refused(returned: Any, said: str) -> None:
    def odd(configuration: dict[str, Any]) -> Any:
        return returned

    with pytest.raises(infertune.InfertuneError, match=said):
        maximize(odd, budget=1000)


def test_a_function_may_take_what_it_likes_of_the_three() -> None:
    def height(configuration: dict[str, Any]) -> float:
        return 1 - abs(configuration["x"] - 0.3)

    result = maximize(height, {"x": "0.0..1.0"}, examples=None, budget=2000)
    assert result.best_config()["x"] == pytest.approx(0.3, abs=0.05)
    with pytest.raises(infertune.InfertuneError, match="but takes 'config'"):
        maximize(lambda config: 1.0)


def test_costs_are_kept_within_a_cap() -> None:
    result = maximize(max_cost=100)
    assert result.recommendation.verdict.recommended.cost_tokens <= 100


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"space": {}}, "at least one setting"),
        ({"examples": [1, 2, 3]}, "at least 4 examples"),
        ({"budget": 0}, "above 0"),
        ({"space": {"k": "1..b"}}, "k"),
    ],
)
def test_bad_input_is_one_message(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(infertune.InfertuneError, match=said):
        maximize(**changes)


def test_another_source_is_another_engine() -> None:
    def one(configuration: dict[str, Any]) -> float:
        return 0.5

    def other(configuration: dict[str, Any]) -> float:
        return 0.25

    other.__qualname__ = one.__qualname__
    facts = [dict(FunctionEngine(each, {}).facts) for each in (one, other)]
    assert facts[0]["model"] == facts[1]["model"] and facts[0]["code"] != facts[1]["code"]


def test_a_synthetic_model_is_a_function_like_any_other() -> None:
    """The same search on landscapes that were not made for this test: never below the default by more than noise."""
    model = SyntheticModel(3)
    request = model.space.tier("request")
    default = request.default_configuration()

    def landscape(configuration: dict[str, Any], example: int) -> tuple[float, int]:
        settings = default.with_values({"decoding.temperature": configuration["t"]})
        import numpy as np

        whole = model.samples(settings, np.array([example]), n_samples=1)
        return float(whole.answers[0, 0] == 0), int(whole.tokens[0, 0])

    result = maximize(landscape, {"t": "0.1..1.5"}, budget=40_000)
    verdict = result.recommendation.verdict
    assert verdict.recommended.utility.mean >= verdict.default.utility.mean - 0.05
