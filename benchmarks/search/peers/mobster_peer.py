"""Syne Tune 0.13, the last with MOBSTER (Klein et al. 2020), and with ASHA of the kind that promotes."""

import logging
from datetime import datetime

from protocol import Best, Outcome, Peer, Task, Wish, serve
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, randint
from syne_tune.optimizer.baselines import ASHA, MOBSTER
from syne_tune.optimizer.scheduler import SchedulerDecision


class Mobster(Peer):
    """Variants ``mobster`` and ``asha``; both pause every trial at a rung and promote the best third."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        logging.disable(logging.WARNING)
        space = {
            axis.name: randint(0, len(axis.values) - 1) if axis.ordered else choice(list(range(len(axis.values))))
            for axis in task.axes
        }
        make = {"mobster": MOBSTER, "asha": ASHA}[task.options["variant"]]
        options = {"search_options": {"debug_log": False}} if make is MOBSTER else {}
        self._scheduler = make(
            space | {"until": task.rungs[-1]},
            metric="value",
            mode="max",
            resource_attr="examples",
            max_resource_attr="until",
            grace_period=task.rungs[0],
            reduction_factor=3,
            type="promotion",
            points_to_evaluate=[],  # its default, the middle of the space, is a bad start
            random_seed=task.seed,
            **options,
        )
        self._trials: dict[int, Trial] = {}
        self._best = Best()

    def ask(self) -> Wish | None:
        """Return a new trial, or a paused one with more examples."""
        suggestion = self._scheduler.suggest(len(self._trials))
        if suggestion is None:
            return None
        if suggestion.spawn_new_trial_id:
            trial = Trial(len(self._trials), suggestion.config, datetime.now())
            self._trials[trial.trial_id] = trial
            self._scheduler.on_trial_add(trial)
        else:
            trial = self._trials[suggestion.checkpoint_trial_id]
            trial.config = suggestion.config or trial.config
        point = [int(trial.config[axis.name]) for axis in self.task.axes]
        return Wish(trial.trial_id, point, int(trial.config["until"]))

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """Report the rung; the scheduler pauses it there."""
        self._best.add(wish, outcome)
        trial, result = self._trials[wish.trial], {"value": outcome.value, "examples": wish.n_examples}
        decision = self._scheduler.on_trial_result(trial, result)
        if decision == SchedulerDecision.CONTINUE or wish.n_examples == self.task.rungs[-1]:
            self._scheduler.on_trial_complete(trial, result)

    def recommend(self) -> list[int] | None:
        """Return the best at the highest fidelity reached."""
        return self._best.point()


if __name__ == "__main__":
    serve(Mobster)
