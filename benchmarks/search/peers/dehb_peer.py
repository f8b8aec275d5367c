"""DEHB 0.1.2: differential evolution in the brackets of Hyperband (Awad, Mallik, Hutter 2021)."""

import ConfigSpace
from dehb import DEHB
from protocol import Best, Outcome, Peer, Task, Wish, serve


class Dehb(Peer):
    """At its defaults, eta 3; workers take what is open of its brackets."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        space = ConfigSpace.ConfigurationSpace(seed=task.seed)
        for axis in task.axes:
            last = len(axis.values) - 1
            space.add(
                ConfigSpace.UniformIntegerHyperparameter(axis.name, 0, last)
                if axis.ordered
                else ConfigSpace.CategoricalHyperparameter(axis.name, list(range(last + 1)))
            )
        # With more workers it would start processes of Dask; ask and tell serve any number.
        self._dehb = DEHB(
            cs=space,
            min_fidelity=task.rungs[0],
            max_fidelity=task.rungs[-1],
            eta=3,
            seed=task.seed,
            n_workers=1,
            save_freq="end",
            log_level="ERROR",
        )
        self._jobs: dict[int, dict] = {}
        self._n_trials = 0
        self._best = Best()

    def ask(self) -> Wish:
        """Return the next job of a bracket."""
        self._n_trials += 1
        job = self._dehb.ask()
        self._jobs[self._n_trials] = job
        point = [int(job["config"][axis.name]) for axis in self.task.axes]
        return Wish(self._n_trials, point, round(job["fidelity"]))

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Report its loss."""
        self._dehb.tell(self._jobs.pop(wish.trial), {"fitness": -outcome.value, "cost": outcome.cost})
        self._best.add(wish, outcome)

    def recommend(self) -> list[int] | None:
        """Return the best at the highest fidelity reached."""
        return self._best.point()


if __name__ == "__main__":
    serve(Dehb)
