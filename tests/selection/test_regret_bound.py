"""The promise: its definition by brute force, and how often it fails over simulated studies."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.promise import Held, Sizes, simulated
from infertune.report.table import LARGEST_BOUND, bounded
from infertune.selection.regret_bound import Margin, RegretBound, promise
from infertune.statistics.confidence_sequence import lower_bounds, upper_bounds
from infertune.types import Configuration
from infertune.types.evidence import Candidate

N_SEARCHED, N_FINALS, N_CONFIRMED = 5, 12, 20


def candidate(name: str, scores: list[float], *, cost: float = 10.0, start: int = 0) -> Candidate:
    return Candidate(
        configuration=Configuration({"name": name}),
        example_ids=tuple(map(str, range(start, start + len(scores)))),
        scores=np.array(scores, dtype=np.float64),
        tokens=np.full(len(scores), cost),
    )


@st.composite
def ended(draw: st.DrawFn) -> dict[str, list[Candidate]]:
    """A study at its end: candidates in the finals, all that was tried, and the confirmation of each finalist."""
    score = st.sampled_from([0.0, 0.25, 1.0])

    def drawn(n: int) -> list[float]:
        return draw(st.lists(score, min_size=n, max_size=n))

    in_finals = {f"finalist {i}": drawn(N_FINALS) for i in range(draw(st.integers(1, 4)))}
    others = {f"other {i}": drawn(N_SEARCHED) for i in range(draw(st.integers(0, 4)))}
    costs = {name: draw(st.sampled_from([10.0, 30.0])) for name in (*in_finals, *others)}
    return {
        "compared": [candidate(name, scores, cost=costs[name]) for name, scores in in_finals.items()],
        "explored": [
            candidate(name, scores[:N_SEARCHED], cost=costs[name]) for name, scores in (in_finals | others).items()
        ],
        "confirmed": [candidate(name, drawn(N_CONFIRMED), start=100) for name in in_finals],
    }


def made(study: dict[str, list[Candidate]], **others: float | None) -> RegretBound:
    return promise(
        study["compared"][0],
        compared=study["compared"],
        explored=study["explored"],
        confirmed=study["confirmed"][0],
        n_planned=N_SEARCHED,
        **{"n_possible": 50.0, **others},  # type: ignore[arg-type]
    )


@given(ended(), st.sampled_from([None, 20.0]))
def test_the_margins_are_what_they_say(study: dict[str, list[Candidate]], cap: float | None) -> None:
    found = made(study, max_cost_tokens=cap)
    recommended, confirmed = study["compared"][0], study["confirmed"][0]

    def lead(risk: float) -> float:
        leads = [
            upper_bounds(
                (rival.scores - recommended.scores)[None, N_SEARCHED:],
                risk=risk / len(study["compared"]),
                n_planned=N_FINALS - N_SEARCHED,
                lowest=-1.0,
            )[0]
            for rival in study["compared"][1:]
            if cap is None or rival.cost_tokens <= cap
        ]
        return max([0.0, *map(float, leads)])

    least = lower_bounds(confirmed.scores[None], risk=0.05 / 8, n_planned=N_CONFIRMED)[0]
    gaps = [
        upper_bounds(other.scores[None], risk=0.05 / 4 / 50, n_planned=N_SEARCHED)[0] - least
        for other in study["explored"]
        if "other" in str(other.configuration["name"]) and (cap is None or other.cost_tokens <= cap)
    ]
    assert found.finalists and found.tried
    assert found.finalists.within == pytest.approx(lead(0.05))
    assert found.tried.within == pytest.approx(max([lead(0.025), *map(float, gaps)]))
    assert found.finalists.n_examples == N_FINALS - N_SEARCHED
    n_kept = sum(cap is None or one.cost_tokens <= cap for one in study["explored"])
    assert found.tried.n_candidates == n_kept + (cap is not None and recommended.cost_tokens > cap)


@given(ended())
def test_more_confidence_and_more_that_could_have_been_tried_only_widen(study: dict[str, list[Candidate]]) -> None:
    plain, sure, wide = made(study), made(study, confidence=0.99), made(study, n_possible=1e6)
    assert plain.finalists and sure.finalists and plain.tried and sure.tried and wide.tried
    assert plain.finalists.within <= sure.finalists.within <= sure.tried.within <= 1
    assert plain.tried.within <= min(wide.tried.within, sure.tried.within)
    assert plain.finalists == wide.finalists


@given(ended())
def test_examples_that_helped_to_choose_the_finalists_do_not_count_for_them(study: dict[str, list[Candidate]]) -> None:
    """Other scores on the examples of the search leave the finalists' margin as it is."""
    flipped = [
        candidate(str(c.configuration["name"]), [*(1 - c.scores[:N_SEARCHED]), *c.scores[N_SEARCHED:]])
        for c in study["compared"]
    ]
    assert made({**study, "compared": flipped}).finalists == made(study).finalists


