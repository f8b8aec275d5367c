"""The verdict on what was seen beside the default: three kinds, and never more than is shown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.selection.select import DOUBT, MARGIN, Posterior
from infertune.selection.verdict import judge
from infertune.types import Configuration
from infertune.types.evidence import Candidate


def side(name: str, scores: list[float], cost: float = 50.0) -> Candidate:
    return Candidate(
        configuration=Configuration({"name": name}),
        example_ids=tuple(str(number) for number in range(len(scores))),
        scores=np.array(scores, dtype=np.float64),
        tokens=np.full(len(scores), cost),
    )


RIGHT, WRONG, HALF = [1.0] * 60, [0.0] * 60, [0.0, 1.0] * 30


def test_a_winner_is_clear_where_the_interval_lies_above_nothing() -> None:
    found = judge(side("seen", RIGHT), side("default", HALF))
    assert found.kind == "clear winner" and found.clear
    assert found.difference.low > 0
    assert not found.recommends_default and found.recommended is found.seen
    assert found.examples_to_decide is None
    assert found.chance_worse < 0.001


def test_the_default_is_kept_only_where_it_is_shown_to_be_as_good() -> None:
    found = judge(side("seen", HALF), side("default", RIGHT))
    assert found.kind == "keep the default"
    assert found.recommends_default and found.recommended is found.default
    equal = judge(side("seen", HALF), side("default", HALF))
    assert equal.kind == "undecided", "60 equal scores do not show a difference below two points"
    many = [0.0, 1.0] * 150
    assert judge(side("seen", many), side("default", many)).kind == "keep the default"


def test_a_lead_that_is_not_shown_is_undecided_and_says_what_would_decide() -> None:
    default = [0.0, 1.0] * 10
    found = judge(side("seen", [1.0, 1.0, 1.0, *default[3:]]), side("default", default))
    assert found.kind == "undecided"
    assert found.difference.mean > 0
    assert found.examples_to_decide is not None and found.examples_to_decide > 0


def test_what_may_be_worse_than_the_default_is_not_recommended() -> None:
    default = [0.0, 1.0] * 10
    seen = side("seen", [1.0, *default[1:-1], 0.0, *default[:2]][:20])
    doubtful = judge(seen, side("default", default))
    assert doubtful.kind == "undecided"
    assert doubtful.chance_worse > DOUBT and doubtful.recommends_default
    sure = judge(seen, side("default", default), lead=Posterior(mean=0.2, spread=0.02))
    assert sure.chance_worse < DOUBT and not sure.recommends_default


def test_a_cheaper_one_wins_only_for_who_prefers_it() -> None:
    scores = [0.0, 1.0] * 200
    seen, default = side("seen", scores, cost=10), side("default", scores, cost=50)
    assert judge(seen, default).kind == "keep the default"
    for prefer in ("cost", "balanced"):
        found = judge(seen, default, prefer=prefer)  # type: ignore[arg-type]
        assert found.clear and found.cheaper and not found.recommends_default
    assert not judge(side("seen", scores, cost=49), default, prefer="cost").clear


def test_a_default_over_the_cap_is_not_recommended() -> None:
    found = judge(side("seen", HALF), side("default", RIGHT), default_admitted=False)
    assert found.kind == "undecided" and not found.recommends_default


def test_alone_the_default_is_kept() -> None:
    found = judge(side("default", HALF), side("default", HALF))
    assert found.kind == "keep the default" and found.recommends_default


def test_no_number_of_examples_decides_between_equals() -> None:
    assert judge(side("seen", HALF), side("default", HALF)).examples_to_decide is None


@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, 0.25, 1.0])] * 2), min_size=2, max_size=200),
    st.booleans(),
)
def test_no_verdict_says_more_than_is_shown(pairs: list[tuple[float, float]], admitted: bool) -> None:
    ours, its = ([*each] for each in zip(*pairs, strict=True))
    found = judge(side("seen", ours), side("default", its), default_admitted=admitted)
    assert found.clear == (found.difference.low > 0)
    if found.kind == "keep the default":
        assert found.difference.high < MARGIN and found.recommends_default
    if found.kind == "undecided" and admitted and not found.recommends_default:
        assert found.chance_worse <= DOUBT
    assert found.difference.mean == pytest.approx(found.seen.utility.mean - found.default.utility.mean)
