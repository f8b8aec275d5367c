"""How often the promise of `infertune.selection.regret_bound` fails, over simulated studies whose truth is known.

    python -m benchmarks.promise [--studies 1000]

Each study searches as `infertune optimize` does: a round of random trials, then rounds near the best so far, all on
the same examples; the best six on more; one recommendation, by the rules of `infertune.selection.select`; a
confirmation on others. What is promised, and for comparison what one would say otherwise, is held against the true
utilities. It fails where one of the configurations meant is better than the recommended one by more than the margin.

Three worlds are made so that a promise can fail: 1,000 configurations of the request tier with 8 replay choices each,
where a score is 1 if ability + taste of the example for the configuration + luck exceeds the example's difficulty. The
taste is a smooth random function of the configuration, so that similar configurations go wrong on the same examples: a
search that climbs on the same examples fits itself to them, which is what a promise has to survive. The fourth world
is the package's synthetic model: 80 configurations with up to 35 replay choices, scored by the package's estimators.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from scipy import special, stats

from infertune import plugins
from infertune.selection.regret_bound import promise
from infertune.selection.select import Wanted, finalists, on_common_examples, select
from infertune.selection.verdict import judge
from infertune.statistics.confidence_sequence import lower_bounds, upper_bounds
from infertune.statistics.intervals import paired_difference
from infertune.testing.synthetic_model import MAX_TOKENS, SyntheticModel
from infertune.types import Configuration
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Candidate

RISKS = (0.05, 0.2)
N_TRIALS = 24
N_ROUND = 4
N_FINALISTS = 6


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Examples of the search, of the finals (those of the search among them) and of the confirmation."""

    search: int = 24
    finals: int = 60
    confirm: int = 150


SIZES = (Sizes(), Sizes(search=64, finals=200, confirm=200))


class World(Protocol):
    """A space with its true utilities, and the examples of one study.

    Attributes:
        places: Of the request-tier configurations, to tell near from far; shape [n_configurations, n_axes].
        utilities: Of each one's replay choices.
        costs: Tokens per request likewise.
    """

    places: FloatArray
    utilities: Sequence[FloatArray]
    costs: Sequence[FloatArray]

    def scores(self, number: int) -> FloatArray:
        """Return the scores of one configuration on all examples; shape [n_choices, n_examples]."""
        ...


class Tastes:
    """A world of right and wrong answers.

    Args:
        kind: ``equal``: utilities differ by a point or two. ``hill``: a smooth landscape. ``needles``: all are equal
            in cost and utility, but for one choice of a hundred, which is better by about two standard errors of the
            finals. That is the hardest: the luckiest of many is recommended, and looks better than it is.
    """

    def __init__(self, kind: str, sizes: Sizes, rng: np.random.Generator) -> None:
        side, n_choices, n_features = 10, 8, 12
        cube = np.stack(np.meshgrid(*3 * [np.arange(side)], indexing="ij"), axis=-1).reshape(-1, 3)
        self.places = cube / (side - 1)
        n = len(self.places)
        ability = rng.normal(0.0, 0.02, (n, n_choices)) + rng.normal(0.0, 0.5)
        if kind == "hill":
            ability += 1.0 - 3.0 * ((self.places - rng.random(3)) ** 2).sum(axis=1, keepdims=True)
            ability += np.linspace(0.0, 0.3, n_choices)
        self.costs = np.exp(rng.normal(4.0, 0.5, (n, 1))) * np.linspace(1.0, 2.0, n_choices)
        if kind == "needles":
            ability += 3.2 / np.sqrt(sizes.finals) * (rng.random((n, n_choices)) < 0.01)
            self.costs = np.full((n, n_choices), 50.0)
        self.utilities = special.ndtr(ability / np.sqrt(1.0 + 0.7**2 + 2 * 0.5**2))
        self._ability = ability
        n_examples = sizes.finals + sizes.confirm
        # What all share: difficulty and the luck that common random numbers make common.
        self._against = rng.normal(0.0, 1.0, n_examples) + rng.normal(0.0, 0.5, n_examples)
        # Random Fourier features (Rahimi and Recht 2007): cosine and sine of one frequency have a constant spread.
        self._frequencies = rng.normal(0.0, 3.0, (3, n_features))
        self._tastes = rng.normal(0.0, 0.7 / np.sqrt(n_features), (2, n_features, n_examples))
        self._rng = np.random.default_rng(rng.integers(2**63))

    def scores(self, number: int) -> FloatArray:
        """Return right and wrong, with luck of its own for each replay choice."""
        angles = self.places[number] @ self._frequencies
        taste = np.cos(angles) @ self._tastes[0] + np.sin(angles) @ self._tastes[1]
        luck = self._rng.normal(0.0, 0.5, (self._ability.shape[1], len(taste)))
        return np.asarray(self._ability[number][:, None] + taste + luck > self._against, dtype=np.float64)