def test_what_cannot_be_promised_is_not() -> None:
    whole = candidate("a", [1.0] * N_FINALS)
    other = candidate("b", [0.0] * N_FINALS)
    study = {
        "compared": [whole, other],
        "explored": [whole, other],
        "confirmed": [candidate("a", [1.0] * 50, start=90)],
    }
    seen = made(study)
    assert seen.finalists is None
    assert seen.tried and seen.tried.n_candidates == 2
    assert made(study, n_possible=math.inf) == RegretBound(confidence=0.95, finalists=None, tried=None)


def test_alone_there_is_nothing_to_fall_short_of() -> None:
    study = {
        "compared": [candidate("a", [0.0] * N_FINALS)],
        "explored": [candidate("a", [0.0] * N_SEARCHED)],
        "confirmed": [candidate("a", [0.0] * N_CONFIRMED, start=90)],
    }
    found = made(study)
    assert found.finalists and found.tried
    assert found.finalists.within == found.tried.within == 0.0
    seen = made({**study, "explored": study["compared"]})
    assert seen.finalists is None
    assert seen.tried == Margin(within=0.0, n_candidates=1, n_examples=0)


BESIDE_FINALISTS, BESIDE_ALL = (
    Margin(within=0.1201, n_candidates=187, n_examples=36),
    Margin(within=0.41, n_candidates=1812, n_examples=24),
)


def bound(within: float, n_candidates: int = 24) -> Margin:
    return Margin(within=within, n_candidates=n_candidates, n_examples=40)


@pytest.mark.parametrize(
    ("finalists", "tried", "said"),
    [
        (bound(0.1101), bound(0.29, 270), "At most 0.12 below the best of the 24 finalists (95%)."),
        (bound(0.12), bound(0.5), "At most 0.12 below the best of the 24 finalists (95%)."),
        (None, bound(0.2, 1270), "At most 0.20 below the best of the 1,270 configurations tried (95%)."),
        (bound(LARGEST_BOUND), bound(0.31), ""),
        (None, bound(0.9), ""),
        (None, None, ""),
        (None, bound(0.0, 1), ""),
    ],
)
def test_the_bound_in_words_is_no_better_than_in_numbers_and_says_something(
    finalists: Margin | None, tried: Margin | None, said: str
) -> None:
    assert bounded(RegretBound(confidence=0.95, finalists=finalists, tried=tried)) == said


@pytest.fixture(scope="module")
def held() -> list[Held]:
    """Return what 200 studies say, of the world in which the luckiest of many is recommended."""
    return [each for seed in range(200) for each in simulated(seed, kind="needles", sizes=Sizes(), risks=(0.05, 0.2))]


def n_failed(held: list[Held], name: str, risk: float) -> int:
    return sum(each.behind > each.within for each in held if (each.name, each.risk) == (name, risk))


@pytest.mark.parametrize("risk", [0.05, 0.2])
@pytest.mark.parametrize("name", ["finalists", "all tried"])
def test_the_promise_fails_no_more_often_than_it_says(held: list[Held], name: str, risk: float) -> None:
    assert n_failed(held, name, risk) <= stats.binom.ppf(0.999, 200, risk)


@pytest.mark.parametrize("risk", [0.05, 0.2])
def test_the_studies_can_break_a_promise(held: list[Held], risk: float) -> None:
    """Student's upper ends on all examples of the finals, the widest of them, fail more often than they say."""
    assert n_failed(held, "t, all finalists", risk) > stats.binom.ppf(0.999, 200, risk)


def test_the_margin_says_something(held: list[Held]) -> None:
    margins = [each.within for each in held if (each.name, each.risk) == ("finalists", 0.05)]
    assert 0.05 < np.mean(margins) < 0.5
