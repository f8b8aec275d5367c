"""SMAC 2.4.1: random forests, flat or in the brackets of Hyperband (Lindauer et al. 2022)."""

import warnings

import ConfigSpace
from protocol import Best, Outcome, Peer, Task, Wish, serve
from smac import HyperparameterOptimizationFacade, MultiFidelityFacade, Scenario
from smac.runhistory.dataclasses import TrialInfo, TrialValue

# Its default of ten for each parameter would be ninety, more than small budgets pay in all.
N_INITIAL = 20
_MANY = 1_000_000


class Smac(Peer):
    """Variants ``hyperband`` and ``flat``; recommendations are those of all peers, the best where most was seen."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        warnings.simplefilter("ignore")
        space = ConfigSpace.ConfigurationSpace(seed=task.seed)
        for axis in task.axes:
            last = len(axis.values) - 1
            space.add(
                ConfigSpace.UniformIntegerHyperparameter(axis.name, 0, last)
                if axis.ordered
                else ConfigSpace.CategoricalHyperparameter(axis.name, list(range(last + 1)))
            )
        self._flat = task.options["variant"] == "flat"
        facade = HyperparameterOptimizationFacade if self._flat else MultiFidelityFacade
        fidelities = {} if self._flat else {"min_budget": task.rungs[0], "max_budget": task.rungs[-1]}
        scenario = Scenario(
            space, name="peer", output_directory=".", deterministic=True, n_trials=_MANY, seed=task.seed, **fidelities
        )
        self._smac = facade(
            scenario,
            lambda config, seed=0, budget=0.0: 0.0,  # never called: its questions are answered from outside
            initial_design=facade.get_initial_design(scenario, n_configs=N_INITIAL),
            logging_level=False,
            overwrite=True,
        )
        self._infos: dict[int, TrialInfo] = {}
        self._n_trials = 0
        self._best = Best()

    def ask(self) -> Wish | None:
        """Return the next trial; None where it has none before others end."""
        try:
            info = self._smac.ask()
        except StopIteration:
            return None
        self._n_trials += 1
        self._infos[self._n_trials] = info
        point = [int(info.config[axis.name]) for axis in self.task.axes]
        return Wish(self._n_trials, point, self.task.flat_examples if self._flat else round(info.budget))

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Report its cost."""
        self._smac.tell(self._infos.pop(wish.trial), TrialValue(cost=-outcome.value, time=1.0), save=False)
        self._best.add(wish, outcome)

    def recommend(self) -> list[int] | None:
        """Return the best at the highest fidelity reached."""
        return self._best.point()


if __name__ == "__main__":
    serve(Smac)
