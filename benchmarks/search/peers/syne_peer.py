"""Syne Tune 0.16: ASHA, of the kind that stops (Li et al. 2018), and CQR (Salinas et al. 2023)."""

import logging
from datetime import datetime

import numpy as np
import percentile
from protocol import Best, Outcome, Peer, Task, Wish, serve
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, randint
from syne_tune.optimizer.baselines import ASHA, CQR
from syne_tune.optimizer.scheduler import SchedulerDecision


class Syne(Peer):
    """Variants ``asha`` and ``cqr``, which evaluates all on the same examples."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        logging.disable(logging.WARNING)
        np.random.seed(task.seed)  # ASHA draws brackets from the global generator
        space = {
            axis.name: randint(0, len(axis.values) - 1) if axis.ordered else choice(list(range(len(axis.values))))
            for axis in task.axes
        }
        common = {"metric": "value", "do_minimize": False, "random_seed": task.seed}
        self._flat = task.options["variant"] == "cqr"
        self._steps = [task.flat_examples] if self._flat else task.rungs
        if self._flat:
            percentile.hasten()
        self._scheduler = (
            CQR(space, **common)
            if self._flat
            else ASHA(
                space,
                time_attr="examples",
                grace_period=self._steps[0],
                max_t=self._steps[-1],
                reduction_factor=3,
                **common,
            )
        )
        self._trials: dict[int, Trial] = {}
        self._n_trials = 0
        self._best = Best()

    def ask(self) -> Wish:
        """Return a new trial at its first step."""
        suggestion = self._scheduler.suggest()
        trial = Trial(self._n_trials, suggestion.config, datetime.now())
        self._n_trials += 1
        self._trials[trial.trial_id] = trial
        self._scheduler.on_trial_add(trial)
        return Wish(trial.trial_id, [int(trial.config[axis.name]) for axis in self.task.axes], self._steps[0])

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Report a step; go on where ASHA does not stop it."""
        self._best.add(wish, outcome)
        trial, result = self._trials[wish.trial], {"value": outcome.value, "examples": wish.n_examples}
        if self._flat:
            self._scheduler.on_trial_complete(trial, result)
            return
        decision = self._scheduler.on_trial_result(trial, result)
        if decision == SchedulerDecision.CONTINUE and not outcome.stopped and wish.n_examples < self._steps[-1]:
            following = self._steps[self._steps.index(wish.n_examples) + 1]
            self.continuing.append(Wish(wish.trial, wish.point, following))

    def recommend(self) -> list[int] | None:
        """Return the best at the highest fidelity reached."""
        return self._best.point()


if __name__ == "__main__":
    serve(Syne)
