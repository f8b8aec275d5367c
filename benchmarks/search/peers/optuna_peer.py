"""Optuna 5: TPE, its Gaussian process, and TPE with the pruners for fidelities and for problem instances.

The cost cap is a constraint of the trial, which both samplers model; pruners see one number only, and get the value
less what the cost is over the cap.
"""

import warnings

import optuna
from protocol import Best, Outcome, Peer, Task, Wish, serve

FEWEST_PAIRS = 8  # before the Wilcoxon test may stop a trial


class Optuna(Peer):
    """Variants ``tpe``, ``gp``, ``hyperband`` and ``wilcoxon``; the last two are TPE with a pruner."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self._variant = task.options["variant"]
        self._steps = _steps(task, self._variant)
        self._axes = {
            axis.name: optuna.distributions.IntDistribution(0, len(axis.values) - 1)
            if axis.ordered
            else optuna.distributions.CategoricalDistribution(list(range(len(axis.values))))
            for axis in task.axes
        }
        self._study = optuna.create_study(
            study_name=str(task.seed),  # its hash decides the bracket of each trial
            direction="maximize",
            sampler=optuna.samplers.GPSampler(seed=task.seed)
            if self._variant == "gp"
            else optuna.samplers.TPESampler(seed=task.seed, multivariate=True, constant_liar=True),
            pruner=_pruner(self._variant, self._steps),
        )
        self._trials: dict[int, optuna.Trial] = {}
        self._best = Best()

    def ask(self) -> Wish:
        """Return a new trial at its first step."""
        trial = self._study.ask(self._axes)
        self._trials[trial.number] = trial
        point = [trial.params[axis.name] for axis in self.task.axes]
        return Wish(trial.number, point, self._steps[0])

    def tell(self, wish: Wish, outcome: Outcome) -> None:
        """End the trial, or go on with it where the pruner lets it."""
        trial = self._trials[wish.trial]
        self._report(trial, wish, outcome)
        self._best.add(wish, outcome)
        at_end = outcome.stopped or wish.n_examples == self._steps[-1]
        if not at_end and not trial.should_prune():
            following = self._steps[self._steps.index(wish.n_examples) + 1]
            self.continuing.append(Wish(wish.trial, wish.point, following))
            return
        cap = self.task.cap
        trial.set_constraint("cost", outcome.cost / cap - 1 if cap else -1.0)
        del self._trials[wish.trial]
        if self._variant in ("tpe", "gp"):
            self._study.tell(trial, outcome.utility)
        elif at_end:
            self._study.tell(trial, outcome.value)
        else:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)

    def _report(self, trial: optuna.Trial, wish: Wish, outcome: Outcome) -> None:
        if self._variant == "hyperband":
            trial.report(outcome.value, wish.n_examples)
        elif self._variant == "wilcoxon":
            over = outcome.utility - outcome.value
            known = 0 if wish.n_examples == self._steps[0] else self._steps[self._steps.index(wish.n_examples) - 1]
            for number, score in enumerate(outcome.scores[known:], start=known):
                trial.report(score - over, number)

    def recommend(self) -> list[int] | None:
        """Return the best at the highest fidelity reached; of flat variants, the best that keeps the cap."""
        return self._best.point()


def _steps(task: Task, variant: str) -> list[int]:
    if variant == "hyperband":
        return task.rungs
    if variant == "wilcoxon":
        return sorted({*range(FEWEST_PAIRS, task.flat_examples, FEWEST_PAIRS), task.flat_examples})
    return [task.flat_examples]


def _pruner(variant: str, steps: list[int]) -> optuna.pruners.BasePruner:
    if variant == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=steps[0], max_resource=steps[-1], reduction_factor=3)
    if variant == "wilcoxon":
        return optuna.pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=FEWEST_PAIRS)
    return optuna.pruners.NopPruner()


if __name__ == "__main__":
    serve(Optuna)
