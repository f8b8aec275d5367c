"""The process on examples by sets is the process on every single score, held to it by brute force."""

import numpy as np
import pytest
from scipy import optimize

from infertune.allocators.knowledge_gradient.crossed_design import Crossed
from infertune.allocators.knowledge_gradient.crossed_process import CrossedHyperparameters, CrossedPosterior, fit
from infertune.allocators.surrogates import gaussian_process
from infertune.allocators.surrogates.gaussian_process import JITTER, kernel

FOUND = CrossedHyperparameters(
    theta=np.array([2.0, 0.5]), phi=np.array([0.4, 3.0]), v=0.8, beta=0.6, gamma=0.3, own=0.2
)
N_EXAMPLES = 9
POINTS = np.array([[0.1, 0], [0.4, 0], [0.4, 1], [0.9, 1], [0.1, 0]])
EXAMPLES = [np.array(each) for each in ((0, 1, 2), (2, 0, 1), (2, 3), (4, 5, 6, 7), (3, 4))]
OWN = np.array([1.0, 0.5, 1.0, 2.0, 0.5])
NEW = np.array([[0.2, 0], [0.5, 1], [0.9, 0], [0.1, 0]])
ORDERS = [np.array(each) for each in ((0, 1, 3), (8,), (7, 8), (0, 4, 5, 8))]
OF = np.repeat(np.arange(5), [len(each) for each in EXAMPLES])
SEEN = np.concatenate(EXAMPLES)


def differences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    difference = (one.T[:, :, None] - other.T[:, None, :]) ** 2
    difference[1] = difference[1] > 0
    return difference


