"""A scorer that is the weighted mean of others."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from infertune import plugins
from infertune.errors import InvalidInputError
from infertune.files.fitting import fit
from infertune.tasks.scorers.text import Scorer
from infertune.types import Example


@dataclass(frozen=True, kw_only=True)
class Part:
    """One scorer of several.

    Attributes:
        name: As registered.
        options: Its own.
        weight: Above 0.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    weight: float = 1.0

    def problems(self) -> list[str]:
        """Return what is wrong with it."""
        return [] if 0 < self.weight < math.inf else [f"must have a weight above 0, but has {self.weight:g}"]


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """The mean of several scores, by their weights; each scorer reads the answer in its own way.

    Attributes:
        parts: At least one.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidInputError("parts must name at least one scorer")
        _ = self._scorers

    def normal_form(self, answer: str) -> str | None:
        """Return the answer without the space around it; None where that is all."""
        return answer.strip() or None

    def score(self, answer: str, example: Example) -> float:
        """Return the weighted mean; a scorer that finds no answer in it gives 0."""
        total = 0.0
        for part, scorer in zip(self.parts, self._scorers, strict=True):
            form = scorer.normal_form(answer)
            total += part.weight * (0.0 if form is None else scorer.score(form, example))
        return total / sum(part.weight for part in self.parts)

    def ideal(self, reference: str) -> str | None:
        """Return the first scorer's, where all of them give it 1."""
        found = self._scorers[0].ideal(reference)
        example = Example(id="", fields={}, reference=reference)
        return found if found is not None and self.score(found.strip(), example) > 1 - 1e-9 else None

    @cached_property
    def _scorers(self) -> tuple[Scorer, ...]:
        made = []
        for place, part in enumerate(self.parts):
            kind = plugins.load("scorers", part.name)
            scorer, problems = fit(dict(part.options), kind, path=f"parts[{place}].options")
            if problems:
                raise InvalidInputError("; ".join(problems))
            made.append(scorer)
        return tuple(made)
