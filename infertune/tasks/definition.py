"""What a task file may say: the frozen structs behind ``tasks/<name>/task.yaml``; docs/tasks.md explains each key."""

import re
from typing import Any

import msgspec

from infertune.tasks.extraction import Step
from infertune.tasks.own_function import Function
from infertune.tasks.prompts import Template, lone_brace


class Hub(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data set of the Hugging Face hub, read through ``datasets``."""

    path: str
    split: str
    name: str | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where rows come from: a local file first, the hub where there is none.

    Attributes:
        path: Data file relative to the task file, or to the folder given as ``--data``.
        hub: Used when the file is not there.
        count: For a source that is one split: how many of its examples are used; all when left out.
    """

    path: str = ""
    hub: Hub | None = None
    count: int | None = None

    def problems(self) -> list[str]:
        """Return why no rows can come from it, if none can."""
        found = [] if self.path or self.hub else ["must have 'path' or 'hub'"]
        return [*found, *(["'count' must be at least 1"] if self.count is not None and self.count < 1 else [])]


class Splits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares (0.6), counts (200) or a source of its own for each of the two splits.

    One that is left out is the rest of the examples; with both left out ``tune`` is a share of 0.6.
    """

    tune: float | int | Source | None = None
    confirm: float | int | Source | None = None

    def problems(self) -> list[str]:
        """Return why the two do not go together, if they do not."""
        both = (self.tune, self.confirm)
        given = [one for one in both if one is not None]
        if any(isinstance(one, Source) for one in both):
            return [] if all(isinstance(one, Source) for one in both) else ["must give both tune and confirm a source"]
        counts, shares = ([one for one in given if isinstance(one, kind)] for kind in (int, float))
        if (counts and shares) or any(one < 1 for one in counts) or not all(0 < one < 1 for one in shares):
            return ["must be two counts (200), two shares above 0 and below 1 (0.6), or two sources"]
        return [f"the shares must sum to at most 1, but sum to {sum(shares):g}"] if sum(shares) > 1 + 1e-9 else []


class Conversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field that is a conversation: the column with its list of ``{role, content}``."""

    conversation: str


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The right answer of a row: a column, the first group of a pattern in it, or a template over all columns."""

    column: str = ""
    pattern: str = ""
    template: str = ""

    def problems(self) -> list[str]:
        """Return what is wrong with it, if anything is."""
        found = []
        if bool(self.column) == bool(self.template) or (self.pattern and not self.column):
            found.append("must have either 'column' (with or without 'pattern') or 'template'")
        try:
            re.compile(self.pattern)
        except re.error as error:
            found.append(f"'pattern' is not a regular expression: {error}")
        return [*found, *(f"'template': {problem}" for problem in lone_brace(self.template))]


class ScorerChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The scorer's registered name and its options."""

    name: str
    options: dict[str, Any] = {}


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task file as it stands; every attribute is a key of the same name."""

    name: str
    version: int
    description: str = ""
    source: str = ""
    licence: str = ""
    data: str | Source | None = None
    splits: Splits = Splits()
    id: str = ""
    fields: dict[str, str | Conversation]
    reference: str | Reference
    ideal: str = "{reference}"
    prompts: tuple[str | Template, ...]
    max_tokens: int | tuple[int, ...]
    stop: tuple[str, ...] = ()
    extraction: tuple[Step, ...] | dict[str, tuple[Step, ...]]
    scorer: str | ScorerChoice

    @property
    def functions(self) -> list[str]:
        """The names of the user's own functions in it, each once."""
        scorer = self.scorer if isinstance(self.scorer, str) else self.scorer.name
        given = self.extraction
        steps = [step for one in (given.values() if isinstance(given, dict) else [given]) for step in one]
        found = [step.name for step in steps if isinstance(step, Function)]
        return list(dict.fromkeys([*found, *([scorer] if ":" in scorer else [])]))
