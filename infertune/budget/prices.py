"""What tokens cost: given by the user for one model, or read from a file for many. A price not given is not known."""

import math
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infertune.errors import InvalidInputError, nearest
from infertune.files import yaml_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a million prompt tokens and a million completion tokens cost; ``currency`` is for the reader.

    Raises:
        InvalidInputError: A price is below 0 or no number.
    """

    prompt_per_million: float
    completion_per_million: float
    currency: str = ""

    def __post_init__(self) -> None:
        for name, price in (("prompt", self.prompt_per_million), ("completion", self.completion_per_million)):
            if not 0 <= price < math.inf:
                raise InvalidInputError(f"the price of a million {name} tokens must be at least 0, but is {price}")

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the money that these tokens cost."""
        return (prompt_tokens * self.prompt_per_million + completion_tokens * self.completion_per_million) / 1e6

    def amount(self, prompt_tokens: float, completion_tokens: float) -> str:
        """Return that money as one reads it: ``0.0125 EUR``."""
        return f"{self.cost(prompt_tokens, completion_tokens):.4g} {self.currency or 'in money'}"


class _Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prompt_per_million: float
    completion_per_million: float


class _PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    currency: str
    models: dict[str, _Price]


def read(path: Path, model: str) -> Prices:
    """Return a model's prices from a file of prices.

    Raises:
        InvalidInputError: The file cannot be read or is no price list, or the model is not in it.
    """
    listed = yaml_file.read(path, _PriceList)
    if model not in listed.models:
        raise InvalidInputError(f"{path}: no model is called '{model}'{nearest(model, listed.models)}")
    price = listed.models[model]
    try:
        return Prices(
            prompt_per_million=price.prompt_per_million,
            completion_per_million=price.completion_per_million,
            currency=listed.currency,
        )
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}, '{model}': {error}") from None
