"""How sure a gain over several turns is, when one may stop, and what would decide."""

import math

import numpy as np
import pytest

from infertune.joint.gain import MARGIN, MOST_TURNS, Gain, gain, looks


def test_looks_double() -> None:
    assert looks(30) == [3, 6, 12, 24]
    assert looks(5) == [3] and looks(2) == []


def test_a_gain_is_paired_by_turn() -> None:
    """A drift of the machine that slows both sides alike leaves no trace."""
    drift = np.array([1.0, 3.0, 7.0])
    found = gain(2.0 * drift, drift)
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert found.is_clear and found.turns_to_decide == 0
    turned = gain(drift, 2.0 * drift)
    assert turned.mean == pytest.approx(0.5)
    assert turned.is_none and not turned.is_clear and turned.turns_to_decide == 0


def test_before_the_first_look_there_is_no_interval() -> None:
    found = gain([3.0], [2.0])
    assert (found.mean, found.low, found.high) == (pytest.approx(1.5), 0.0, math.inf)
    assert not found.is_clear and not found.is_none and found.turns_to_decide == 2


def test_faster_by_no_more_than_the_margin_is_shown_as_such() -> None:
    found = gain([1.01, 1.011, 1.009], [1.0, 1.0, 1.0])
    assert found.is_clear  # a point where it is shown to be faster, however little
    same = gain([1.0, 1.002, 0.998], [1.0, 1.0, 1.0])
    assert same.is_none and 1.0 < same.high < 1 + MARGIN


def searched(source: np.random.Generator, true: float, spread: float, n_turns: int) -> Gain:
    """Return what the finals end with."""
    slower = np.exp(source.normal(math.log(true), spread, n_turns))
    faster = np.exp(source.normal(0.0, spread, n_turns))
    for turns in looks(n_turns):
        found = gain(slower[:turns], faster[:turns])
        if found.is_clear or found.is_none:
            break
    return found


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.3])
def test_all_looks_together_are_as_sure_as_they_say(spread: float) -> None:
    """Equal engines are called faster, and an engine beyond the margin no faster, in 2.5% of all searches at most."""
    source = np.random.default_rng(3)
    n = 2000
    equal = [searched(source, 1.0, spread, 24) for _ in range(n)]
    beyond = [searched(source, 1 + MARGIN, spread, 24) for _ in range(n)]
    slack = 3 * math.sqrt(0.025 * 0.975 / n)
    assert sum(each.is_clear for each in equal) <= (0.025 + slack) * n
    assert sum(each.is_none for each in beyond) <= (0.025 + slack) * n
    held = sum(each.low <= 1 + MARGIN <= each.high for each in beyond)
    assert held >= (0.95 - 3 * math.sqrt(0.05 * 0.95 / n)) * n


def test_what_would_decide_about_does() -> None:
    """Of searches that are undecided after six turns, most are decided after the turns that are foretold."""
    source = np.random.default_rng(5)
    foretold, decided = [], []
    for _ in range(400):
        slower, faster = np.exp(source.normal(math.log(1.2), 0.12, 96)), np.exp(source.normal(0.0, 0.12, 96))
        found = gain(slower[:6], faster[:6])
        if found.turns_to_decide:
            turns = found.n_turns + found.turns_to_decide
            foretold.append(turns)
            decided.append(gain(slower[:turns], faster[:turns]).turns_to_decide == 0)
    assert len(foretold) > 100 and set(foretold) <= set(looks(MOST_TURNS))
    assert np.mean(decided) > 0.5


def test_where_no_practical_number_of_turns_would_decide_there_is_none() -> None:
    source = np.random.default_rng(1)
    noise = np.exp(source.normal(0.0, 0.5, (2, 6)))
    noise[1] *= math.exp(float(np.log(noise[0] / noise[1]).mean()) - math.log1p(MARGIN / 2))
    assert gain(noise[0], noise[1]).turns_to_decide is None
