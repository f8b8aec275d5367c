"""Pruning by cost, held to FLAML's own implementation, which is the published one, request by request."""

import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.allocators.ecooptigen.cost_pruning import Bounds, Seen, Step, evaluation, slack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecated there, and flaml's other parts are missing
    from flaml.autogen.oai.completion import Completion

PROMPT_TOKENS = 7
Trial = tuple[str, int, int]  # region, n, max_tokens
Looks = list[tuple[int, int]]  # samples in all and example, one look after the other
Table = dict[str, dict[int, int]]
Outcome = tuple[list[Looks], list[str], Table, Table]


def generated(lengths: np.ndarray, example: int, n_samples: int, max_tokens: int) -> int:
    return int(np.minimum(lengths[example, :n_samples], max_tokens).sum())


def published(lengths: np.ndarray, trials: Sequence[Trial], cap: float | None) -> Outcome:
    """Let FLAML evaluate trials whose answers have known lengths; it asks, and this answers."""
    looks: Looks = []

    class Answered(Completion):  # type: ignore[misc, valid-type]
        data: ClassVar = [{"number": number} for number in range(len(lengths))]
        price1K: ClassVar = {"model": 1.0}  # and the budget is given in thousandths: so a token costs 1
        inference_budget = None if cap is None else cap / 1000
        optimization_budget = avg_input_tokens = _stops = _config_list = None
        _prompts: ClassVar = {"a": "a", "b": "b"}
        _metric, _mode, _total_cost = "utility", "max", 0.0
        _max_valid_n_per_max_tokens: ClassVar[dict[Any, Any]] = {}
        _min_invalid_n_per_max_tokens: ClassVar[dict[Any, Any]] = {}
        had = total = 0

        @classmethod
        def _eval_func(cls, responses: list[str], **data: int) -> dict[str, float]:
            return {"utility": 0.5, "responses": len(responses)}

        @classmethod
        def create(cls, context: dict[str, int], *, n: int, max_tokens: int, **kwargs: Any) -> dict[str, Any]:
            example = context["number"]
            if example == 0:  # a larger n begins: with what was had, or from nothing if FLAML threw that away
                cls.had = 0 if n == min(2 * cls.total, wanted) else cls.total
                cls.total = cls.had + n
            looks.append((cls.total, example))
            new = generated(lengths, example, cls.total, max_tokens) - generated(lengths, example, cls.had, max_tokens)
            usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": new}
            return {"usage": usage, "cost": 0.0, "choices": ["x"] * n}

        @classmethod
        def extract_text_or_function_call(cls, response: dict[str, Any]) -> list[str]:
            return response["choices"]

    every, verdicts = [], []
    for region, wanted, max_tokens in trials:
        looks.clear()
        Answered.had = Answered.total = 0
        result = Answered._eval({"model": "model", "prompt": region, "n": wanted, "max_tokens": max_tokens})
        every.append(list(looks))
        verdicts.append({0.5: "complete", 0: "over", -math.inf: "pruned"}[result["utility"]])
        if verdicts[-1] == "complete":
            assert result["responses"] == wanted
    tables = Answered._max_valid_n_per_max_tokens, Answered._min_invalid_n_per_max_tokens
    kept, broke = ({prompt: dict(found) for (_, prompt, _), found in each.items()} for each in tables)
    return every, verdicts, kept, broke


def ours(lengths: np.ndarray, trials: Sequence[Trial], cap: float | None) -> Outcome:
    bounds = Bounds()
    allowance = None  # is known once an evaluation is complete
    every, verdicts = [], []
    for region, n, max_tokens in trials:
        looks: Looks = []
        running = evaluation(
            bounds,
            region,
            n=n,
            max_tokens=max_tokens,
            n_examples=len(lengths),
            allowance=allowance,
            capped=cap is not None,
        )
        seen = None
        while True:
            try:
                step = running.send(seen)
            except StopIteration as end:
                verdicts.append(end.value)
                break
            examples = range(step.start, step.stop)
            looks.extend((step.n_samples, example) for example in examples)
            outputs = [generated(lengths, example, step.n_samples, max_tokens) for example in examples]
            seen = Seen(outputs=np.array(outputs, dtype=np.float64), allowance=allowance)
        if verdicts[-1] == "complete" and cap is not None:
            allowance = cap - PROMPT_TOKENS
        every.append(looks)
    return every, verdicts, bounds.kept, bounds.broke


