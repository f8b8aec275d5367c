"""The sequential test is seldom wrong however long it looks, and is soon right where there is much to see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infertune.statistics.betting import SequentialTest

ALPHA, N_RUNS, LONGEST = 0.05, 300, 800


def runs(draw: object, threshold: float) -> list[tuple[str | None, int]]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(N_RUNS):
        test = SequentialTest(threshold, low=-1, high=1, alpha=ALPHA)
        for value in draw(rng):  # type: ignore[operator]
            if test.see(float(value)) is not None:
                break
        found.append((test.answer, test.n))
    return found


@pytest.mark.parametrize("p", [0.02, 0.3])
def test_at_the_threshold_itself_it_is_wrong_at_most_so_often(p: float) -> None:
    """A mean of exactly the threshold is neither above nor below: each answer has a chance of at most alpha."""
    low, high = 0.45 * p, 0.55 * p  # shares of +1 and -1: the mean is -0.1 p

    def draw(rng: np.random.Generator) -> np.ndarray:
        return rng.choice([1.0, -1.0, 0.0], p=[low, high, 1 - low - high], size=LONGEST)

    found = runs(draw, -0.1 * p)
    for answer in ("above", "below"):
        share = np.mean([each == answer for each, _ in found])
        assert share <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / N_RUNS)


@pytest.mark.parametrize(("shift", "answer", "most"), [(0.0, "above", 400), (-0.3, "below", 120)])
def test_it_ends_soon_where_there_is_much_to_see(shift: float, answer: str, most: int) -> None:
    def draw(rng: np.random.Generator) -> np.ndarray:
        worse, better = 0.1 - shift / 2, 0.1 + shift / 2
        chances = [max(better, 0.0), max(worse, 0.0)]
        return rng.choice([1.0, -1.0, 0.0], p=[*chances, 1 - sum(chances)], size=LONGEST)

    found = runs(draw, -0.1)
    assert np.mean([each == answer for each, _ in found]) > 0.97
    assert np.median([n for _, n in found]) < most


def test_equal_answers_alone_decide_within_the_margin() -> None:
    test = SequentialTest(-0.05, low=-1, high=1, alpha=ALPHA)
    while test.see(0.0) is None:
        assert test.n < 200
    assert test.answer == "above" and 60 <= test.n <= 100


@given(st.lists(st.floats(-1, 1), max_size=60))
def test_capital_is_the_mean_of_the_bets_products(values: list[float]) -> None:
    """Against the definition, in floating point without logarithms."""
    threshold = -0.1
    test = SequentialTest(threshold, low=-1, high=1, alpha=1e-9)
    for value in values:
        test.see(value)
    shares = np.linspace(0.04, 0.96, 24)
    above = np.mean([np.prod([1 + s / 0.9 * (x - threshold) for x in values]) for s in shares])
    below = np.mean([np.prod([1 - s / 1.1 * (x - threshold) for x in values]) for s in shares])
    assert test.evidence == pytest.approx((above, below), rel=1e-6)


def test_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="within"):
        SequentialTest(1.0, low=-1, high=1, alpha=0.05)
    with pytest.raises(ValueError, match="alpha"):
        SequentialTest(0.0, low=-1, high=1, alpha=0)
    with pytest.raises(ValueError, match="must lie in"):
        SequentialTest(0.0, low=-1, high=1, alpha=0.05).see(1.5)
