"""EcoTune's token-aware expected improvement with a dynamic fidelity (Xu, Chen, Wen, EMNLP 2025). No library.

Our reading of its description, for no code of theirs was found, only what the abstract says: a fidelity counted in
tokens, an explicit model of token costs, expected improvement per token, and a fidelity that follows what is left of
the budget. Ours are: a Gaussian process with noise that falls with the number of examples, a second one on log tokens
per request, values less what the cost is over the cap, fidelities from 16 examples at the start to three times
those of the flat methods at the end, and a recommendation by posterior mean among what was tried.
"""

import math

import numpy as np
from numpy.typing import NDArray
from protocol import FLAT_EXAMPLES, Outcome, Peer, Task, Wish, serve
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.special import ndtr

Array = NDArray[np.float64]

N_INITIAL = 10
N_CANDIDATES = 512
N_NEAR = 16  # one-step neighbours of each of the best few, beside the drawn candidates
FEWEST, MOST = 16, 3 * FLAT_EXAMPLES
REFIT_AFTER, REFIT_GROWTH = 5, 1.1  # new observations before the kernels adapt again: so many, or a tenth more
_EXAMPLE_VARIANCE = 0.2  # of one example's score, at first


class Process:
    """A Gaussian process with a Matern 5/2 kernel, a length for each column, and noise by observation."""

    def __init__(self, n_columns: int) -> None:
        # Logarithms: lengths, signal variance, noise variance.
        self._log = np.concatenate([np.zeros(n_columns), [math.log(0.05), math.log(_EXAMPLE_VARIANCE)]])

    def fit(self, x: Array, y: Array, n: Array, *, adapt: bool) -> None:
        """Condition on observations; ``n`` examples each. With ``adapt``, take the most likely kernel first."""
        self._x, self._mean = x, float(np.average(y, weights=n))
        residual = y - self._mean
        if adapt:
            prior = self._log.copy()
            prior[:-2] = 0.0

            def loss(log: Array) -> float:
                try:
                    factor = cho_factor(self._covariance(x, x, log) + self._noise(n, log), lower=True)
                except np.linalg.LinAlgError:
                    return 1e10
                data = residual @ cho_solve(factor, residual) / 2 + np.log(np.diag(factor[0])).sum()
                return float(data + ((log - prior) ** 2).sum() / 2)

            bounds = [(-2.0, 3.0)] * (len(self._log) - 2) + [(-8.0, 1.0), (-7.0, 0.0)]
            self._log = minimize(loss, self._log, method="L-BFGS-B", bounds=bounds, options={"maxiter": 12}).x
        self._factor = cho_factor(self._covariance(x, x, self._log) + self._noise(n, self._log), lower=True)
        self._weights = cho_solve(self._factor, residual)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation without noise."""
        across = self._covariance(x, self._x, self._log)
        variance = math.exp(self._log[-2]) - (across * cho_solve(self._factor, across.T).T).sum(axis=1)
        return self._mean + across @ self._weights, np.sqrt(np.maximum(variance, 1e-10))

    def _noise(self, n: Array, log: Array) -> Array:
        return np.diag(math.exp(log[-1]) / n + 1e-8)

    @staticmethod
    def _covariance(a: Array, b: Array, log: Array) -> Array:
        a, b = a / np.exp(log[:-2]), b / np.exp(log[:-2])
        square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
        r = np.sqrt(5 * np.maximum(square, 0.0))
        return math.exp(log[-2]) * (1 + r + r**2 / 3) * np.exp(-r)


class EcoTune(Peer):
    """Proposes what promises most improvement for a token."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._rng = np.random.default_rng(task.seed)
        columns = sum(1 if axis.ordered else len(axis.values) for axis in task.axes)
        self._utility, self._tokens = Process(columns), Process(columns)
        # By point: value, log tokens per request, examples. More examples of a point take the place of its fewer.
        self._seen: dict[tuple[int, ...], tuple[float, float, int]] = {}
        self._pending: dict[int, list[int]] = {}
        self._spent = 0.0
        self._n_trials = 0
        self._n_told = self._fitted = self._adapted = 0

    def ask(self) -> Wish:
        """Return the best of some candidates, at the fidelity of the hour."""
        self._n_trials += 1
        share = min(1.0, self._spent / self.task.budget_tokens)
        n = min(round(FEWEST * (MOST / FEWEST) ** share), self.task.n_examples)
        point = self._draw() if len(self._seen) < N_INITIAL else self._best_of(self._candidates(n))
        self._pending[self._n_trials] = point
        return Wish(self._n_trials, point, n)

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Add an observation."""
        del self._pending[wish.trial]
        n, (_, _, known) = len(outcome.scores), self._seen.get(tuple(wish.point), (0.0, 0.0, 0))
        self._seen[tuple(wish.point)] = outcome.value, math.log(outcome.cost), max(n, known)
        self._n_told += 1
        self._spent += outcome.cost * max(n - known, 0)

    def recommend(self) -> list[int] | None:
        """Return what was tried and has the highest posterior mean; before there is a model, the best observed."""
        if len(self._seen) < N_INITIAL:
            return list(max(self._seen, key=lambda point: self._seen[point][0])) if self._seen else None
        self._fit()
        return self._tried[int(np.argmax(self._means))]

    def _fit(self) -> None:
        if self._fitted == self._n_told:
            return
        self._tried = [list(point) for point in self._seen]
        x, (values, costs, n) = self._columns(self._tried), np.array(list(self._seen.values())).T
        adapt = self._n_told >= max(self._adapted + REFIT_AFTER, REFIT_GROWTH * self._adapted)
        self._adapted = self._n_told if adapt else self._adapted
        self._utility.fit(x, values, n, adapt=adapt)
        self._tokens.fit(x, costs, n, adapt=adapt)
        self._means = self._utility.predict(x)[0]
        self._fitted = self._n_told

    def _best_of(self, candidates: list[list[int]]) -> list[int]:
        best, x = float(self._means.max()), self._columns(candidates)
        mean, spread = self._utility.predict(x)
        z = (mean - best) / spread
        improvement = spread * (z * ndtr(z) + np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))
        # Little is expected next to what is under way: the distance in columns stands for a fantasy.
        for point in self._pending.values():
            near = ((x - self._columns([point])) ** 2).sum(axis=1)
            improvement = improvement * (1 - np.exp(-near / 0.1))
        tokens = np.exp(self._tokens.predict(x)[0])
        return candidates[int(np.argmax(improvement / tokens))]

    def _candidates(self, n: int) -> list[list[int]]:
        """Draw some, some near the best, and the best again, unless they were seen on as many examples."""
        self._fit()
        drawn = [self._draw() for _ in range(N_CANDIDATES)]
        best = [self._tried[at] for at in np.argsort(self._means)[::-1][:4]]
        wanted = drawn + best + [self._neighbour(point) for point in best for _ in range(N_NEAR)]
        return [point for point in wanted if self._seen.get(tuple(point), (0.0, 0.0, 0))[2] < n] or drawn

    def _neighbour(self, point: list[int]) -> list[int]:
        changed = list(point)
        at = int(self._rng.integers(len(point)))
        n = len(self.task.axes[at].values)
        step = int(self._rng.choice([-1, 1])) if self.task.axes[at].ordered else int(self._rng.integers(1, n))
        changed[at] = min(max(point[at] + step, 0), n - 1) if self.task.axes[at].ordered else (point[at] + step) % n
        return changed

    def _draw(self) -> list[int]:
        return [int(self._rng.integers(len(axis.values))) for axis in self.task.axes]

    def _columns(self, points: list[list[int]]) -> Array:
        """Return points as numbers: steps of a scale in [0, 1], one column for each value of a choice."""
        at = np.array(points)
        columns = []
        for number, axis in enumerate(self.task.axes):
            if axis.ordered:
                columns.append(at[:, number, None] / (len(axis.values) - 1))
            else:
                columns.append(np.eye(len(axis.values))[at[:, number]] / math.sqrt(2))
        return np.concatenate(columns, axis=1)


if __name__ == "__main__":
    serve(EcoTune)
