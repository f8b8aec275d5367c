"""What a round proposes and what it logs of each trial."""

from collections.abc import Sequence

import numpy as np
import pytest

from infertune.samplers import SpaceExhausted, Trial
from infertune.samplers.random import RandomSampler
from infertune.samplers.tpe import TPESampler
from infertune.space import SearchSpace
from infertune.study.rounds import TRIALS_PER_ROUND, logged, propose
from infertune.study.trial_log import LoggedTrial
from infertune.testing.landscape import decoding_space
from infertune.types import Configuration
from infertune.types.evidence import Candidate

SPACE = decoding_space()
FIRST = SPACE.default_configuration()


class Watching:
    """Proposes as another sampler does, and keeps what it was shown."""

    def __init__(self, most: int = 1000) -> None:
        self.shown: list[Sequence[Trial]] = []
        self._most = most

    def propose(self, space: SearchSpace, history: Sequence[Trial], seed: int) -> Configuration:
        self.shown.append(list(history))
        if len(history) >= self._most:
            raise SpaceExhausted
        return RandomSampler().propose(space, history, seed)


def round_of(n_done: int, **changes: object) -> list[Configuration]:
    trials = [
        LoggedTrial(number=number, configuration=dict(configuration), n_planned=8, utility=0.5, cost_tokens=20.0)
        for number, configuration in enumerate(SPACE.sample(np.random.default_rng(5)) for _ in range(n_done))
    ]
    settings = {"sampler": TPESampler(), "space": SPACE, "trials": trials, "first": FIRST, "seed": 3, **changes}
    return propose(**settings)  # type: ignore[arg-type]


def test_a_study_begins_with_its_default() -> None:
    first = round_of(0)
    assert first[0] == FIRST
    assert len(first) == TRIALS_PER_ROUND
    assert FIRST not in first[1:]


@pytest.mark.parametrize("n_done", [0, 4, 24])
def test_a_round_is_repeated_by_a_study_that_goes_on(n_done: int) -> None:
    assert round_of(n_done) == round_of(n_done)


def test_a_round_sees_its_own_proposals_as_pending() -> None:
    watching = Watching()
    proposals = round_of(4, sampler=watching)
    assert [len(shown) for shown in watching.shown] == [4, 5, 6, 7]
    last = watching.shown[-1]
    assert [trial.state for trial in last] == ["complete"] * 4 + ["pending"] * 3
    assert [trial.configuration for trial in last[4:]] == proposals[:3]


@pytest.mark.parametrize(("most", "n_left"), [(4, 0), (6, 2)])
def test_the_last_round_of_a_small_space_is_short(most: int, n_left: int) -> None:
    assert len(round_of(4, sampler=Watching(most=most))) == n_left


def test_a_sampler_is_told_what_failed_and_what_broke_the_cap() -> None:
    watching = Watching()
    failed = LoggedTrial(number=0, configuration=dict(FIRST), n_planned=8, cause="every request failed")
    over = LoggedTrial(
        number=1, configuration=dict(FIRST), n_planned=4, utility=0.9, cost_tokens=90.0, over_cap_tokens=40.0
    )
    round_of(0, sampler=watching, trials=[failed, over])
    assert [(trial.state, trial.utility, trial.constraint) for trial in watching.shown[0]] == [
        ("failed", None, 0.0),
        ("complete", 0.9, 40.0),
    ]


def candidate(name: str, utility: float, cost: float) -> Candidate:
    return Candidate(
        configuration=Configuration({"name": name}),
        example_ids=("a", "b"),
        scores=np.full(2, utility),
        tokens=np.full(2, cost),
    )


CHOICES = [candidate("cheap", 0.2, 10.0), candidate("good", 0.8, 30.0), candidate("dear", 0.8, 60.0)]


@pytest.mark.parametrize(
    ("cap", "chosen", "over"),
    [(None, "good", 0.0), (60.0, "good", 0.0), (20.0, "cheap", 0.0), (4.0, "cheap", 6.0)],
)
def test_a_trial_is_logged_with_its_best_choice_within_the_cap(cap: float | None, chosen: str, over: float) -> None:
    trial = logged(7, FIRST, CHOICES, n_planned=2, max_cost_tokens=cap)
    assert (trial.number, trial.chosen, trial.over_cap_tokens) == (7, {"name": chosen}, over)
    assert (trial.n_planned, trial.n_examples, trial.cause) == (2, 2, "")


def test_a_trial_without_an_answer_failed_and_is_not_a_zero() -> None:
    trial = logged(7, FIRST, [], n_planned=2, max_cost_tokens=None)
    assert trial.utility is None
    assert trial.cause == "every request failed"


def test_a_trial_that_failed_keeps_what_the_engine_said() -> None:
    trial = logged(7, FIRST, [], n_planned=2, max_cost_tokens=None, cause="HTTP 400: too long")
    assert trial.cause == "every request failed: HTTP 400: too long"
