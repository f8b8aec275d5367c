"""A problem that any search method can run on: what it may buy, what that costs, how far a recommendation falls short.

The books are the same for all: every prompt token of a request and every generated token counts, and so does buying
a second time what was bought before, unless the method keeps a bank of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.families import SYNTHETIC
from benchmarks.search.optimum import optimum, worth
from benchmarks.search.tables import Tables
from infertune.evaluation.replay import Replayed, replayed
from infertune.space import SearchSpace
from infertune.space.default_space import default_space
from infertune.strategies.estimators import SampleTable, concatenated
from infertune.testing.synthetic import TUNE
from infertune.types import Configuration
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Candidate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Purchase:
    """A wish for the first samples of some examples under one configuration.

    Attributes:
        configuration: Values of the request tier.
        examples: Numbers below the problem's ``n_examples``.
        n_samples: Of each example; greedy decoding gives one and costs one.
        max_tokens: Where the samples end.
        paid: Which samples are new, ``[n_examples, n_samples]``; the others come again from the method's own bank, and
            with none that is new the prompt is not sent either. None, for a method without a bank, is all.
    """

    configuration: Configuration
    examples: NDArray[np.intp]
    n_samples: int
    max_tokens: int
    paid: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bought:
    """What a purchase brought.

    Attributes:
        prompt_tokens: ``[n_examples]``.
        table: Gives the samples cut at a ``max_tokens`` and read by an extractor; may be asked again and again.
    """

    purchase: Purchase
    space: SearchSpace
    n_samples: int
    prompt_tokens: FloatArray
    table: Callable[[int, str], SampleTable]
    default_extractor: str

    @property
    def tokens(self) -> int:
        """What it cost."""
        whole = self.table(self.purchase.max_tokens, self.default_extractor).tokens
        if self.purchase.paid is None:
            return int(self.prompt_tokens.sum() + whole.sum())
        paid = self.purchase.paid[:, : whole.shape[1]]  # greedy decoding has one sample
        return int(self.prompt_tokens[paid.any(axis=1)].sum() + whole[paid].sum())

    def candidates(self) -> list[Candidate]:
        """Return every replay choice with its evidence; examples are named by their numbers."""
        return self.replayed().candidates(self.purchase.configuration, tuple(map(str, self.purchase.examples)))

    def replayed(self) -> Replayed:
        """Return every replay choice; examples are the columns, in the purchase's order."""
        found = replayed(
            self.space,
            self.purchase.configuration,
            n_stored=self.n_samples,
            max_tokens_stored=self.purchase.max_tokens,
            table=self.table,
            default_extractor=self.default_extractor,
        )
        assert found is not None
        return found


def together(parts: Sequence[Bought]) -> Bought:
    """Return purchases of different examples, which are alike in all else, as one."""
    first = parts[0]
    return replace(
        first,
        purchase=replace(
            first.purchase, examples=np.concatenate([part.purchase.examples for part in parts]), paid=None
        ),
        prompt_tokens=np.concatenate([part.prompt_tokens for part in parts]),
        table=lambda max_tokens, extractor: concatenated([part.table(max_tokens, extractor) for part in parts]),
    )


class Problem(Protocol):
    """One landscape or recording under one cost cap, with its examples in an order of the seed's.

    Attributes:
        space: The whole search space.
        cap: Most tokens a request may cost on average; None is no limit.
        scale: What the best answer there could be scores; methods know it by `worth` alone.
        configurations: Those of the request tier that can be bought; empty when all can.
        seed: Decides the order of the examples; methods take theirs from it too.
    """

    name: str
    space: SearchSpace
    cap: float | None
    scale: float
    n_examples: int
    max_tokens: int
    configurations: Sequence[Configuration]
    seed: int

    def buy(self, purchase: Purchase) -> Bought:
        """Return the samples; who calls keeps the books."""

    def regret(self, recommended: Configuration) -> float:
        """Return by how much a complete configuration's worth on unseen examples is below the best there is.

        In units of the scale, so that a point, a hundredth of it, is the same for all scores.
        """


