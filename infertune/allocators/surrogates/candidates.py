"""What an allocator considers: a fixed beginning, draws from the whole space, and neighbours of the best."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from scipy.stats import qmc

from infertune.space import Parameter, SearchSpace
from infertune.space.names import TEMPERATURE
from infertune.types import Configuration, Scalar

N_POOL = 1024
_NEAR = 0.15  # of the range, how far a neighbour is


N_FIRST_DRAWS = 8  # of the beginning, before the other texts at the default
_CHUNK = 32  # so many of a beginning are found at once


def beginning(
    space: SearchSpace, configurations: tuple[Configuration, ...], seed: int, n_start: int
) -> tuple[Configuration, ...]:
    """Return the first configurations of a study: what one would try by hand, among draws with all labels in turns.

    By hand one would try the default, greedy decoding, every other prompt (or any other text) greedily, and every
    other prompt at the default: so no answer is worse than the obvious. The last come after some draws, which tell a
    model more.

    Args:
        space: The request tier.
        configurations: Those that can be had; empty when all can.
        seed: Of the study.
        n_start: How many at least.
    """
    n_start = max(n_start, sum(map(len, obvious(space, configurations))) + N_FIRST_DRAWS)
    return _begun(space, configurations, seed, -(-n_start // _CHUNK) * _CHUNK)[:n_start]


@lru_cache(maxsize=8)
def obvious(
    space: SearchSpace, configurations: tuple[Configuration, ...]
) -> tuple[tuple[Configuration, ...], tuple[Configuration, ...]]:
    """Return what one would try by hand: the default and all texts greedily, and the other texts at the default.

    Only what can be had is among them.
    """
    default = space.default_configuration()
    texts = [(p.name, value) for p in _texts(space) for value in p.values() if value != p.default]

    def made(values: Mapping[str, Scalar]) -> Configuration:
        return space.assemble(lambda p: values.get(p.name, p.default))

    can_be_had = set(configurations)

    def allowed(found: Sequence[Configuration]) -> tuple[Configuration, ...]:
        return tuple(
            each for each in dict.fromkeys(found) if space.allows(each) and (not can_be_had or each in can_be_had)
        )

    greedy: list[Configuration] = []
    if TEMPERATURE in default and space[TEMPERATURE].nearest(0.0) == 0.0:
        greedy = [made({TEMPERATURE: 0.0}), *(made({TEMPERATURE: 0.0, name: value}) for name, value in texts)]
    first = allowed([default, *greedy])
    return first, tuple(each for each in allowed([made({name: value}) for name, value in texts]) if each not in first)


@lru_cache(maxsize=8)
def _begun(
    space: SearchSpace, configurations: tuple[Configuration, ...], seed: int, n: int
) -> tuple[Configuration, ...]:
    first, at_default = obvious(space, configurations)
    if configurations:
        order = np.random.default_rng((seed, 7)).permutation(len(configurations))
        draws = [configurations[at] for at in order]
    else:
        draws = list(_pool(space, seed))
    names = [p.name for p in _texts(space)]
    counts = Counter((name, each.get(name)) for each in (*first, *at_default) for name in names)
    seen = {*first, *at_default}
    rest = [each for each in draws if each not in seen]
    drawn: list[Configuration] = []
    while len(seen) + len(drawn) < n and rest:
        at = min(range(len(rest)), key=lambda row: sum(counts[name, rest[row].get(name)] for name in names))
        drawn.append(rest.pop(at))
        counts.update((name, drawn[-1].get(name)) for name in names)
    return (*first, *drawn[:N_FIRST_DRAWS], *at_default, *drawn[N_FIRST_DRAWS:])


def _texts(space: SearchSpace) -> list[Parameter]:
    return [p for p in space.parameters if isinstance(p.default, str) and len(p.values()) > 1]


@lru_cache(maxsize=8)
def _pool(space: SearchSpace, seed: int) -> tuple[Configuration, ...]:
    """Return a Sobol sequence through the space, without repetitions."""
    sobol = qmc.Sobol(len(space.parameters), rng=np.random.default_rng((seed, 8)))
    drawn = map(space.from_unit, sobol.random(N_POOL).tolist())
    return tuple(dict.fromkeys(each for each in drawn if space.allows(each)))


def draws(space: SearchSpace, seed: int, turn: int, n: int) -> list[Configuration]:
    """Return configurations from all of the space, other ones at another turn."""
    pool = _pool(space, seed)
    chosen = np.random.default_rng((seed, turn)).permutation(len(pool))[:n]
    return [pool[at] for at in chosen]


def neighbours(
    space: SearchSpace, parents: Sequence[Configuration], seed: int, turn: int, n: int
) -> list[Configuration]:
    """Return configurations that differ from one of the parents in one value, numbers by a step or a few."""
    rng = np.random.default_rng((seed, turn, 1))
    varied = {p.name for p in space.parameters if p.continuous or len(p.values()) > 1}
    found: dict[Configuration, None] = {}
    for number in range(n):
        parent = parents[number % len(parents)]
        names = [name for name in parent if name in varied]
        if not names:
            continue
        changed = names[int(rng.integers(len(names)))]
        value = _moved(space, changed, parent[changed], rng)
        child = _with(space, parent, changed, value)
        if space.allows(child):
            found.setdefault(child)
    return list(found)


def with_other_texts(space: SearchSpace, parent: Configuration) -> list[Configuration]:
    """Return the parent with every other value of each text: a prompt may shine only under settings that suit it."""
    changes = [(text.name, value) for text in _texts(space) for value in text.values()]
    found = [_with(space, parent, name, value) for name, value in changes if value != parent.get(name)]
    return [each for each in found if space.allows(each)]


def _with(space: SearchSpace, parent: Configuration, name: str, value: Scalar) -> Configuration:
    return space.assemble(lambda p: value if p.name == name else parent.get(p.name, p.default))


def _moved(space: SearchSpace, name: str, value: Scalar, rng: np.random.Generator) -> Scalar:
    """Return a value near by, or any other where there is no near."""
    parameter = space[name]
    if parameter.kind == "choice" or isinstance(value, str | bool):
        return parameter.from_unit(float(rng.random()))
    assert parameter.low is not None and parameter.high is not None
    return parameter.nearest(value + float(rng.normal()) * _NEAR * (parameter.high - parameter.low))


class Choices:
    """The replay choices of any configuration, remembered by what decides them."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        replay = {p.name for p in space.parameters if p.tier == "replay"}
        conditions = [c for constraint in space.constraints for c in (constraint.when, constraint.must)]
        self._deciding = [c for c in conditions if c.name not in replay]
        self._kinds: dict[tuple[bool, ...], int] = {}
        self.lists: list[tuple[Configuration, ...]] = []

    def kind(self, configuration: Mapping[str, Scalar]) -> int:
        """Return the place in ``lists`` of what ``space.replay_choices`` says of a configuration."""
        key = tuple(c.name in configuration and c.holds(configuration[c.name]) for c in self._deciding)
        if key not in self._kinds:
            self._kinds[key] = len(self.lists)
            self.lists.append(tuple(self._space.replay_choices(configuration)))
        return self._kinds[key]
