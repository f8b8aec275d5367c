import numpy as np
import optuna
from hypothesis import given, settings
from hypothesis import strategies as st

from infertune.samplers.optuna_space import distribution, distributions
from infertune.space import Parameter
from infertune.space.default_space import default_space
from infertune.space.notation import changed

SPACE = changed(
    default_space(prompts=("short", "chat"), max_tokens=32),
    ["top_k=1..100:log", "repetition_penalty=0.9..1.4", "n=1..9:2"],
)


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_optuna_accepts_and_returns_every_configuration(seed):
    configuration = SPACE.sample(np.random.default_rng(seed))
    trial = optuna.create_trial(
        params=dict(configuration), distributions=distributions(SPACE, configuration), value=0.5
    )
    assert trial.params == dict(configuration)


def test_distributions_hold_the_same_values():
    for parameter in SPACE.parameters:
        found = distribution(parameter)
        if isinstance(found, optuna.distributions.CategoricalDistribution):
            assert found.choices == parameter.choices
        else:
            assert (found.low, found.high, found.log) == (parameter.low, parameter.high, parameter.log)
            assert found.step == (parameter.step or (1 if parameter.kind == "int" else None))


def test_one_value():
    fixed = Parameter(name="r.a", tier="request", kind="float", low=0.5, high=0.5, default=0.5)
    assert distribution(fixed).single()
