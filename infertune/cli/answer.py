"""An answer on its way out: shown, written, drawn."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infertune.api.result import Result


def hand_over(result: "Result", *, picture: Path | None, as_json: bool, show: Callable[[], None]) -> None:
    """Print the answer, then write its file, even where the reader of the output has gone, then draw the picture.

    Raises:
        InvalidInputError: A file cannot be written.
    """
    from infertune.recipes import recipe

    try:
        show()
        sys.stdout.flush()
    finally:
        path = result.save()
    said = f"Written to {path}; measure it again with: {recipe.command(path)}"
    print(said, file=sys.stderr if as_json else sys.stdout)
    if picture is not None:
        result.draw(picture)
