"""Which samples a method with a bank has already paid for, by the rules of `infertune.bank.sample_bank`."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.problem import Bought
from infertune.types import Configuration


class Bank:
    """Keeps for every sample the limit under which it was bought, and its length there."""

    def __init__(self) -> None:
        self._had: defaultdict[tuple[Configuration, int], dict[int, tuple[int, int]]] = defaultdict(dict)

    def put(self, bought: Bought) -> None:
        """Take in what was bought; of a sample that was there the longer one is kept."""
        limit = bought.purchase.max_tokens
        lengths = bought.table(limit, bought.default_extractor).tokens
        for example, row in zip(bought.purchase.examples.tolist(), lengths.tolist(), strict=True):
            had = self._had[bought.purchase.configuration, example]
            for sample, length in enumerate(row):
                had[sample] = max(had.get(sample, (0, 0)), (limit, length))

    def lacking(
        self, configuration: Configuration, examples: NDArray[np.intp], n_samples: int, max_tokens: int
    ) -> NDArray[np.bool_]:
        """Return which samples have to be bought: those not there, or cut off before ``max_tokens``.

        Returns:
            ``[n_examples, n_samples]``.
        """
        found = np.ones((len(examples), n_samples), dtype=bool)
        for row, example in enumerate(examples.tolist()):
            for sample, (limit, length) in self._had[configuration, example].items():
                if sample < n_samples:
                    found[row, sample] = length >= limit and limit < max_tokens
        return found
