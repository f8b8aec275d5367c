"""The optimum of each synthetic landscape under each cost cap, by dense search and local refinement.

    python -m benchmarks.search.optimum 0 1 2

About a minute a seed; `optima.json` beside this file keeps what was found, for the benchmark to read.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from infertune.space import SearchSpace
from infertune.testing.synthetic_model import SyntheticModel
from infertune.types import Configuration

CAPS = (150.0, 600.0, None)
KEPT = Path(__file__).parent / "optima.json"
N_DENSE = 700
N_STARTS = 5
N_FINAL = 12
_FEWER = 1024  # examples of the population for all but the final comparison


def worth(utility: float, cost_tokens: float, cap: float | None) -> float:
    """Return the utility less what the cost is over the cap, as a share of it: 1% over costs as much as 1 point."""
    return utility if cap is None else utility - max(0.0, cost_tokens / cap - 1.0)


@cache
def optimum(seed: int, cap: float | None) -> Mapping[str, Any]:
    """Return ``configuration``, ``utility``, ``cost_tokens`` and ``worth`` of the best, searched for where unknown."""
    known = _kept()
    key = f"{seed}:{cap}"
    if key not in known:
        model = SyntheticModel(seed)
        found = {f"{seed}:{each}": _search(model, each) for each in CAPS}
        known = dict(sorted((_kept() | found).items()))
        KEPT.write_text(json.dumps(known, indent=1) + "\n")
    return known[key]


def _kept() -> dict[str, Any]:
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


def _search(model: SyntheticModel, cap: float | None) -> dict[str, Any]:
    space = model.space.tier("request")
    rng = np.random.default_rng((model.seed, 3))
    seen = {space.sample(rng): 0.0 for _ in range(N_DENSE)}
    for configuration in seen:
        seen[configuration] = _best(model, configuration, cap, _FEWER)[0]
    for start in sorted(seen, key=seen.__getitem__)[-N_STARTS:]:
        here = start
        while True:
            for neighbour in _neighbours(space, here):
                if neighbour not in seen:
                    seen[neighbour] = _best(model, neighbour, cap, _FEWER)[0]
            best = max(_neighbours(space, here), key=seen.__getitem__)
            if seen[best] <= seen[here]:
                break
            here = best
    finals = [(*_best(model, each, cap, None), each) for each in sorted(seen, key=seen.__getitem__)[-N_FINAL:]]
    value, choice, utility, cost_tokens, configuration = max(finals, key=lambda each: each[0])
    return {
        "worth": value,
        "utility": utility,
        "cost_tokens": cost_tokens,
        "configuration": dict(configuration.with_values(choice)),
    }


def _neighbours(space: SearchSpace, configuration: Configuration) -> Iterator[Configuration]:
    """Yield the configurations that differ in one parameter; the rest stays, or is the default where it was absent."""
    for parameter in space.parameters:
        if parameter.name in configuration:
            for value in parameter.values():
                changed = {**configuration, parameter.name: value}
                yield space.assemble(lambda p, changed=changed: changed.get(p.name, p.default))


_memory: dict[tuple[int, Configuration, int | None], Any] = {}


def _best(
    model: SyntheticModel, configuration: Configuration, cap: float | None, n_examples: int | None
) -> tuple[float, Configuration, float, float]:
    key = (model.seed, configuration, n_examples)
    if key not in _memory:
        options = {} if n_examples is None else {"n_examples": n_examples}
        _memory[key] = model.truth(configuration, **options)
    truth = _memory[key]
    values = [worth(u, c, cap) for u, c in zip(truth.utility, truth.cost_tokens, strict=True)]
    at = int(np.argmax(values))
    return values[at], truth.choices[at], float(truth.utility[at]), float(truth.cost_tokens[at])


if __name__ == "__main__":
    for seed in map(int, sys.argv[1:]):
        for cap in CAPS:
            found = optimum(seed, cap)
            print(seed, cap, f"{found['worth']:.3f} at {found['cost_tokens']:.0f}", found["configuration"], flush=True)
        _memory.clear()
