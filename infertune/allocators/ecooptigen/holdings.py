"""What the evidence holds of single examples: how many samples, how long they are, and what they are worth."""

from dataclasses import dataclass

import numpy as np

from infertune.space.names import MAX_TOKENS, N
from infertune.types import Configuration
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Evidence


@dataclass(frozen=True, slots=True)
class _Part:
    """One example's place in a piece of evidence.

    Attributes:
        n_samples: Of the order.
        length: Mean generated tokens of a sample.
    """

    piece: Evidence
    column: int
    n_samples: int
    length: float


class Holdings:
    """Grows piece by piece; of two with the same samples the one with more of them counts, then the later one."""

    def __init__(self) -> None:
        self._parts: dict[tuple[Configuration, int, int], _Part] = {}
        self._prompts: dict[object, dict[int, float]] = {}
        self._orders: dict[tuple[Configuration, int], list[tuple[int, int | None]]] = {}

    def add(self, piece: Evidence, region: object) -> None:
        """Take a piece in; its prompt tokens are those of the region."""
        configuration, n_samples = piece.order.configuration, piece.order.n_samples
        self._prompts.setdefault(region, {}).update(
            zip(piece.order.examples, piece.prompt_tokens.tolist(), strict=True)
        )
        for example in piece.order.examples:
            self._orders.setdefault((configuration, example), []).append((n_samples, piece.order.max_tokens))
        rows: dict[int, int] = {}
        for row, choice in enumerate(piece.choices):
            rows.setdefault(int(choice[MAX_TOKENS]), row)
        for max_tokens, row in rows.items():
            lengths = (piece.tokens[row] - piece.prompt_tokens) / int(piece.choices[row][N])
            for column, (example, length) in enumerate(zip(piece.order.examples, lengths.tolist(), strict=True)):
                key = configuration, example, max_tokens
                if key not in self._parts or self._parts[key].n_samples <= n_samples:
                    self._parts[key] = _Part(piece, column, n_samples, length)

    def n_samples(self, configuration: Configuration, example: int, max_tokens: int) -> int:
        """Return how many samples are there that end at ``max_tokens``."""
        part = self._parts.get((configuration, example, max_tokens))
        return 0 if part is None else part.n_samples

    def length(self, configuration: Configuration, example: int, max_tokens: int) -> float:
        """Return the mean generated tokens of those samples."""
        return self._parts[configuration, example, max_tokens].length

    def was_ordered(self, configuration: Configuration, example: int, n_samples: int, max_tokens: int) -> bool:
        """Whether one order had all these samples, or longer ones; an endpoint may not say how to cut those."""
        return any(
            n >= n_samples and (limit is None or limit >= max_tokens)
            for n, limit in self._orders.get((configuration, example), ())
        )

    def prompt_tokens(self, region: object) -> dict[int, float]:
        """Return those of all examples that were seen in a region."""
        return self._prompts.get(region, {})

    def figures(self, configuration: Configuration, choice: Configuration, n_examples: int) -> FloatArray:
        """Return score and tokens per request of the first examples under a choice, ``[2, n_examples]``."""
        found = []
        for example in range(n_examples):
            part = self._parts[configuration, example, int(choice[MAX_TOKENS])]
            row = part.piece.choices.index(choice)
            found.append([part.piece.scores[row, part.column], part.piece.tokens[row, part.column]])
        return np.array(found).T