class Modelled:
    """The synthetic model's answers to a fixed population of examples, of which a study draws its own."""

    def __init__(self, sizes: Sizes, rng: np.random.Generator) -> None:
        known = _population(int(rng.integers(N_MODELS)))
        self.places, self.costs = known.places, known.costs
        self.utilities = [scores.mean(axis=1) for scores in known.scores]
        self._scores = known.scores
        self._drawn = rng.choice(N_POPULATION, sizes.finals + sizes.confirm, replace=False)

    def scores(self, number: int) -> FloatArray:
        """Return expected scores of votes."""
        return self._scores[number][:, self._drawn]


N_MODELS, N_POPULATION = 4, 2048


@dataclass(frozen=True, kw_only=True)
class Population:
    places: FloatArray
    costs: list[FloatArray]
    scores: list[FloatArray]


@lru_cache
def _population(seed: int) -> Population:
    model, rng = SyntheticModel(seed), np.random.default_rng(seed)
    request = model.space.tier("request")
    drawn = dict.fromkeys(request.sample(rng) for _ in range(80))
    everybody = np.arange(N_POPULATION)
    names = ("decoding.temperature", "decoding.top_p", "decoding.min_p", "decoding.repetition_penalty")
    prompts = [str(each["prompt.template"]) for each in drawn]
    places, costs, scores = [], [], []
    for configuration in drawn:
        whole = model.samples(configuration, everybody, n_samples=9, split="population")
        tables = {max_tokens: whole.table(max_tokens) for max_tokens in MAX_TOKENS}
        rows = []
        for choice in model.space.replay_choices(configuration):
            table, n = tables[int(choice["decoding.max_tokens"])], int(choice["strategy.n"])
            expected = plugins.load("strategies", str(choice["strategy.name"]))().expected(table, n)
            rows.append((expected.scores, expected.tokens.mean()))
        scores.append(np.array([row for row, _ in rows]))
        costs.append(np.array([cost for _, cost in rows]))
        prompt = [2.0 * (str(configuration["prompt.template"]) == each) for each in sorted(set(prompts))]
        places.append([float(configuration.get(name, 0.0)) for name in names] + prompt)
    return Population(places=np.array(places), costs=costs, scores=scores)


def world(kind: str, sizes: Sizes, rng: np.random.Generator) -> World:
    return Modelled(sizes, rng) if kind == "model" else Tastes(kind, sizes, rng)


WORLDS = ("equal", "hill", "needles", "model")


@dataclass(frozen=True, kw_only=True)
class Held:
    """One margin of one study beside the truth.

    Attributes:
        within: What was said.
        behind: By how much the recommended configuration really is behind the best of those meant.
    """

    name: str
    risk: float
    within: float
    behind: float


