"""What is thought of configurations with every number of samples, and what an example of each costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.model import UtilityModel, View
from infertune.allocators.surrogates.candidates import Choices
from infertune.space import SearchSpace
from infertune.types import Configuration
from infertune.types.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Valuation:
    """What is thought of m configurations.

    Attributes:
        view: Of them.
        choices: The best choice with each n, ``[m, n_options]``.
        values: Its worth, likewise; minus infinity where there is none.
        prices: In tokens, of an example with so many samples, likewise; infinite where they are of no use.
    """

    configurations: Sequence[Configuration]
    view: View
    choices: NDArray[np.intp]
    values: FloatArray
    prices: FloatArray

    @property
    def value(self) -> FloatArray:
        """Worth of each one's best choice, ``[m]``."""
        return np.asarray(self.values.max(axis=1))

    @property
    def choice(self) -> NDArray[np.intp]:
        """Number of each one's best choice, ``[m]``."""
        return np.take_along_axis(self.choices, self.values.argmax(axis=1)[:, None], axis=1)[:, 0]

    def of(self, rows: Sequence[int]) -> "Valuation":
        """Return what is thought of some of them."""
        at = np.array(rows)
        return Valuation(
            configurations=[self.configurations[row] for row in rows],
            view=self.view.of(at),
            choices=self.choices[at],
            values=self.values[at],
            prices=self.prices[at],
        )


def judged(offer: Offer, model: UtilityModel, configurations: Sequence[Configuration], cap_slack: float) -> Valuation:
    """Return what a model thinks of configurations, known or new; more samples than the slack allows have no price."""
    view = model.view(configurations)
    known = _choices(offer.space)
    kinds = [known.kind(each) for each in configurations]
    lists = {kind: set(known.lists[kind]) for kind in set(kinds)}
    masks = {kind: np.array([choice in its for choice in model.choices]) for kind, its in lists.items()}
    has = np.stack([masks[kind] for kind in kinds]) & np.isin(model.n, offer.n_choices)
    worth = np.where(has, view.worth, -np.inf)
    n, options = model.n, np.array(offer.n_choices)
    within = has if offer.cap_tokens is None else has & (view.tokens <= cap_slack * offer.cap_tokens)
    most = np.where(within, n, options[0]).max(axis=1)
    shape = (len(kinds), len(options))
    prices, values, choices = np.full(shape, np.inf), np.full(shape, -np.inf), np.zeros(shape, dtype=np.intp)
    for column, option in enumerate(options.tolist()):
        of_n = np.flatnonzero(n == option)
        whole = np.where(has[:, of_n], view.tokens[:, of_n], 0.0).max(axis=1)
        prices[:, column] = np.where((whole > 0) & (option <= most), whole, np.inf)
        choices[:, column] = of_n[worth[:, of_n].argmax(axis=1)]
        values[:, column] = worth[:, of_n].max(axis=1)
    return Valuation(configurations=configurations, view=view, choices=choices, values=values, prices=prices)


@lru_cache(maxsize=8)
def _choices(space: SearchSpace) -> Choices:
    return Choices(space)
