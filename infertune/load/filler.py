"""Prompts of a given length that mean nothing: token ids of a vocabulary where its size is known, words otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infertune.errors import InvalidInputError

# Common English words, each of which is one token of most vocabularies when a space stands before it.
_WORDS = (
    "the of and to in is that it was for on are as with his they at be this from have or by one had not but what "
    "all were when we there can an your which their said if do will each about how up out them then she many some "
    "so these would other into has more her two like him see time could no make than first been its who now people "
    "my made over did down only way find use may water long little very after words called just where most know get "
    "through back much before go good new write our used me man too any day same right look think also around "
    "another came come work three word must because does part even place well such here take why things help put "
    "years different away again off went old number great tell men say small every found still between name should "
    "home big give air line set own under read last never us left end along while might next sound below saw "
    "something thought both few those always looked show large often together asked house world going want school "
    "important until form food keep children feet land side without boy once animals life enough took sometimes "
    "four head above kind began almost live page got earth"
).split()
_MOST_TOKENS = 50_000_000  # of all prompts of a load: they are made beforehand, and each is held until it is sent
_ENDS = 1000  # tokens at either end of a vocabulary that may be special ones, and are left out


@dataclass(frozen=True, slots=True)
class Filler:
    """Makes pieces of prompts, and joins them.

    Attributes:
        vocabulary: The number of token ids of the model, at least 4; None gives words, whose number of tokens only
            the server knows.
    """

    vocabulary: int | None = None

    def pieces(self, n: int, rng: np.random.Generator) -> Sequence[int]:
        """Return ``n`` random pieces, each a token id or the number of a word; fewer are the beginning of more."""
        low, high = self._range
        return [low + int(share * (high - low)) for share in rng.random(n)]

    def prompt(self, pieces: Sequence[int]) -> str | tuple[int, ...]:
        """Return a prompt that is made of these."""
        return tuple(pieces) if self.vocabulary is not None else " ".join(_WORDS[piece] for piece in pieces)

    @property
    def _range(self) -> tuple[int, int]:
        if self.vocabulary is None:
            return 0, len(_WORDS)
        left_out = min(_ENDS, self.vocabulary // 4)
        return left_out, self.vocabulary - left_out


def check_total(n_tokens: int) -> None:
    """Raise InvalidInputError where prompts of so many tokens together would fill the memory."""
    if n_tokens > _MOST_TOKENS:
        raise InvalidInputError(
            f"the prompts must have at most {_MOST_TOKENS:,} tokens together, but have {n_tokens:,}: ask for fewer "
            "requests, or shorter ones"
        )
