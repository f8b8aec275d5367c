"""Choosing among candidates, held to what the words mean, by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import BudgetError, EngineError
from infertune.evaluate import Candidate
from infertune.select import (
    SAME_COST,
    affordable,
    check_affordable,
    confirm,
    finalists,
    front,
    on_common_examples,
    select,
)
from infertune.space import Configuration
from infertune.stats import paired_difference

DEFAULT = Configuration({"number": -1})


def candidate(number: int, scores: list[float], cost: float, ids: str = "abcdefghijklmnopqrstuvwxyz") -> Candidate:
    return Candidate(
        configuration=Configuration({"number": number}),
        example_ids=tuple(ids[: len(scores)]),
        scores=np.array(scores, dtype=np.float64),
        tokens=np.full(len(scores), float(cost)),
    )


@st.composite
def compared(draw: st.DrawFn) -> list[Candidate]:
    """Candidates on the same examples, with many ties of utility and of cost."""
    n_examples = draw(st.integers(2, 12))
    score = st.sampled_from([0.0, 0.25, 1.0])
    rows = draw(st.lists(st.tuples(st.lists(score, min_size=n_examples, max_size=n_examples), st.integers(8, 12)),
                         min_size=1, max_size=8))  # fmt: skip
    return [candidate(number, scores, cost) for number, (scores, cost) in enumerate(rows)]


@given(compared())
def test_the_front_is_what_no_other_beats(candidates: list[Candidate]) -> None:
    def beats(a: Candidate, b: Candidate) -> bool:
        no_worse = a.cost_tokens <= b.cost_tokens and a.utility >= b.utility
        return no_worse and (a.cost_tokens, a.utility) != (b.cost_tokens, b.utility)

    found = front(candidates)
    expected = [b for b in candidates if not any(beats(a, b) for a in candidates)]
    assert {one.configuration["number"] for one in found} == {one.configuration["number"] for one in expected}
    assert [one.cost_tokens for one in found] == sorted(one.cost_tokens for one in found)


@given(compared(), st.integers(8, 13))
def test_recommended_is_the_cheapest_of_those_not_told_from_the_best(candidates: list[Candidate], cap: int) -> None:
    within = [one for one in candidates if one.cost_tokens <= cap]
    if not within:
        with pytest.raises(BudgetError, match="--max-cost-tokens"):
            select(candidates, default=DEFAULT, max_cost_tokens=cap)
        return
    selection = select(candidates, default=DEFAULT, max_cost_tokens=cap)
    assert selection.best.utility == max(one.utility for one in within)
    assert selection.recommended.cost_tokens <= cap

    def told_apart(one: Candidate) -> bool:
        return paired_difference(selection.best.scores, one.scores).low > 0

    equals = [one for one in within if not told_apart(one)]
    assert selection.n_indistinguishable == len(equals)
    cheapest = min(one.cost_tokens for one in equals)
    nearly = [one for one in equals if one.cost_tokens <= SAME_COST * cheapest]
    assert selection.recommended in nearly
    assert selection.recommended.utility == max(one.utility for one in nearly)


def test_a_dearer_winner_is_recommended_only_when_the_evidence_tells_it_apart() -> None:
    luck = select([candidate(0, [0, 1] * 10, 50), candidate(1, [0, 1] * 9 + [1, 1], 100)], default=DEFAULT)
    assert (luck.best.configuration["number"], luck.recommended.configuration["number"]) == (1, 0)
    real = select([candidate(0, [0, 0] * 10, 50), candidate(1, [1, 1] * 10, 100)], default=DEFAULT)
    assert (real.best.configuration["number"], real.recommended.configuration["number"]) == (1, 1)


def test_equals_in_all_else_keep_the_default() -> None:
    default = Configuration({"number": 2})
    equal = [candidate(number, [1.0, 0.0, 1.0], 50) for number in range(4)]
    assert select(equal, default=default).recommended.configuration == default


@given(compared())
def test_finalists_bring_the_best_the_front_and_in_the_end_everybody(candidates: list[Candidate]) -> None:
    order = [int(str(one.configuration["number"])) for one in finalists(candidates)]
    assert set(order) == set(range(len(candidates)))
    best = max(one.utility for one in candidates)
    assert candidates[order[0]].utility == best
    on_front = [int(str(one.configuration["number"])) for one in front(candidates)]
    assert set(on_front) <= set(order[: 2 * len(on_front)])


def test_a_comparison_is_on_the_examples_that_all_have() -> None:
    ordered, reversed_, lacking = (
        candidate(0, [0.1, 0.2, 0.3, 0.4], 5, "abcd"),
        candidate(1, [0.9, 0.8, 0.7, 0.6], 6, "dcba"),
        candidate(2, [0.5, 0.6], 7, "cb"),
    )
    found = on_common_examples([ordered, reversed_, lacking])
    assert [one.example_ids for one in found] == [("b", "c")] * 3
    assert [one.scores.tolist() for one in found] == [[0.2, 0.3], [0.7, 0.8], [0.6, 0.5]]
    assert [one.tokens.tolist() for one in found] == [[5, 5], [6, 6], [7, 7]]


def test_candidates_without_a_common_example_cannot_be_compared() -> None:
    with pytest.raises(EngineError, match="no example was answered under every configuration"):
        on_common_examples([candidate(0, [1.0], 5, "a"), candidate(1, [1.0], 5, "b")])


def test_without_a_cap_all_are_affordable() -> None:
    candidates = [candidate(0, [1.0], 1e9)]
    assert affordable(candidates, None) == candidates
    check_affordable(candidates, None)
    with pytest.raises(BudgetError, match="takes 1000000000 tokens"):
        check_affordable(candidates, 3.0)


def test_a_verdict_is_clear_in_both_directions_or_says_what_would_decide() -> None:
    right, wrong, half = (candidate(0, scores, 9) for scores in ([1.0] * 24, [0.0] * 24, [0.0, 1.0] * 12))
    assert confirm(right, wrong).clear
    assert confirm(wrong, right).clear
    assert confirm(right, wrong).examples_to_decide is None
    even = confirm(half, half)
    assert not even.clear
    assert even.examples_to_decide is None  # no number of examples decides between equals
    slight = confirm(candidate(0, [0.0, 1.0] * 11 + [1.0, 1.0], 9), half)
    assert not slight.clear
    assert slight.examples_to_decide is not None
    assert slight.examples_to_decide > 24
