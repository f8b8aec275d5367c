"""What a study's evidence says of any configuration of its space: the model that the search itself stands on.

Knowledge-gradient searches decide by this model; of other searches it is fitted to the same evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from infertune.allocators import Offer
from infertune.allocators.knowledge_gradient.model import UtilityModel, View
from infertune.allocators.knowledge_gradient.options import WHOLE
from infertune.archive.stored_study import StoredStudy
from infertune.errors import DataUnavailableError
from infertune.space import SearchSpace
from infertune.space.names import N
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray

_AT_ONCE = 2048  # configurations


class UtilitySurface:
    """Expected utility over a study's space.

    Args:
        study: With two trials or more.

    Attributes:
        space: Of the study.
        configurations: Of the request tier, that were tried.

    Raises:
        DataUnavailableError: Too little was tried.
    """

    def __init__(self, study: StoredStudy) -> None:
        self.space: SearchSpace = study.opening.space
        evidence = [trial.evidence for trial in study.trials if trial.evidence is not None]
        if len({each.order.configuration for each in evidence}) < 2:
            raise DataUnavailableError(
                f"study '{study.name}' must have tried at least two configurations to tell what matters, but tried "
                f"{len(evidence)}"
            )
        n_choices = sorted({int(choice[N]) for each in evidence for choice in each.choices})
        offer = Offer(
            space=self.space,
            n_examples=len(study.task.tune),
            n_choices=tuple(n_choices),
            cap_tokens=None,
            budget_tokens=1.0,
            spent_tokens=0.0,
            seed=study.opening.seed,
        )
        # Shrunk: what was tried is judged as what was not, or a lucky trial would look like a setting that matters.
        self._model = UtilityModel(offer, evidence, (), replace(WHOLE, shrunk=True))
        self.configurations = self._model.configurations
        self._request = {each.name for each in self.space.parameters if each.tier == "request"}

    def means(self, configurations: Sequence[Configuration]) -> FloatArray:
        """Return expected utilities of complete configurations, ``[m]``; NaN where the model knows not such an n."""
        found = np.full(len(configurations), np.nan)
        for start in range(0, len(configurations), _AT_ONCE):
            some = configurations[start : start + _AT_ONCE]
            places = [self._place(each) for each in some]
            worth = self._model.view([self.request_part(each) for each in some]).worth
            for row, place in enumerate(places):
                if place is not None:
                    found[start + row] = worth[row, place]
        return found

    def difference(self, a: Configuration, b: Configuration) -> tuple[float, float]:
        """Return what is expected of ``b`` less ``a``, and its standard deviation; NaN as in `means`."""
        mine, its = self._place(b), self._place(a)
        if mine is None or its is None:
            return float("nan"), float("nan")
        one, other = self._one(b), self._one(a)
        one_sample = np.array([1])
        _, spread = self._model.changes(one, np.array([[mine]]), [[0]], one_sample, other, its)
        same = self.request_part(a) == self.request_part(b) and mine == its
        return float(one.worth[0, mine] - other.worth[0, its]), 0.0 if same else float(spread[0, 0])

    def tokens(self, configuration: Configuration) -> float:
        """Return the expected tokens per request; NaN as in `means`."""
        place = self._place(configuration)
        return float("nan") if place is None else float(self._one(configuration).tokens[0, place])

    def _one(self, configuration: Configuration) -> View:
        return self._model.view([self.request_part(configuration)])

    def request_part(self, configuration: Mapping[str, Scalar]) -> Configuration:
        """Return the values of the request tier."""
        return Configuration({name: value for name, value in configuration.items() if name in self._request})

    def _place(self, configuration: Mapping[str, Scalar]) -> int | None:
        """Return the number of its replay choice; of an n that nobody bought, that of the next smaller one."""
        rest = {name: value for name, value in configuration.items() if name not in self._request and name != N}
        n = int(configuration[N])
        known = self._by_rest.get(Configuration(rest), [])
        return max(((its_n, place) for its_n, place in known if its_n <= n), default=(0, None))[1]

    @cached_property
    def _by_rest(self) -> dict[Configuration, list[tuple[int, int]]]:
        """n and number of the replay choices, by all their other values."""
        found: dict[Configuration, list[tuple[int, int]]] = {}
        for place, choice in enumerate(self._model.choices):
            rest = Configuration({name: value for name, value in choice.items() if name != N})
            found.setdefault(rest, []).append((int(choice[N]), place))
        return found
