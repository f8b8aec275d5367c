"""Bounds of a mean that hold at every number of examples at once, by betting against each value it could have.

Hedged capital of Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSS-B 86, 2024,
arXiv:2010.09686), one of its two sides. Who doubts that the mean is m bets on every example that it falls short of m:

    K_t(m) = product over i <= t of 1 + bet_i(m) (m - x_i)

If the mean is m, or above it, nobody expects to gain, whatever the bets, as long as each is placed before its example
is seen. So by Ville's inequality the capital ever reaches 1 / risk with probability ``risk`` at most, and the values
of m at which it has are ruled out. The capital of every time grows with m: one bisection finds the bound exactly.

The bets are the paper's for a number of examples fixed before: from the spread of the examples so far,

    bet_i = sqrt(2 log(1 / risk) / (n_planned spread_(i-1)^2)), at most 0.9 / (1 - m) to lose no capital whole.

They only shape the width. The bound holds for any number of examples and whenever one stops.
"""

import math

import numpy as np

from infertune.types.arrays import FloatArray

_MOST_STAKED = 0.9  # of the capital on one example; the paper's default of 1/2 is wider where examples hardly differ
_HALVINGS = 34


def upper_bounds(
    values: FloatArray, *, risk: float, n_planned: int, lowest: float = 0.0, highest: float = 1.0
) -> FloatArray:
    """Return for each row what its mean exceeds, at any time, with probability ``risk`` at most.

    Each row has the risk for itself: who asks that all bounds hold together divides it among them.

    Args:
        values: In [lowest, highest], in the order in which they were seen; shape ``[n_rows, n_examples]``. The
            expected value of each, given those before it, must be the mean.
        risk: In (0, 1).
        n_planned: For how many examples the bets are made; fixed before any of them was seen.
        lowest: Of all values that there could be; highest likewise.

    Returns:
        The least bound of all times so far, shape ``[n_rows]``; ``highest`` where nothing is ruled out.
    """
    scaled = _scaled(values, risk, n_planned, lowest, highest)
    goal = -math.log(risk)
    bets = _bets(scaled, goal, n_planned)
    possible, ruled_out = np.zeros(len(scaled)), np.ones(len(scaled))
    for _ in range(_HALVINGS):
        middle = (possible + ruled_out) / 2
        reached = _log_capital(scaled, middle, bets).max(axis=1, initial=0.0) >= goal
        possible, ruled_out = np.where(reached, possible, middle), np.where(reached, middle, ruled_out)
    # The upper end of what is left of the bisection: a bound may be too wide by rounding, never too narrow.
    return np.asarray(lowest + (highest - lowest) * ruled_out)


def lower_bounds(
    values: FloatArray, *, risk: float, n_planned: int, lowest: float = 0.0, highest: float = 1.0
) -> FloatArray:
    """Return for each row what its mean falls short of, at any time, with probability ``risk`` at most."""
    mirrored = lowest + highest - np.asarray(values, dtype=np.float64)
    return lowest + highest - upper_bounds(mirrored, risk=risk, n_planned=n_planned, lowest=lowest, highest=highest)


def log_capital(values: FloatArray, mean: float, *, risk: float, n_planned: int) -> FloatArray:
    """Return the log of what the doubter of ``mean``, in [0, 1), owns after each example of values in [0, 1].

    Shapes are as in `upper_bounds`; the capital starts at 1, whose log is not in the answer.
    """
    scaled = _scaled(values, risk, n_planned, 0.0, 1.0)
    return _log_capital(scaled, np.full(len(scaled), mean), _bets(scaled, -math.log(risk), n_planned))


def _scaled(values: FloatArray, risk: float, n_planned: int, lowest: float, highest: float) -> FloatArray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not np.all((values >= lowest) & (values <= highest)):
        raise ValueError(f"values must have the shape [n_rows, n_examples] and lie in [{lowest:g}, {highest:g}]")
    if not 0 < risk < 1:
        raise ValueError(f"risk must lie in (0, 1), but is {risk}")
    if n_planned < 1:
        raise ValueError(f"n_planned must be at least 1, but is {n_planned}")
    return (values - lowest) / (highest - lowest)


def _bets(scaled: FloatArray, goal: float, n_planned: int) -> FloatArray:
    """Return the bet on each example from those before it, as if one of value 1/2 and spread 1/2 had come first."""
    count = np.arange(2, scaled.shape[1] + 2)
    means = (0.5 + scaled.cumsum(axis=1)) / count
    spreads = (0.25 + ((scaled - means) ** 2).cumsum(axis=1)) / count
    before = np.concatenate([np.full((len(scaled), 1), 0.25), spreads], axis=1)[:, :-1]
    return np.asarray(np.sqrt(2 * goal / (n_planned * before)))


def _log_capital(scaled: FloatArray, mean: FloatArray, bets: FloatArray) -> FloatArray:
    at_most = np.minimum(bets, _MOST_STAKED / (1 - mean[:, None]))
    return np.asarray(np.log1p(at_most * (mean[:, None] - scaled)).cumsum(axis=1))
