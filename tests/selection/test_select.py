"""Choosing among candidates, held to what the words mean, by brute force."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.errors import BudgetError, EngineError, InvalidInputError
from infertune.selection.select import (
    DOUBT,
    MARGIN,
    PREFERENCES,
    Preference,
    Wanted,
    affordable,
    believed,
    check_affordable,
    finalists,
    front,
    on_common_examples,
    select,
)
from infertune.types import Configuration
from infertune.types.evidence import Candidate

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


def number(one: Candidate) -> object:
    return one.configuration["number"]


@given(compared(), st.integers(8, 13), st.sampled_from(PREFERENCES))
def test_what_is_confirmed_keeps_the_cap_and_gives_no_more_away_than_is_shown(
    candidates: list[Candidate], cap: int, prefer: Preference
) -> None:
    default = candidates[0].configuration
    within = [one for one in candidates if one.cost_tokens <= cap]
    wanted = Wanted(prefer=prefer, max_cost_tokens=cap)
    if not within:
        with pytest.raises(BudgetError, match="max_cost_tokens"):
            select(candidates, default=default, wanted=wanted)
        return
    selection = select(candidates, default=default, wanted=wanted)
    others = [one for one in within if one.configuration != default]
    assert selection.default is candidates[0]
    assert selection.challenger.cost_tokens <= cap
    assert (selection.challenger is selection.default) == (not others), "the default is no rival of its own"
    if others:
        assert selection.best.utility == max(one.utility for one in others)
        behind = believed(selection.challenger.scores, selection.best.scores)
        if prefer != "cost":
            assert selection.challenger is selection.best or behind.above(-MARGIN) >= 1 - DOUBT
        if prefer == "utility":
            assert selection.challenger is selection.best or behind.above(0.0) >= DOUBT


def test_thin_evidence_gives_no_utility_away_for_tokens() -> None:
    """Seven right answers more among 26 do not show that the cheaper one is as good."""
    dear = candidate(1, [1.0] * 13 + [0.0] * 13, 82)
    cheap = candidate(2, [1.0] * 3 + [0.0] * 20 + [1.0] * 3, 74)
    base = candidate(-1, [0.0] * 26, 70)
    for prefer in PREFERENCES[:2]:
        selection = select([base, cheap, dear], default=DEFAULT, wanted=Wanted(prefer=prefer))
        assert number(selection.challenger) == 1


def test_of_equals_the_one_with_the_fewest_changes_is_taken() -> None:
    """All score alike on enough examples; only one value of the plain one is changed, and it is the dearest."""
    default = Configuration({"a": 0, "b": 0, "c": 0})
    scores, ids = [0.0, 1.0] * 30, [str(n) for n in range(60)]

    def made(cost: float, worse: float = 0.0, **values: int) -> Candidate:
        shown = np.array(scores) * (1 - worse)
        return Candidate(
            configuration=default.with_values(values), example_ids=tuple(ids), scores=shown, tokens=np.full(60, cost)
        )

    tried = [made(9, worse=1.0), made(9, a=1, b=1, c=1), made(10, b=1), made(8, a=1, b=1)]
    assert select(tried, default=default, wanted=Wanted()).challenger is tried[2]
    assert select(tried, default=default, wanted=Wanted(prefer="balanced")).challenger is tried[3]


def test_cost_takes_the_cheapest_that_is_shown_to_be_as_good_as_the_default() -> None:
    scores = [0.0, 1.0] * 13
    base, dear = candidate(-1, scores, 50), candidate(1, [1.0] * 26, 90)
    cheap, bad = candidate(2, [1.0] * 20 + [0.0] * 6, 30), candidate(3, [0.0] * 26, 10)
    selection = select([base, dear, cheap, bad], default=DEFAULT, wanted=Wanted(prefer="cost"))
    assert number(selection.challenger) == 2
    assert number(select([base, dear, cheap, bad], default=DEFAULT, wanted=Wanted()).challenger) == 1


def test_a_least_utility_is_kept_where_anything_keeps_it() -> None:
    base, good = candidate(-1, [1.0] * 10 + [0.0] * 16, 50), candidate(1, [1.0] * 26, 90)
    cheap = candidate(2, [1.0] * 16 + [0.0] * 10, 30)
    for least, expected in ((0.4, 2), (0.8, 1), (1.0, 1)):
        selection = select([base, good, cheap], default=DEFAULT, wanted=Wanted(prefer="cost", min_utility=least))
        assert number(selection.challenger) == expected


def test_what_refuses_too_many_examples_is_not_taken() -> None:
    base, good = candidate(-1, [0.0, 0.0, 1.0, 0.0] * 6, 50), candidate(1, [1.0] * 23 + [0.0], 50)
    refusing = replace(good, configuration=Configuration({"number": 2}), scores=np.ones(24), refused=frozenset("ab"))
    assert refusing.answered_share == pytest.approx(22 / 24)
    assert number(select([base, good, refusing], default=DEFAULT, wanted=Wanted()).challenger) == 1
    lenient = Wanted(min_answered=0.9)
    assert number(select([base, good, refusing], default=DEFAULT, wanted=lenient).challenger) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"prefer": "utilty"}, "did you mean 'utility'"),
        ({"min_utility": 1.5}, "min_utility must lie between 0 and 1, but is 1.5"),
        ({"min_answered": -0.1}, "min_answered must lie between 0 and 1"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        Wanted(**changes)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_a_posterior_lies_between_nothing_and_what_was_seen(pairs: list[tuple[float, float]]) -> None:
    a, b = (np.array(each) for each in zip(*pairs, strict=True))
    seen = float((a - b).mean())
    found, flat = believed(a, b), believed(a, b, prior=math.inf)
    assert flat.mean == pytest.approx(seen)
    assert abs(found.mean) <= abs(seen) + 1e-12
    assert 0 < found.spread <= flat.spread
    assert found.above(-1.0) >= found.above(0.0) >= found.above(1.0)
    assert believed(b, a).mean == pytest.approx(-found.mean)
    joined = found.joined(flat)
    assert joined.spread < min(found.spread, flat.spread)
    assert min(found.mean, flat.mean) - 1e-9 <= joined.mean <= max(found.mean, flat.mean) + 1e-9


def test_equal_scores_on_a_few_examples_are_no_proof_of_equality() -> None:
    few, many = np.ones(12), np.ones(60)
    assert believed(few, few).above(-MARGIN) < 1 - DOUBT < believed(many, many).above(-MARGIN)


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
