"""Our parameters as Optuna's distributions, for its sampler and for the trial log that its dashboard opens."""

from collections.abc import Iterable

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from infertune.space import Parameter, SearchSpace


def distribution(parameter: Parameter) -> BaseDistribution:
    """Return the distribution over exactly the parameter's values."""
    if parameter.kind == "choice":
        return CategoricalDistribution(parameter.choices)
    assert parameter.low is not None and parameter.high is not None
    if parameter.kind == "int":
        step = 1 if parameter.step is None else int(parameter.step)
        return IntDistribution(int(parameter.low), int(parameter.high), log=parameter.log, step=step)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log, step=parameter.step)


def distributions(space: SearchSpace, names: Iterable[str]) -> dict[str, BaseDistribution]:
    """Return the distributions of the named parameters, such as all that a configuration has."""
    return {name: distribution(space[name]) for name in names}