def k(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return kernel(FOUND.theta, differences(one, other))


def h(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return kernel(FOUND.phi, differences(one, other))


def score_by_score(found: CrossedHyperparameters = FOUND) -> np.ndarray:
    """Return the covariance of all scores."""
    points = POINTS[OF]
    same = np.equal.outer(SEEN, SEEN)
    u = found.v * kernel(found.theta, differences(points, points))
    luck = found.beta + found.gamma * kernel(found.phi, differences(points, points))
    return u + same * luck + np.diag(found.own * OWN[OF] + JITTER)


def posterior(scores: np.ndarray) -> CrossedPosterior:
    return CrossedPosterior(FOUND, k(POINTS, POINTS), h(POINTS, POINTS), Crossed(EXAMPLES, N_EXAMPLES), OWN, scores)


def test_sets_say_what_the_scores_say() -> None:
    scores = np.random.default_rng(0).normal(size=(len(OF), 3))
    ours = posterior(scores)
    cross = FOUND.v * k(POINTS[OF], NEW)
    solved = np.linalg.solve(score_by_score(), np.column_stack([scores, cross]))
    np.testing.assert_allclose(ours.means(k(POINTS, NEW)), cross.T @ solved[:, :3], atol=1e-4)
    root = ours.root(k(POINTS, NEW))
    np.testing.assert_allclose(root.T @ root, cross.T @ solved[:, 3:], atol=1e-4)


def test_means_of_common_examples_are_alike_by_their_share() -> None:
    shares = np.zeros((len(EXAMPLES), N_EXAMPLES))
    for row, each in enumerate(EXAMPLES):
        shares[row, each] = 1 / len(each)
    counts = np.array([len(each) for each in EXAMPLES], dtype=float)
    np.testing.assert_allclose(Crossed(EXAMPLES, N_EXAMPLES).overlaps(counts), shares @ shares.T, atol=1e-12)


def test_what_an_order_will_say_is_known_beforehand() -> None:
    """Its variance, and its covariance with any u, given all scores so far: common examples are no news."""
    ours = posterior(np.zeros((len(OF), 1)))
    order = ours.of_order(k(POINTS, NEW), h(POINTS, NEW), ORDERS)
    u = FOUND.v * k(POINTS[OF], NEW)
    mean = u.copy()
    for column, examples in enumerate(ORDERS):
        share = np.isin(SEEN, examples) / len(examples)
        mean[:, column] += share * (FOUND.beta + FOUND.gamma * h(POINTS[OF], NEW)[:, column])
    solved = np.linalg.solve(score_by_score(), mean)
    sizes = np.array([len(each) for each in ORDERS])
    variance = FOUND.v + (FOUND.beta + FOUND.gamma) / sizes - (mean * solved).sum(axis=0)
    np.testing.assert_allclose(order.variance, variance, atol=1e-4)
    covariance = FOUND.v * k(NEW, NEW) - u.T @ solved
    foreseen = FOUND.v * (k(NEW, NEW) - k(NEW, POINTS) @ order.weights) - ours.root(k(POINTS, NEW)).T @ order.root
    np.testing.assert_allclose(foreseen, covariance, atol=1e-4)


def test_pending_pieces_make_surer_and_change_no_expectation() -> None:
    scores = np.random.default_rng(1).normal(size=(len(OF) - 2, 2))
    first, all_ = Crossed(EXAMPLES[:4], N_EXAMPLES), Crossed(EXAMPLES, N_EXAMPLES)
    before = CrossedPosterior(FOUND, k(POINTS[:4], POINTS[:4]), h(POINTS[:4], POINTS[:4]), first, OWN[:4], scores)
    after = CrossedPosterior(FOUND, k(POINTS, POINTS), h(POINTS, POINTS), all_, OWN, before)
    np.testing.assert_allclose(after.means(k(POINTS, NEW)), before.means(k(POINTS[:4], NEW)), atol=1e-5)
    known, less = ((each.root(k(POINTS[:n], NEW)) ** 2).sum(axis=0) for each, n in ((after, 5), (before, 4)))
    assert np.all(known > less + 1e-3)
    landed = posterior(np.concatenate([scores, np.zeros((2, 2))]))
    np.testing.assert_allclose(after.root(k(POINTS, NEW)), landed.root(k(POINTS, NEW)), atol=1e-9)


def test_ten_similar_settings_on_the_same_examples_are_far_from_ten_times_the_examples() -> None:
    def sure(examples: list[tuple[int, ...]]) -> float:
        points = np.column_stack([np.linspace(0.4, 0.45, 4), np.zeros(4)])
        crossed = Crossed([np.array(each) for each in examples], N_EXAMPLES)
        scores = np.zeros((8, 1))
        ours = CrossedPosterior(FOUND, k(points, points), h(points, points), crossed, np.ones(4), scores)
        return float(FOUND.v - (ours.root(k(points, points[:1])) ** 2).sum())

    assert sure([(0, 1)] * 4) > 2 * sure([(0, 1), (2, 3), (4, 5), (6, 7)])


def test_the_fit_climbs_by_the_right_slope_to_the_right_likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    scores = np.random.default_rng(2).normal(size=(len(OF), 2))

    def check(loss, start, **options):  # type: ignore[no-untyped-def]
        for shift in (0.0, 0.3):
            at = start + shift
            numeric = optimize.approx_fprime(at, lambda logs: loss(logs)[0], 1e-6)
            np.testing.assert_allclose(loss(at)[1], numeric, rtol=1e-3, atol=1e-3)
            values = np.exp(at)
            v, beta, gamma, own = values[4:].tolist()
            found = CrossedHyperparameters(theta=values[:2], phi=values[2:4], v=v, beta=beta, gamma=gamma, own=own)
            whole = score_by_score(found)
            fits = 0.5 * float((scores * np.linalg.solve(whole, scores)).sum())
            expected = fits + float(np.linalg.slogdet(whole)[1]) + 0.5 * len(at) * shift**2
            assert loss(at)[0] == pytest.approx(expected, abs=1e-4)
        seen["checked"] = True
        return optimize.OptimizeResult(x=start)

    monkeypatch.setattr(gaussian_process.optimize, "minimize", check)
    fit(differences(POINTS, POINTS), Crossed(EXAMPLES, N_EXAMPLES), OWN, scores, 0.7, 1)
    assert seen


def test_how_examples_differ_is_told_apart_from_how_settings_do() -> None:
    """Settings that differ little in worth may go wrong on quite other examples, and the fit finds both lengths."""
    rng = np.random.default_rng(3)
    points = rng.random((24, 1))
    squared = (points.T[:, :, None] - points.T[:, None, :]) ** 2
    u = np.sqrt(0.5) * np.linalg.cholesky(kernel(np.array([0.5]), squared) + 1e-9 * np.eye(24)) @ rng.normal(size=24)
    g = np.linalg.cholesky(kernel(np.array([20.0]), squared) + 1e-9 * np.eye(24)) @ rng.normal(size=(24, 60))
    scores = (u[:, None] + rng.normal(size=60) + g + 0.3 * rng.normal(size=(24, 60))).reshape(-1, 1)
    crossed = Crossed([np.arange(60)] * 24, 60)
    found = fit(squared, crossed, np.ones(24), (scores - scores.mean()) / scores.std(), 1.0, 0)
    assert found.phi[0] > 8.0 and found.theta[0] < 4.0
    assert found.own < 0.3 * found.beta
