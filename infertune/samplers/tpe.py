"""TPE: propose what is likelier among the good configurations than among the rest (Bergstra et al. 2011).

Optuna's, in its multivariate form with one group for each set of parameters that exist together
(Watanabe 2023, "Tree-structured Parzen estimator: understanding its algorithm components"). Its study is rebuilt
in memory from the history at each proposal, for a sampler with a memory of its own could not be resumed.
"""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from infertune.samplers import Trial, first_unseen
from infertune.samplers.optuna_space import distributions
from infertune.samplers.qmc import QMCSampler
from infertune.space import SearchSpace
from infertune.types import Configuration

N_STARTUP_TRIALS = 12  # three rounds of four; docs/samplers.md has the comparison
_STATES = {"complete": TrialState.COMPLETE, "pending": TrialState.RUNNING, "failed": TrialState.FAIL}


class TPESampler:
    """Begins with a Sobol sequence, and models once twelve trials are complete.

    Pending trials count as bad ones, so that the proposals of one round differ; trials over the cost cap come
    after all that keep it, those less over it first; failed trials say nothing.
    """

    def __init__(self, *, n_startup_trials: int = N_STARTUP_TRIALS) -> None:
        self._n_startup_trials = n_startup_trials

    def propose(self, space: SearchSpace, history: Sequence[Trial], seed: int) -> Configuration:
        """Return the best by the model of 24 candidates, or the next draw that the history lacks."""
        n_complete = sum(trial.state == "complete" for trial in history)
        if n_complete < self._n_startup_trials:
            return QMCSampler().propose(space, history, seed)
        return first_unseen(_draws(space, history, seed), space, history)


def _draws(space: SearchSpace, history: Sequence[Trial], seed: int) -> Iterator[Configuration]:
    study = _study(space, history, seed)
    axes = distributions(space, (parameter.name for parameter in space.parameters))
    rng = np.random.default_rng((seed, len(history)))
    while True:
        asked = study.ask(axes).params
        configuration = space.assemble(lambda parameter: parameter.nearest(asked[parameter.name]))  # noqa: B023
        yield configuration if space.allows(configuration) else space.sample(rng)


def _study(space: SearchSpace, history: Sequence[Trial], seed: int) -> optuna.Study:
    """Return an Optuna study in memory that holds the history."""
    seed_here = int(np.random.SeedSequence((seed, len(history))).generate_state(1)[0])
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # `group`, unchanged since 2.8
        sampler = optuna.samplers.TPESampler(
            seed=seed_here, multivariate=True, group=True, constant_liar=True, n_startup_trials=0
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(_frozen(space, trial) for trial in history)
    optuna.logging.set_verbosity(verbosity)
    return study


def _frozen(space: SearchSpace, trial: Trial) -> FrozenTrial:
    return create_trial(
        state=_STATES[trial.state],
        value=trial.utility if trial.state == "complete" else None,
        params=dict(trial.configuration),
        distributions=distributions(space, trial.configuration),
        constraints={"tokens_over_cap": trial.constraint},
    )
