# ruff: noqa: D102  (the names of the tests say what they test)
"""What every sampler must do, as a class of pytest tests. Subclass it beside a fixture that gives your sampler::

@pytest.fixture
def sampler():
    return MySampler()

class TestMySampler(SamplerContract):
    pass
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from infertune.samplers import Sampler, SpaceExhausted, Trial
from infertune.space import Condition, Constraint, Parameter, SearchSpace
from infertune.testing.landscape import decoding_space, told
from infertune.types import Configuration, Scalar

_ELSEWHERE = """
import importlib, json, sys
from infertune.samplers import Trial
from infertune.types import Configuration
from infertune.testing.landscape import decoding_space
wish = json.load(sys.stdin)
history = [Trial(**{**trial, "configuration": Configuration(trial["configuration"])}) for trial in wish["history"]]
sampler = getattr(importlib.import_module(wish["module"]), wish["kind"])()
print(sampler.propose(decoding_space(), history, wish["seed"]).canonical)
"""


def small_space() -> SearchSpace:
    """Return 16 configurations of 2 x 2 x 13 points: only ``wide`` has a width, and the colours share them out."""
    wide = Condition("request.shape", "==", "wide")
    return SearchSpace(
        (
            _choice("request.shape", ("round", "wide")),
            _choice("request.colour", ("red", "blue")),
            replace(_choice("request.width", (1,)), kind="int", choices=(), low=1, high=13, when=wide),
        ),
        (
            Constraint(when=Condition("request.colour", "==", "red"), must=Condition("request.width", "<", 4)),
            Constraint(when=Condition("request.colour", "==", "blue"), must=Condition("request.width", ">", 2)),
        ),
    )


class SamplerContract:
    """The tests. They need a fixture ``sampler``; its class must be constructible without arguments.

    Attributes:
        continuous: Whether the sampler takes ranges without a step.
    """

    continuous = True

    def propose(self, sampler: Sampler, space: SearchSpace, history: Sequence[Trial], seed: int = 0) -> Configuration:
        """Return a proposal that has been held against the space."""
        proposal = sampler.propose(space, history, seed)
        space.validate(proposal)
        return proposal

    def history(self, sampler: Sampler, space: SearchSpace, n_trials: int, seed: int = 0) -> list[Trial]:
        """Return what the sampler proposes one after the other, with utilities that differ."""
        trials: list[Trial] = []
        for number in range(n_trials):
            trials = told(trials, self.propose(sampler, space, trials, seed), (number * 7 % 11) / 11)
        return trials

    def test_first_proposal_of_a_study(self, sampler: Sampler) -> None:
        self.propose(sampler, decoding_space(), [])

    def test_proposals_lie_in_a_conditional_space(self, sampler: Sampler) -> None:
        space = decoding_space()
        for trial in self.history(sampler, space, 40):
            sampled = trial.configuration["decoding.temperature"] != 0
            assert ("decoding.top_p" in trial.configuration) == sampled

    def test_values_are_native_python(self, sampler: Sampler) -> None:
        for trial in self.history(sampler, decoding_space(), 16):
            assert {type(value) for value in trial.configuration.values()} <= {bool, int, float, str}

    def test_every_kind_of_range(self, sampler: Sampler) -> None:
        if not self.continuous:
            pytest.skip("this sampler is for spaces that can be enumerated")
        space = SearchSpace(
            (
                _range("request.plain", "float", -1.0, 1.0),
                _range("request.ratio", "float", 1e-4, 1.0, log=True),
                _range("request.count", "int", 1, 100, log=True),
                _range("request.even", "int", 0, 20, step=2),
                _choice("request.switch", (False, True)),
            )
        )
        self.history(sampler, space, 24)

    def test_same_arguments_same_proposal(self, sampler: Sampler) -> None:
        space = decoding_space()
        history = self.history(sampler, space, 14)
        first = self.propose(sampler, space, history)
        self.propose(sampler, space, history[:3], seed=5)
        assert self.propose(sampler, space, history) == first
        assert self.propose(type(sampler)(), space, history) == first

    def test_same_proposal_in_another_process(self, sampler: Sampler) -> None:
        space = decoding_space()
        history = self.history(sampler, space, 14)
        wish = {
            "module": type(sampler).__module__,
            "kind": type(sampler).__qualname__,
            "seed": 3,
            "history": [
                {name: getattr(trial, name) for name in Trial.__slots__} | {"configuration": dict(trial.configuration)}
                for trial in history
            ],
        }
        answers = set()
        for hash_seed in ("1", "2"):
            environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
            command = [sys.executable, "-c", _ELSEWHERE]
            done = subprocess.run(
                command, input=json.dumps(wish), env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            answers.add(done.stdout.strip())
        assert answers == {self.propose(sampler, space, history, seed=3).canonical}

    def test_seeds_differ(self, sampler: Sampler) -> None:
        assert len({self.propose(sampler, decoding_space(), [], seed) for seed in range(8)}) >= 6

    def test_pending_proposals_of_a_round_differ(self, sampler: Sampler) -> None:
        space = decoding_space()
        history = self.history(sampler, space, 16)
        for _ in range(4):
            history = told(history, self.propose(sampler, space, history), None, state="pending")
        assert len({trial.configuration for trial in history}) == len(history)

    def test_tolerates_failed_trials(self, sampler: Sampler) -> None:
        space = decoding_space()
        failed: list[Trial] = []
        for _ in range(14):
            failed = told(failed, self.propose(sampler, space, failed), None, state="failed")
        mixed = told(self.history(sampler, space, 12), failed[-1].configuration, None, state="failed")
        self.propose(sampler, space, mixed)

    def test_tolerates_a_history_without_a_feasible_trial(self, sampler: Sampler) -> None:
        space = decoding_space()
        history = [replace(trial, constraint=10.0 + trial.number) for trial in self.history(sampler, space, 14)]
        self.propose(sampler, space, history)

    def test_tolerates_equal_utilities(self, sampler: Sampler) -> None:
        space = decoding_space()
        history = [replace(trial, utility=0.0) for trial in self.history(sampler, space, 14)]
        self.propose(sampler, space, history)

    def test_one_point_space(self, sampler: Sampler) -> None:
        space = SearchSpace((_choice("request.shape", ("round",)), _range("request.size", "float", 0.5, 0.5)))
        history = self.history(sampler, space, 1)
        assert dict(history[0].configuration) == {"request.shape": "round", "request.size": 0.5}
        with pytest.raises(SpaceExhausted):
            sampler.propose(space, history, 0)

    def test_every_configuration_once_then_exhausted(self, sampler: Sampler) -> None:
        space = small_space()
        history = self.history(sampler, space, 16)
        assert {trial.configuration for trial in history} == set(space.configurations())
        with pytest.raises(SpaceExhausted):
            sampler.propose(space, history, 0)


def _choice(name: str, choices: tuple[Scalar, ...]) -> Parameter:
    return Parameter(name=name, tier="request", kind="choice", choices=choices, default=choices[0])


def _range(
    name: str, kind: str, low: float, high: float, *, step: float | None = None, log: bool = False
) -> Parameter:
    return Parameter(name=name, tier="request", kind=kind, low=low, high=high, step=step, log=log, default=low)  # type: ignore[arg-type]
