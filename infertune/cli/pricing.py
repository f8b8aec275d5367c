"""The options that say what tokens cost, for every command that tells what was spent."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infertune.cli import limits

if TYPE_CHECKING:
    from infertune.budget import Prices

PriceFile = Annotated[
    Path | None,
    typer.Option(
        "--prices",
        help="YAML file with prices by model (docs/prices.md).",
        callback=limits.path,
        rich_help_panel="Budget",
    ),
]
PricePrompt = Annotated[
    float | None,
    typer.Option(
        help="Price of a million prompt tokens; needs --price-completion.",
        callback=limits.finite,
        rich_help_panel="Budget",
    ),
]
PriceCompletion = Annotated[
    float | None,
    typer.Option(
        help="Price of a million completion tokens; needs --price-prompt.",
        callback=limits.finite,
        rich_help_panel="Budget",
    ),
]


def known_prices(file: Path | None, model: str, prompt: float | None, completion: float | None) -> "Prices | None":
    """Return what a model's tokens cost, or None where nothing says it."""
    from infertune.budget import prices
    from infertune.errors import InvalidInputError

    if (prompt is None) != (completion is None):
        raise InvalidInputError("--price-prompt and --price-completion must be given together")
    if prompt is None or completion is None:
        return None if file is None else prices.read(file, model)
    if file is not None:
        raise InvalidInputError("--prices must not be given together with --price-prompt and --price-completion")
    return prices.Prices(prompt_per_million=prompt, completion_per_million=completion)
