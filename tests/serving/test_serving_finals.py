"""The finals: who meets whom, in changing order, and what may be said of it."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from infertune.engines.process.failures import ServerFailure
from infertune.serving.measure.score import NOT_KEPT, Measured
from infertune.serving.search.finals import Round, ServingFinals, order
from infertune.serving.search.trial import ServingTrial
from infertune.serving.search.verdict import verdict
from infertune.types import Configuration

A, B, C, D = (Configuration({"engine.a": number}) for number in range(4))
CRASH = ServerFailure(kind="crash", line="boom", exit_code=1)


def measured(score: float | None, *, end: str = "no budget", error: float = 0.05) -> Measured:
    value, half = score or 0.0, 1.28 * error
    return Measured(score=score, low=value - half, high=value + half, rate=1.0, bursts=(), end=end)


BROKEN = measured(None, end=NOT_KEPT)
CUT = measured(None)


def trial(configuration: Configuration, score: float | None, *, error: float = 0.05) -> ServingTrial:
    found = BROKEN if score is None else measured(score, error=error)
    number = int(configuration["engine.a"])
    return ServingTrial(
        number=number, arm="random", configuration=configuration, measured=found, failure=None, seconds=1.0
    )


def rounds(*shown: dict[Configuration, float | Measured | ServerFailure]) -> Sequence[Round]:
    return [{c: measured(one) if isinstance(one, float) else one for c, one in each.items()} for each in shown]


def finals(*shown: dict[Configuration, float | Measured | ServerFailure], **seen: float | None) -> ServingFinals:
    """Return finals in which A is the default and the others were seen with the scores that are given."""
    trials = [trial(c, seen[n]) for n, c in (("b", B), ("c", C), ("d", D)) if seen.get(n) is not None]
    trials.sort(key=lambda each: -(each.score or 0.0))
    return ServingFinals(default=trial(A, seen.get("a", 1.0)), seen=trials, rounds=rounds(*shown))


def test_everyone_is_first_once_before_anyone_is_twice() -> None:
    for n in (2, 3, 4):
        orders = [order(n, turn) for turn in range(2 * n)]
        assert all(sorted(each) == list(range(n)) for each in orders)
        if n > 2:
            assert len({tuple(each) for each in orders[:n]}) == n


def test_the_best_seen_meets_the_default_twice_before_anyone_else() -> None:
    seen = {"b": 1.5, "c": 2.0, "d": 1.9}
    shown: list[dict[Configuration, float | Measured | ServerFailure]] = []
    for _ in range(2):
        now = finals(*shown, **seen)
        assert now.undecided[0] == C
        assert set(now.members(C)) == {A, C}
        shown.append({A: 1.0, C: 1.01})


def test_the_best_seen_meets_the_default_even_if_it_was_seen_worse() -> None:
    now = finals(b=0.5)
    assert now.undecided == [B]
    assert verdict(now).kind == "undecided"
    met = finals(*({A: 1.0, B: 0.4},) * 2, b=0.5)
    assert verdict(met).kind == "keep"
    assert not met.undecided


def test_what_was_seen_clearly_better_is_compared_before_the_default_is_kept() -> None:
    shown = ({A: 1.0, B: 0.4},) * 2
    assert verdict(finals(*shown, b=2.0, c=1.02)).kind == "keep"
    now = finals(*shown, b=2.0, c=1.9)
    assert now.undecided == [C]
    assert verdict(now).kind == "undecided"


def test_what_looks_better_is_never_followed_by_keep_the_default() -> None:
    """The answer that made this: three times the default's, seen once."""
    seen = {"b": math.log(50.4), "a": math.log(16.8)}
    for turns in ((), ({A: math.log(16.8), B: CUT},), ({A: math.log(16.8), B: math.log(50.4)},)):
        said = verdict(finals(*turns, **seen))
        assert said.kind == "undecided"
        assert said.best == B


def test_a_clear_winner_and_who_may_still_be_better() -> None:
    now = finals(*({A: 1.0, B: 2.0},) * 2, b=2.0, c=1.9, d=1.8)
    said = verdict(now)
    assert (said.kind, said.best) == ("clear", B)
    assert said.recommended is not None
    assert said.recommended.configuration == B
    assert said.comparison.difference == pytest.approx(1.0)
    assert 0 < said.comparison.low < 1 < said.comparison.high
    assert not now.undecided  # B was seen best
    assert set(said.rivals) == {C, D}
    assert set(now.members(C)) == {A, B, C}


def test_what_was_seen_above_the_winner_must_meet_it() -> None:
    met_once = finals(*({A: 1.0, B: 2.0},) * 2, b=2.0, c=2.5)
    assert met_once.undecided == [C]
    below = {A: 1.0, B: 2.0, C: 1.9}
    assert not finals(*({A: 1.0, B: 2.0},) * 2, below, below, b=2.0, c=2.5).undecided
    above = {A: 1.0, B: 2.0, C: 2.2}
    beats = finals(*({A: 1.0, B: 2.0},) * 2, above, above, b=2.0, c=2.5)
    assert verdict(beats).best == C


@pytest.mark.parametrize("out", [BROKEN, CRASH])
def test_what_fails_or_breaks_the_slo_once_is_out(out: Measured | ServerFailure) -> None:
    now = finals({A: 1.0, B: 3.0}, {A: 1.0, B: out}, {A: 1.0, B: 3.0}, b=3.0, c=2.0)
    assert now.of(B).is_out
    assert now.of(B).mean == -math.inf
    assert now.undecided == [C]
    assert verdict(now).best == C


def test_a_turn_that_the_budget_cut_says_nothing() -> None:
    now = finals({A: 1.0, B: CUT}, {A: 1.0, B: 2.0}, {A: 1.0, B: 2.0}, b=2.0)
    assert not now.of(B).is_out
    assert now.against_default(B).n == 2
    assert verdict(now).kind == "clear"


def test_a_default_that_is_out_needs_two_turns_of_another() -> None:
    assert verdict(finals(a=None, b=1.0)).kind == "undecided"
    assert finals(a=None, b=1.0).members(B) == (B,)
    assert verdict(finals({B: 1.0}, a=None, b=1.0)).kind == "undecided"
    said = verdict(finals({B: 1.0}, {B: 1.1}, a=None, b=1.0))
    assert (said.kind, said.best, said.comparison.n) == ("clear", B, 0)


def test_nothing_keeps_the_slo() -> None:
    assert verdict(finals(a=None)).kind == "nothing"
    assert verdict(finals(a=None)).recommended is None


def test_nothing_else_ran() -> None:
    said = verdict(finals(a=1.0))
    assert (said.kind, said.best) == ("keep", None)
    assert said.recommended is not None
    assert said.recommended.configuration == A


def test_the_order_of_what_is_undecided_is_who_may_be_furthest_above() -> None:
    once = {A: 1.0, B: 1.05}
    now = finals(once, once, once, once, b=2.0, c=1.9)
    assert now.undecided[0] == C  # B has shown that it is no more than a little better


def test_a_clear_winner_is_rare_where_there_is_none() -> None:
    """Equal finalists on a machine that drifts: what any of ten turns has shown stays shown."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        drift = rng.normal(size=10) * 0.2
        shown = [{each: float(drift[turn] + rng.normal() * 0.07) for each in (A, B)} for turn in range(10)]
        wrong += verdict(finals(*shown, b=1.5)).kind == "clear"
    assert wrong / 200 < 0.05
