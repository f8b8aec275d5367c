"""The plain process, held to textbook formulas."""

import numpy as np
import pytest
from scipy import optimize

from infertune.allocators.surrogates import gaussian_process
from infertune.allocators.surrogates.gaussian_process import Posterior, fit, kernel


def differences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    difference = (one.T[:, :, None] - other.T[:, None, :]) ** 2
    difference[1] = difference[1] > 0
    return difference


def test_the_posterior_is_that_of_the_joint_law() -> None:
    rng = np.random.default_rng(0)
    points, new = rng.random((6, 2)), rng.random((3, 2))
    theta, v = np.array([2.0, 0.5]), 0.8
    k, cross = kernel(theta, differences(points, points)), kernel(theta, differences(points, new))
    noise = np.diag(rng.random(6)) + 0.1
    values = rng.normal(size=(6, 2))
    posterior = Posterior(v, k, noise, values)
    solved = np.linalg.solve(v * k + noise, np.column_stack([values, v * cross]))
    np.testing.assert_allclose(posterior.means(cross), v * cross.T @ solved[:, :2], atol=1e-5)
    root = posterior.root(cross)
    np.testing.assert_allclose(root.T @ root, v * cross.T @ solved[:, 2:], atol=1e-5)


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

    rng = np.random.default_rng(1)
    points, numbers = rng.random((5, 2)), rng.normal(size=(5, 2))
    monkeypatch.setattr(gaussian_process.optimize, "minimize", check)
    fit(differences(points, points), rng.random(5) + 0.5, numbers, 0.7, 1)
    assert seen


def test_an_axis_that_does_nothing_is_found_to() -> None:
    rng = np.random.default_rng(2)
    points = np.column_stack([rng.random(60), rng.random(60)])
    y = np.sin(6 * points[:, :1]) + 0.05 * rng.normal(size=(60, 1))
    y = (y - y.mean()) / y.std()
    squared = (points.T[:, :, None] - points.T[:, None, :]) ** 2
    found = fit(squared, np.full(60, 1 / 20), y, 0.1, 0)
    assert found.theta[0] > 10 * found.theta[1]