@given(
    n_examples=st.integers(1, 24),
    seed=st.integers(0, 10_000),
    spread=st.sampled_from([0.05, 0.3, 1.0]),
    # Not whole: an allowance of exactly 0 is none at all to FLAML.
    cap=st.one_of(st.none(), st.integers(3, 300).map(lambda tokens: tokens + 0.3)),
    trials=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 16), st.sampled_from([4, 16, 64])), min_size=1, max_size=12
    ),
)
@settings(max_examples=300, deadline=None)
def test_it_asks_and_learns_what_flaml_does(
    n_examples: int, seed: int, spread: float, cap: float | None, trials: list[Trial]
) -> None:
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(2.5, spread, (n_examples, 16))).astype(int) + 1
    assert ours(lengths, trials, cap) == published(lengths, trials, cap)


def test_all_ways_to_end_are_met() -> None:
    """What the property above compares is not always the same."""
    lengths = np.full((20, 16), 10)
    trials = [("a", 1, 64), ("a", 9, 64), ("a", 12, 64), ("a", 2, 64), ("b", 8, 16)]
    looks, verdicts, kept, broke = ours(lengths, trials, 50.3)
    assert verdicts == ["complete", "over", "pruned", "complete", "over"]
    # The allowance is 43.3: two samples of 10 are surely within it after one example, four after two, eight are out.
    assert looks[1] == [(2, 0), (4, 0), (4, 1), (8, 0)]
    # Two of 16 tokens at most are within it without a look: three are the first to be looked at, and six are out.
    assert looks[4] == [(3, 0), (6, 0)]
    assert kept == {"a": {64: 4}, "b": {16: 3}}
    assert broke == {"a": {64: 8}, "b": {16: 6}}
    assert (looks, verdicts, kept, broke) == published(lengths, trials, 50.3)


@pytest.mark.parametrize(
    ("n_seen", "rho"),
    [
        (1, 1.0),  # 1 - 0/20
        (2, 0.95),  # 1 - 1/20
        (8, 0.65),  # 1 - 7/20
        (10, 0.55),  # 1 - 9/20: half of the examples still count as few
        (16, 0.2125),  # (1 - 16/20) (1 + 1/16)
        (20, 0.0),
    ],
)
def test_the_bound_by_hand(n_seen: int, rho: float) -> None:
    assert slack(n_seen, 20) == pytest.approx(0.1 * math.sqrt(rho / n_seen), abs=1e-12)


def test_more_tokens_and_more_samples_cost_more() -> None:
    """What kept the cap does so with shorter answers, what broke it does so with longer ones, in its own region."""
    bounds = Bounds()
    bounds.keeps("a", 64, 5)
    bounds.breaks("a", 64, 9)
    assert [bounds.most_kept("a", limit, None) for limit in (16, 64, 256)] == [5, 5, 1]
    assert [bounds.least_broke("a", limit) for limit in (16, 64, 256)] == [None, 9, 9]
    assert bounds.most_kept("b", 16, None) == 1 and bounds.least_broke("b", 256) is None
    assert bounds.most_kept("a", 16, 129.0) == 8, "by the length alone"
    assert bounds.most_kept("a", 16, -30.0) == 5


def test_a_failed_request_ends_it_and_counts_as_too_long() -> None:
    bounds = Bounds()
    running = evaluation(bounds, "a", n=4, max_tokens=64, n_examples=20, allowance=50.0, capped=True)
    assert next(running) == Step(n_samples=2, start=0, stop=1)
    with pytest.raises(StopIteration) as end:
        running.send(None)
    assert end.value.value == "failed" and bounds.broke == {"a": {64: 2}}