class SyntheticProblem:
    """A synthetic model's task.

    Args:
        landscape: Seed of the model.
        cap: One of the family's, or None.
        seed: As in `Problem`.
        family: Name of the model's family.
        common_luck: Whether configurations share sampling noise.
    """

    configurations: Sequence[Configuration] = ()

    def __init__(
        self, landscape: int, cap: float | None, seed: int, *, family: str = "synthetic", common_luck: bool = True
    ) -> None:
        known = optimum(landscape, cap, family)
        self.cap, self.seed = known.get("cap_tokens", cap), seed
        self.name = f"{family} {landscape}, cap {self.cap:g}" if self.cap else f"{family} {landscape}"
        self._model = SYNTHETIC[family].model(landscape, common_luck=common_luck)
        self.space, self.scale = self._model.space, self._model.scale
        self.n_examples, self.max_tokens = TUNE, int(self.space["decoding.max_tokens"].values()[-1])
        self._order = np.random.default_rng((seed, landscape)).permutation(TUNE)
        self._best = float(known["worth"])

    def buy(self, purchase: Purchase) -> Bought:
        n_samples = _n_samples(purchase)
        whole = self._model.samples(purchase.configuration, self._order[purchase.examples], n_samples=n_samples)
        return Bought(
            purchase=purchase,
            space=self.space,
            n_samples=n_samples,
            prompt_tokens=whole.prompt_tokens,
            table=cache(lambda max_tokens, extractor: whole.table(max_tokens)),
            default_extractor="",
        )

    def regret(self, recommended: Configuration) -> float:
        truth = self._model.truth(_part(self.space, recommended))
        at = truth.choices.index(Configuration({name: recommended[name] for name in truth.choices[0]}))
        found = worth(float(truth.utility[at]), float(truth.cost_tokens[at]), self.cap, self.scale)
        return (self._best - found) / self.scale


class RecordedProblem:
    """A recording; each seed lets the search see other examples of it, and what is best is decided by those left over.

    There are few of these, so that even the best by all examples that the search could buy falls short of the best by
    them: that shortfall is the `floor`.
    """

    scale = 1.0

    def __init__(self, tables: Tables, cap: float | None, seed: int) -> None:
        self.name = f"{tables.task}, cap {cap:g}" if cap else tables.task
        self.cap, self.seed = cap, seed
        self.n_examples, self.max_tokens = tables.n_tune, tables.limits[-1]
        self.configurations = tables.configurations
        prompts = tuple(dict.fromkeys(str(each["prompt.template"]) for each in tables.configurations))
        self.space = default_space(prompts=prompts, max_tokens=tables.limits, extractors=tables.extractors)
        self._tables = tables
        mixed = np.random.default_rng((seed, 0)).permutation(len(tables.example_ids))
        self._order, held_out = mixed[: tables.n_tune], mixed[tables.n_tune :]
        self._worth = {
            each.configuration: worth(each.utility, each.cost_tokens, cap)
            for configuration in tables.configurations
            for each in self._bought(configuration, held_out, self._most_samples).candidates()
        }

    @property
    def _most_samples(self) -> int:
        return int(self._tables.stacked["scores"].shape[-1])

    def buy(self, purchase: Purchase) -> Bought:
        bought = self._bought(purchase.configuration, self._order[purchase.examples], purchase.n_samples)
        return Bought(
            purchase=purchase,
            space=self.space,
            n_samples=bought.n_samples,
            prompt_tokens=bought.prompt_tokens,
            table=bought.table,
            default_extractor=bought.default_extractor,
        )

    def regret(self, recommended: Configuration) -> float:
        return max(self._worth.values()) - self._worth[recommended]

    @property
    def floor(self) -> float:
        """The regret of what is best on all examples that the search could buy, all samples of each."""
        found = [
            each
            for configuration in self.configurations
            for each in self._bought(configuration, self._order, self._most_samples).candidates()
        ]
        return self.regret(max(found, key=lambda each: worth(each.utility, each.cost_tokens, self.cap)).configuration)

    def _bought(self, configuration: Configuration, examples: NDArray[np.intp], n_samples: int) -> Bought:
        purchase = Purchase(
            configuration=configuration, examples=examples, n_samples=n_samples, max_tokens=self.max_tokens
        )
        n = _n_samples(purchase)
        return Bought(
            purchase=purchase,
            space=self.space,
            n_samples=n,
            prompt_tokens=self._tables.prompt_tokens[self._tables.number[configuration]][examples].astype(np.float64),
            table=cache(
                lambda max_tokens, extractor: self._tables.table(configuration, examples, n, max_tokens, extractor)
            ),
            default_extractor=self._tables.extractors[0],
        )


def _n_samples(purchase: Purchase) -> int:
    return 1 if purchase.configuration["decoding.temperature"] == 0 else purchase.n_samples


def _part(space: SearchSpace, configuration: Configuration) -> Configuration:
    names = {parameter.name for parameter in space.parameters if parameter.tier == "request"}
    return Configuration({name: value for name, value in configuration.items() if name in names})
