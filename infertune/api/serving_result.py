"""What a search for server settings answers: to look at, to deploy."""

import io
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console

from infertune.recipes import serving_recipe
from infertune.recipes.serving_recipe import ServingRecipe
from infertune.report import serving as serving_report
from infertune.report import serving_answer
from infertune.report.serving_answer import ServingAnswer
from infertune.space import SearchSpace
from infertune.types import Scalar

_COLUMNS = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingResult:
    """The answer of a search for server settings.

    It prints itself in a terminal and draws itself in a notebook.

    Attributes:
        answer: What was found, with all that it was found with.
        space: What was searched.
        recipe: What the file of settings says; None where nothing is recommended.
        out: Where that file is to be.
        seconds_to_decide: A budget that would about decide; None where it is decided, or none would.
    """

    answer: ServingAnswer
    space: SearchSpace
    recipe: ServingRecipe | None
    out: Path
    seconds_to_decide: float | None

    def best_config(self) -> dict[str, Scalar]:
        """Return the recommended settings; none where nothing is recommended."""
        recommended = self.answer.found.verdict.recommended
        return {} if recommended is None else dict(recommended.configuration)

    def save(self, path: str | Path | None = None) -> Path | None:
        """Write the file of settings, which ``infertune export`` and ``verify`` read; return its path.

        Raises:
            InvalidInputError: It cannot be written.
        """
        if self.recipe is None:
            return None
        target = self.out if path is None else Path(path)
        serving_recipe.write(target, self.recipe)
        return target

    def as_json(self) -> dict[str, Any]:
        """Return the answer in lists, mappings and scalars."""
        return serving_answer.as_json(self.answer)

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), record=True, width=_COLUMNS)
        serving_report.show(self.answer, console)
        return console.export_text()

    def _repr_html_(self) -> str:
        return f"<pre style='line-height:1.25'>{escape(str(self))}</pre>"
