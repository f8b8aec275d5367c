"""What the test of non-inferiority promises: how often it errs at the margin, and how many examples it asks for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infertune.errors import InvalidInputError
from infertune.statistics.noninferiority import non_inferiority

N_TRIALS = 1000
pairs = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*[arrays(np.float64, n, elements=st.sampled_from([0.0, 0.5, 1.0]))] * 2)
)


def drawn(loss: float, gain: float, n: int, source: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return scores of a new and an old configuration: right or wrong, with that share of losses and of gains."""
    luck = source.random(n)
    old = np.where(luck < loss, 1.0, np.where(luck < loss + gain, 0.0, (luck * 997 % 1 < 0.6).astype(float)))
    new = np.where(luck < loss, 0.0, np.where(luck < loss + gain, 1.0, old))
    return new, old


@pytest.mark.parametrize("margin", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("gain", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("n", [40, 150, 400])
def test_at_the_boundary_it_errs_no_more_often_than_it_says(margin: float, gain: float, n: int) -> None:
    """A loss of just the margin must not be let through. Rare losses, which a few examples do not show, neither."""
    source = np.random.default_rng(5)
    answers = [non_inferiority(*drawn(gain + margin, gain, n, source), margin=margin).answer for _ in range(N_TRIALS)]
    assert answers.count("not worse") / N_TRIALS <= 0.065
    assert answers.count("worse") / N_TRIALS <= 0.065


def test_with_enough_examples_both_truths_are_seen() -> None:
    source = np.random.default_rng(6)
    harmless = [non_inferiority(*drawn(0.02, 0.02, 1500, source), margin=0.02).answer for _ in range(200)]
    harmful = [non_inferiority(*drawn(0.09, 0.02, 1500, source), margin=0.02).answer for _ in range(200)]
    assert harmless.count("not worse") > 180
    assert harmful.count("worse") > 180


def test_as_many_more_examples_as_it_says_decide_about_four_times_in_five() -> None:
    source = np.random.default_rng(7)
    new, old = np.repeat([[0.0, 1.0, 0.5], [1.0, 0.0, 0.5]], [4, 4, 92], axis=1)
    found = non_inferiority(new, old, margin=0.05)
    assert found.answer == "undecided" and found.examples_to_decide
    draws = source.integers(0, 100, (500, 100 + found.examples_to_decide))
    decided = [non_inferiority(new[draw], old[draw], margin=0.05).answer == "not worse" for draw in draws]
    assert 0.7 < np.mean(decided) < 0.92


def test_equal_scores_wait_only_for_the_rule_of_three() -> None:
    """Of n examples without a loss, up to 3 in n may still lose: 2% are excluded from 149 on."""
    scores = np.tile([1.0, 0.0], 100)
    found = non_inferiority(scores[:100], scores[:100], margin=0.02)
    assert found.answer == "undecided"
    enough = 100 + (found.examples_to_decide or 0)
    assert enough == pytest.approx(149, abs=2)
    assert non_inferiority(scores[:enough], scores[:enough], margin=0.02).answer == "not worse"


@given(pairs, st.floats(0.01, 0.5))
def test_the_answer_is_what_the_bounds_say(pair: tuple[np.ndarray, np.ndarray], margin: float) -> None:
    found = non_inferiority(*pair, margin=margin)
    assert (found.answer == "not worse") == (found.difference.low > -margin)
    assert (found.answer == "worse") == (found.difference.high < -margin)
    assert (found.examples_to_decide == 0) == (found.answer != "undecided")
    wider = non_inferiority(*pair, margin=min(0.99, 2 * margin))
    assert not (found.answer == "not worse" and wider.answer != "not worse")


@given(pairs, st.floats(0.01, 0.5))
def test_more_confidence_lets_less_through(pair: tuple[np.ndarray, np.ndarray], margin: float) -> None:
    lax, strict = (non_inferiority(*pair, margin=margin, confidence=level) for level in (0.9, 0.99))
    assert strict.difference.low <= lax.difference.low
    assert not (strict.answer == "not worse" and lax.answer != "not worse")


@pytest.mark.parametrize("margin", [0.0, -0.1, 1.0])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(InvalidInputError, match="the margin must be a loss of utility above 0 and below 1"):
        non_inferiority(np.ones(3), np.ones(3), margin=margin)
