"""A workload of invented requests: lengths by distribution, and a share of every prompt that others have too."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.errors import InvalidInputError
from infertune.load.filler import Filler, check_total
from infertune.load.lengths import Lengths
from infertune.load.workload import LoadRequest

_LENGTHS, _CONTENT, _SHARED = range(3)  # streams of randomness, one for each thing that is drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """Requests that never come again, each with its own length, answered to their full length.

    Attributes:
        input: Lengths of prompts, in tokens (in words without a vocabulary).
        output: Lengths of answers, in tokens.
        prefix: The share of a prompt, from its beginning, that it has in common with others; in [0, 1].
        n_prefixes: How many different beginnings there are, at least 1; each prompt has one of them by chance.
        vocabulary: Number of token ids of the model; None for prompts of words.
        temperature: As it is sent; at least 0.
    """

    input: Lengths
    output: Lengths
    prefix: float = 0.0
    n_prefixes: int = 1
    vocabulary: int | None = None
    temperature: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.prefix <= 1:
            raise InvalidInputError(f"prefix must be a share between 0 and 1, not {self.prefix:g}")
        if self.n_prefixes < 1:
            raise InvalidInputError(f"prefixes must be at least 1, not {self.n_prefixes}")
        if self.vocabulary is not None and self.vocabulary < 4:
            raise InvalidInputError(f"vocabulary must be at least 4, not {self.vocabulary}")
        if not 0 <= self.temperature <= 100:
            raise InvalidInputError(f"temperature must lie between 0 and 100, not {self.temperature:g}")

    @property
    def name(self) -> str:
        """As the command line has it."""
        parts = [f"input={self.input}", f"output={self.output}"]
        if self.prefix:
            parts.append(f"prefix={self.prefix:g}")
        if self.n_prefixes > 1:
            parts.append(f"prefixes={self.n_prefixes}")
        if self.vocabulary is not None:
            parts.append(f"vocabulary={self.vocabulary}")
        if self.temperature:
            parts.append(f"temperature={self.temperature:g}")
        return f"synthetic:{','.join(parts)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """None: it is what its name says."""
        return ()

    @property
    def n_different(self) -> int | None:
        """None: there is no end of them."""
        return None

    def requests(self, n: int, *, seed: int) -> Sequence[LoadRequest]:
        """Return the first ``n`` of a seed."""
        filler = Filler(self.vocabulary)
        found: list[LoadRequest] = []
        total = 0
        for index in range(n):
            # A stream for each request, so that its content does not depend on how many there are.
            lengths = np.random.default_rng((seed, _LENGTHS, index))
            (n_input,), (n_output,) = self.input.draw(1, lengths), self.output.draw(1, lengths)
            check_total(total := total + n_input)
            group = int(lengths.random() * self.n_prefixes)
            n_shared = round(self.prefix * n_input)
            shared = filler.pieces(n_shared, np.random.default_rng((seed, _SHARED, group)))
            own = filler.pieces(n_input - n_shared, np.random.default_rng((seed, _CONTENT, index)))
            found.append(
                LoadRequest(
                    prompt=filler.prompt([*shared, *own]),
                    max_tokens=n_output,
                    settings=(("temperature", self.temperature),),
                    ignore_eos=True,
                )
            )
        return found
