"""The optimum of each synthetic landscape under each cost cap, by dense search and local refinement.

    python -m benchmarks.search.optimum 0 1 2 --families softmax graded labels

About a minute a seed; `optima.json` beside this file keeps what was found, for the benchmark to read.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.families import SYNTHETIC
from benchmarks.search.ladder import ladder
from infertune.space import Parameter, SearchSpace
from infertune.testing.synthetic import Synthetic, Truth
from infertune.types import Configuration, Scalar

KEPT = Path(__file__).parent / "optima.json"
N_DENSE = 700
N_STARTS = 5
N_FINAL = 12
N_RUNGS = 24  # of a ladder of values, for a range of more
N_COARSE = 6  # of those that are tried with every text
_FEWER = 1024  # examples of the population for all but the final comparison
_Value = Callable[[Configuration], float]


def worth(utility: float, cost_tokens: float, cap: float | None, scale: float = 1.0) -> float:
    """Return the utility less what the cost is over the cap, as a share of it: 1% over costs 1% of the scale."""
    return utility if cap is None else utility - scale * max(0.0, cost_tokens / cap - 1.0)


@cache
def optimum(seed: int, cap: float | None, family: str = "synthetic") -> Mapping[str, Any]:
    """Return what is known of the best, searched for where it is not.

    Args:
        seed: Of the landscape.
        cap: One of the family's.
        family: Name of it.

    Returns:
        ``configuration``, ``utility``, ``cost_tokens`` and ``worth``; and ``cap_tokens`` where the cap is a multiple.
    """
    known = _kept()
    prefix = "" if family == "synthetic" else f"{family}:"
    key = f"{prefix}{seed}:{cap}"
    if key not in known:
        search = _Search(SYNTHETIC[family].model(seed))
        found = {}
        for each in SYNTHETIC[family].caps:
            tokens = SYNTHETIC[family].cap_tokens(search.model, each)
            told = {"cap_tokens": tokens} if tokens != each else {}
            found[f"{prefix}{seed}:{each}"] = told | search.best(tokens)
        known = dict(sorted((_kept() | found).items()))
        KEPT.write_text(json.dumps(known, indent=1) + "\n")
    return known[key]


def _kept() -> dict[str, Any]:
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


class _Search:
    """That of one model, which remembers the truths for all caps."""

    def __init__(self, model: Synthetic) -> None:
        self.model = model
        self._space = model.space.tier("request")
        self._truths: dict[tuple[Configuration, int | None], Truth] = {}

    def best(self, cap: float | None) -> dict[str, Any]:
        """Draw many, climb from the best of different prompts, and decide and climb once more on all examples."""
        rng = np.random.default_rng((self.model.seed, 3))
        seen: dict[Configuration, float] = {}

        def roughly(configuration: Configuration) -> float:
            if configuration not in seen:
                seen[configuration] = self._best_choice(configuration, cap, _FEWER)[0]
            return seen[configuration]

        drawn = sorted({self._space.sample(rng): None for _ in range(N_DENSE)}, key=roughly, reverse=True)
        starts: dict[Scalar, Configuration] = {}
        for each in drawn:
            starts.setdefault(each["prompt.template"], each)
        best = max((self._climbed(each, roughly) for each in list(starts.values())[:N_STARTS]), key=roughly)
        while (better := max(_with_texts(self._space, best, roughly), key=roughly)) and roughly(better) > roughly(
            best
        ):
            best = self._climbed(better, roughly)

        @cache
        def exactly(configuration: Configuration) -> float:
            return self._best_choice(configuration, cap, None)[0]

        best = max(sorted(seen, key=roughly)[-N_FINAL:], key=exactly)
        best = self._climbed(best, exactly)
        value, choice, utility, cost_tokens = self._best_choice(best, cap, None)
        return {
            "worth": value,
            "utility": utility,
            "cost_tokens": cost_tokens,
            "configuration": dict(best.with_values(choice)),
        }

    def _climbed(self, here: Configuration, value: _Value) -> Configuration:
        """Return where no value of one parameter, and no step of two, is better."""
        while True:
            before = here
            for parameter in self._space.parameters:
                if parameter.name in here and _matters(self._space, here, parameter, value):
                    here = max([here, *_changed(self._space, here, [parameter], _rungs)], key=value)
            if here == before:
                here = max([here, *_diagonals(self._space, here, value)], key=value)
            if here == before:
                return here

    def _best_choice(
        self, configuration: Configuration, cap: float | None, n_examples: int | None
    ) -> tuple[float, Configuration, float, float]:
        key = configuration, n_examples
        if key not in self._truths:
            options = {} if n_examples is None else {"n_examples": n_examples}
            self._truths[key] = self.model.truth(configuration, **options)
        truth = self._truths[key]
        each = zip(truth.utility.tolist(), truth.cost_tokens.tolist(), strict=True)
        values = [worth(utility, cost, cap, self.model.scale) for utility, cost in each]
        at = int(np.argmax(values))
        return values[at], truth.choices[at], float(truth.utility[at]), float(truth.cost_tokens[at])


def _changed(
    space: SearchSpace,
    here: Configuration,
    parameters: list[Parameter],
    values: Callable[[Parameter], list[Scalar]],
) -> Iterator[Configuration]:
    """Yield those that differ in some parameters; the rest stays, or is the default where it was absent."""
    for combination in product(*map(values, parameters)):
        changed = {**here, **dict(zip((p.name for p in parameters), combination, strict=True))}
        yield space.assemble(lambda p, changed=changed: changed.get(p.name, p.default))


def _numbers(space: SearchSpace, here: Configuration, value: _Value) -> list[Parameter]:
    """Return those that do anything here."""
    numbers = [each for each in space.parameters if each.name in here and not isinstance(each.default, str)]
    return [each for each in numbers if _matters(space, here, each, value)]


def _matters(space: SearchSpace, here: Configuration, parameter: Parameter, value: _Value) -> bool:
    return any(value(each) != value(here) for each in _changed(space, here, [parameter], _coarse))


def _diagonals(space: SearchSpace, here: Configuration, value: _Value) -> Iterator[Configuration]:
    """Yield the configurations one step away in two numbers at once: the way along a ridge."""
    for pair in combinations(_numbers(space, here, value), 2):
        yield from _changed(space, here, list(pair), lambda p: _neighbours(p, float(here[p.name])))


def _with_texts(space: SearchSpace, here: Configuration, value: _Value) -> Iterator[Configuration]:
    """Yield those with another prompt and, for it, another value of one number."""
    for parameter in _numbers(space, here, value):
        yield from _changed(space, here, [space["prompt.template"], parameter], _coarse)


def _rungs(parameter: Parameter) -> list[Scalar]:
    return ladder(parameter, N_RUNGS)


def _coarse(parameter: Parameter) -> list[Scalar]:
    rungs = _rungs(parameter)
    if isinstance(parameter.default, str) or len(rungs) <= N_COARSE:
        return rungs
    return [rungs[at] for at in np.linspace(0, len(rungs) - 1, N_COARSE).round().astype(int)]


def _neighbours(parameter: Parameter, value: float) -> list[Scalar]:
    rungs = _rungs(parameter)
    at = min(range(len(rungs)), key=lambda rung: abs(float(rungs[rung]) - value))
    return rungs[max(at - 1, 0) : at] + rungs[at + 1 : at + 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--families", nargs="+", choices=list(SYNTHETIC), default=["synthetic"])
    arguments = parser.parse_args()
    for seed, family in product(arguments.seeds, arguments.families):
        for cap in SYNTHETIC[family].caps:
            found = optimum(seed, cap, family)
            at = f"{found['worth']:.4f} at {found['cost_tokens']:.0f} tokens"
            print(family, seed, cap, at, found["configuration"], flush=True)


if __name__ == "__main__":
    main()
