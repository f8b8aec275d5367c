"""The process on means of examples is the process on the examples themselves, held to it by brute force."""

import numpy as np
import pytest
from scipy import optimize

from infertune.allocators import gaussian_process
from infertune.allocators.gaussian_process import Hyperparameters, Posterior, fit, kernel

FOUND = Hyperparameters(theta=np.array([2.0, 0.5]), v=0.8, beta=0.6, gamma=0.3, own=0.2)
N_EXAMPLES = 8


def pieces() -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Five pieces of evidence: points of two axes, the second a label, and examples some of which are shared."""
    points = np.array([[0.1, 0], [0.4, 0], [0.4, 1], [0.9, 1], [0.1, 0]])
    return points, [(0, 1, 2), (0, 1, 2), (2, 3), (4, 5, 6, 7), (3, 4)]


def differences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    difference = (one.T[:, :, None] - other.T[:, None, :]) ** 2
    difference[1] = difference[1] > 0
    return difference


def shares(examples: list[tuple[int, ...]]) -> np.ndarray:
    weights = np.zeros((len(examples), N_EXAMPLES))
    for row, each in enumerate(examples):
        weights[row, list(each)] = 1 / len(each)
    return weights


def example_by_example(
    points: np.ndarray, examples: list[tuple[int, ...]], values: np.ndarray, new: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of u at new points, by conditioning on means made from the whole joint law."""
    of, seen = zip(*[(row, e) for row, each in enumerate(examples) for e in each], strict=True)
    k = kernel(FOUND.theta, differences(points[list(of)], points[list(of)]))
    same = np.equal.outer(seen, seen)
    single = FOUND.v * k + same * (FOUND.beta + FOUND.gamma * k) + FOUND.own * np.eye(len(of))
    averaging = np.array([[(row == piece) / len(examples[piece]) for row in of] for piece in range(len(points))])
    observed = averaging @ single @ averaging.T + gaussian_process._JITTER * np.eye(len(points))
    cross = FOUND.v * averaging @ kernel(FOUND.theta, differences(points[list(of)], new))
    prior = FOUND.v * kernel(FOUND.theta, differences(new, new))
    solved = np.linalg.solve(observed, np.column_stack([values, cross]))
    return cross.T @ solved[:, : values.shape[1]], prior - cross.T @ solved[:, values.shape[1] :]


def test_means_of_examples_say_what_the_examples_say() -> None:
    points, examples = pieces()
    values = np.random.default_rng(0).normal(size=(len(points), 3))
    new = np.array([[0.2, 0], [0.5, 1], [0.9, 0]])
    overlaps = shares(examples) @ shares(examples).T
    posterior = Posterior(FOUND, kernel(FOUND.theta, differences(points, points)), overlaps, np.diag(overlaps), values)
    correlation = kernel(FOUND.theta, differences(points, new))
    root = posterior.root(correlation)
    mean, covariance = example_by_example(points, examples, values, new)
    np.testing.assert_allclose(posterior.means(correlation), mean, atol=1e-9)
    np.testing.assert_allclose(
        FOUND.v * kernel(FOUND.theta, differences(new, new)) - root.T @ root, covariance, atol=1e-9
    )


def test_what_a_new_piece_would_say_is_known_beforehand() -> None:
    """Over many draws of what an order brings, the expected u changes by the standard deviation computed before."""
    points, examples = pieces()
    first, order = points[:4], (points[4:], examples[4:])
    overlaps = shares(examples) @ shares(examples).T
    k = kernel(FOUND.theta, differences(points, points))
    before = Posterior(FOUND, k[:4, :4], overlaps[:4, :4], np.diag(overlaps)[:4], np.zeros((4, 1)))
    own, new = before.root(k[:4, 4:]), before.root(k[:4, 4:], overlaps[:4, 4:])
    observed = FOUND.v + FOUND.example / len(order[1][0]) - (new**2).sum()
    foreseen = (FOUND.v - (own * new).sum()) / np.sqrt(observed)
    # The new mean is linear in what is seen: one unit of it, times how much it varies.
    after = Posterior(FOUND, k, overlaps, np.diag(overlaps), np.array([[0.0], [0.0], [0.0], [0.0], [1.0]]))
    slope = after.means(kernel(FOUND.theta, differences(points, order[0])))[0, 0]
    assert first.shape == (4, 2)
    assert foreseen == pytest.approx(slope * np.sqrt(observed), rel=1e-4)


def test_ten_similar_settings_on_the_same_examples_are_far_from_ten_times_the_examples() -> None:
    def sure(examples: list[tuple[int, ...]]) -> float:
        points = np.column_stack([np.linspace(0.4, 0.45, 4), np.zeros(4)])
        k = kernel(FOUND.theta, differences(points, points))
        overlaps = shares(examples) @ shares(examples).T
        root = Posterior(FOUND, k, overlaps, np.diag(overlaps), np.zeros((4, 1))).root(k[:, :1])
        return float(FOUND.v - (root**2).sum())

    assert sure([(0, 1)] * 4) > 2 * sure([(0, 1), (2, 3), (4, 5), (6, 7)])


def test_the_fit_climbs_by_the_right_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    """The derivatives that the optimiser is given are those of the function."""
    seen = {}

    def check(loss, start, **options):  # type: ignore[no-untyped-def]
        for shift in (0.0, 0.3):
            at = start + shift
            numeric = optimize.approx_fprime(at, lambda logs: loss(logs)[0], 1e-6)
            np.testing.assert_allclose(loss(at)[1], numeric, rtol=1e-3, atol=1e-3)
        seen["checked"] = True
        return optimize.OptimizeResult(x=start)

    points, examples = pieces()
    overlaps = shares(examples) @ shares(examples).T
    numbers = np.random.default_rng(1).normal(size=(len(points), 2))
    monkeypatch.setattr(gaussian_process.optimize, "minimize", check)
    fit(differences(points, points), overlaps, np.diag(overlaps), numbers, 0.7, 1)
    assert seen


def test_an_axis_that_does_nothing_is_found_to() -> None:
    rng = np.random.default_rng(2)
    points = np.column_stack([rng.random(60), rng.random(60)])
    y = np.sin(6 * points[:, :1]) + 0.05 * rng.normal(size=(60, 1))
    y = (y - y.mean()) / y.std()
    squared = (points.T[:, :, None] - points.T[:, None, :]) ** 2
    found = fit(squared, np.eye(60) / 20, np.full(60, 1 / 20), y, 0.1, 0)
    assert found.theta[0] > 10 * found.theta[1]
