"""The methods of the search benchmark by name; a peer in an environment of its own is a file here and a line below."""

from collections.abc import Callable, Mapping

from benchmarks.search.methods.allocated import Allocated
from benchmarks.search.methods.trials import Trials
from benchmarks.search.race import Method, Setting
from infertune.allocators.ecooptigen import EcoOptiGenAllocator
from infertune.allocators.value import Options, ValueAllocator
from infertune.samplers.qmc import QMCSampler
from infertune.samplers.random import RandomSampler
from infertune.samplers.tpe import TPESampler


def value(**options: object) -> Callable[[Setting], Method]:
    """Return the allocator `value` with some of its options changed."""
    return lambda setting: Allocated(setting, ValueAllocator(Options(**options)))  # type: ignore[arg-type]


METHODS: Mapping[str, Callable[[Setting], Method]] = {
    "random": lambda setting: Trials(setting, RandomSampler()),
    "qmc": lambda setting: Trials(setting, QMCSampler()),
    "tpe": lambda setting: Trials(setting, TPESampler()),
    "ecooptigen": lambda setting: Allocated(setting, EcoOptiGenAllocator()),
    "ecooptigen, 60 examples": lambda setting: Allocated(setting, EcoOptiGenAllocator(n_tuning=60)),
    "value": value(),
    "value, same examples": value(rotate=0.0),
    "value, all uncertainty": value(explore_full=True),
    "value, half as many trials": value(target_trials=24),
    "value, twice as many trials": value(target_trials=96),
}
