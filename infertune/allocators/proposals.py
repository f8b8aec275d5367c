"""What an allocator considers: a fixed beginning, draws from the whole space, and neighbours of the best."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from scipy.stats import qmc

from infertune.space import Configuration, SearchSpace
from infertune.types import Scalar

N_POOL = 1024
_NEAR = 0.15  # of the range, how far a neighbour is


@lru_cache(maxsize=8)
def beginning(
    space: SearchSpace, configurations: tuple[Configuration, ...], seed: int, n_start: int
) -> tuple[Configuration, ...]:
    """Return the first configurations of a study: the default, then every label of every text parameter in turns.

    Args:
        space: The request tier.
        configurations: Those that can be had; empty when all can.
        seed: Of the study.
        n_start: How many at least; all prompts are among them in any case.
    """
    labels = [p for p in space.parameters if isinstance(p.default, str) and len(p.values()) > 1]
    n_start = max([n_start, *(len(p.values()) + 1 for p in labels)])
    if configurations:
        order = np.random.default_rng((seed, 7)).permutation(len(configurations))
        draws = [configurations[at] for at in order]
        chosen = [space.default_configuration()] if space.default_configuration() in configurations else draws[:1]
    else:
        draws = list(_pool(space, seed))
        chosen = [space.default_configuration()]
    while len(chosen) < n_start:
        rest = [each for each in draws if each not in chosen]
        if not rest:
            break
        chosen.append(min(rest, key=lambda each: sum(_times(chosen, p.name, each) for p in labels)))
    return tuple(chosen)


def _times(chosen: Sequence[Configuration], name: str, each: Configuration) -> int:
    return sum(one.get(name) == each.get(name) for one in chosen)


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
        child = space.assemble(
            lambda p, parent=parent, changed=changed, value=value: (  # type: ignore[misc]
                value if p.name == changed else parent.get(p.name, p.default)
            )
        )
        if space.allows(child):
            found.setdefault(child)
    return list(found)


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