def simulated(seed: int, *, kind: str, sizes: Sizes, risks: Sequence[float] = RISKS) -> list[Held]:
    """Run one study and return what it says of its recommendation."""
    rng = np.random.default_rng((seed, WORLDS.index(kind)))
    here = world(kind, sizes, rng)
    answers: dict[int, FloatArray] = {}  # of each trial, on all examples; a study looks at those it has paid for

    def candidates(number: int, examples: slice) -> list[Candidate]:
        scores = answers[number][:, examples]
        ids = tuple(map(str, np.arange(sizes.finals + sizes.confirm)[examples]))
        return [
            Candidate(
                configuration=Configuration({"place": number, "choice": choice}),
                example_ids=ids,
                scores=row,
                tokens=np.full(len(ids), here.costs[number][choice]),
            )
            for choice, row in enumerate(scores)
        ]

    while len(answers) < N_TRIALS:
        observed = {number: all_[:, : sizes.search].mean(axis=1).max() for number, all_ in answers.items()}
        for number in _proposed(here.places, observed, rng):
            answers[number] = here.scores(number)
    explored = [candidate for number in answers for candidate in candidates(number, slice(sizes.search))]
    chosen = dict.fromkeys([next(iter(answers))])  # the first trial stands for the default
    for candidate in finalists(explored):
        if len(chosen) < N_FINALISTS:
            chosen.setdefault(int(str(candidate.configuration["place"])))
    compared = on_common_examples([c for number in chosen for c in candidates(number, slice(sizes.finals))])
    selection = select(compared, default=compared[0].configuration, wanted=Wanted())

    def on_confirm(each: Candidate) -> Candidate:
        place, choice = (int(str(each.configuration[name])) for name in ("place", "choice"))
        return candidates(place, slice(sizes.finals, None))[choice]

    verdict = judge(on_confirm(selection.challenger), on_confirm(selection.default), lead=selection.lead)
    recommended = selection.default if verdict.recommends_default else selection.challenger
    place, choice = (int(str(recommended.configuration[name])) for name in ("place", "choice"))
    confirmed = on_confirm(recommended)
    n_possible = sum(map(len, here.utilities))
    behind_finalists = max(here.utilities[number].max() for number in chosen) - here.utilities[place][choice]
    behind_tried = max(here.utilities[number].max() for number in answers) - here.utilities[place][choice]
    held = []
    for risk in risks:
        promised = promise(
            recommended,
            compared=compared,
            explored=explored,
            confirmed=confirmed,
            n_planned=sizes.search,
            n_possible=n_possible,
            confidence=1 - risk,
        )
        assert promised.finalists and promised.tried
        said = {
            "finalists": promised.finalists.within,
            "all tried": promised.tried.within,
            **_otherwise(recommended, selection.best, compared, confirmed, risk, sizes.search, n_possible),
        }
        for name, within in said.items():
            behind = behind_tried if name == "all tried" else behind_finalists
            held.append(Held(name=name, risk=risk, within=within, behind=float(behind)))
    return held


def _otherwise(
    recommended: Candidate,
    best: Candidate,
    compared: Sequence[Candidate],
    confirmed: Candidate,
    risk: float,
    n_searched: int,
    n_possible: int,
) -> dict[str, float]:
    """Return what else one could say of the finalists: two that do not hold, and two that do and were not chosen."""
    # The upper end of a two-sided interval has half of its risk.
    ends = {
        c.configuration: paired_difference(c.scores, recommended.scores, confidence=1 - 2 * risk).high
        for c in compared
        if c is not recommended
    }
    differences = np.array([c.scores - recommended.scores for c in compared if c is not recommended])
    fresh = np.array([c.scores[n_searched:] for c in compared])
    least = lower_bounds(confirmed.scores[None], risk=risk / 2, n_planned=len(confirmed.scores))[0]
    n_all, n_fresh = differences.shape[1], fresh.shape[1]
    return {
        "t, best observed": ends.get(best.configuration, 0.0),
        "t, all finalists": max(ends.values()),
        "valid: fresh against confirm": upper_bounds(fresh, risk=risk / 2, n_planned=n_fresh).max() - least,
        "valid: every pair of the space": upper_bounds(
            differences, risk=risk / n_possible**2, n_planned=n_all, lowest=-1.0
        ).max(),
    }


def _proposed(places: FloatArray, observed: dict[int, float], rng: np.random.Generator) -> list[int]:
    """Return the next round: random at first, then near each of the best three so far, and one at random."""
    left = np.array(sorted(set(range(len(places))) - observed.keys()))
    proposals = [int(number) for number in rng.choice(left, N_ROUND, replace=False)]
    if len(observed) >= 2 * N_ROUND:
        for index, number in enumerate(sorted(observed, key=lambda number: -observed[number])[:3]):
            distance = np.linalg.norm(places[left] - places[number], axis=1) + 0.1 * rng.random(len(left))
            distance[np.isin(left, proposals)] = np.inf
            proposals[index] = int(left[distance.argmin()])
    return proposals


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--studies", type=int, default=1000)
    n_studies = arguments.parse_args().studies
    print("| world | examples | d | margin | failed, 95% interval | mean margin | mean truth |")
    print("|---|---|---:|---|---|---:|---:|")
    for kind in WORLDS:
        for sizes in SIZES:
            found = [held for seed in range(n_studies) for held in simulated(seed, kind=kind, sizes=sizes)]
            for risk, name in dict.fromkeys((held.risk, held.name) for held in found):
                group = [held for held in found if (held.risk, held.name) == (risk, name)]
                n_failed = sum(held.behind > held.within for held in group)
                low, high = stats.binomtest(n_failed, n_studies).proportion_ci(method="exact")
                within, behind = (np.mean([getattr(held, each) for held in group]) for each in ("within", "behind"))
                print(
                    f"| {kind} | {sizes.search}, {sizes.finals}, {sizes.confirm} | {risk} | {name} "
                    f"| {n_failed}: {low:.3f} to {high:.3f} | {within:.3f} | {behind:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
