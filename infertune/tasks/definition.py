"""What a task file may say: the frozen structs behind ``tasks/<name>/task.yaml``; docs/tasks.md explains each key."""

from typing import Any

import msgspec

from infertune.prompts import Template
from infertune.tasks.extraction import Step


class Hub(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data set of the Hugging Face hub, read through ``datasets``."""

    path: str
    split: str
    name: str | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where rows come from: a local file first, the hub where there is none.

    Attributes:
        path: JSONL, CSV or Parquet file relative to the task file, or to the folder given as ``--data``.
        hub: Used when the file is not there.
        count: For a source that is one split: how many of its examples are used; all when left out.
    """

    path: str = ""
    hub: Hub | None = None
    count: int | None = None


class Splits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares (0.6), counts (200) or a source of its own for each of the two splits."""

    tune: float | int | Source = 0.6
    confirm: float | int | Source = 0.4


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The right answer of a row: a column, the first group of a pattern in it, or a template over all columns."""

    column: str = ""
    pattern: str = ""
    template: str = ""


class ScorerChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The scorer's registered name and its options."""

    name: str
    options: dict[str, Any] = {}


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task file as it stands; every attribute is a key of the same name."""

    name: str
    version: int
    description: str = ""
    source: str
    licence: str
    data: str | Source | None = None
    splits: Splits = Splits()
    id: str = ""
    fields: dict[str, str]
    reference: str | Reference
    ideal: str = "{reference}"
    prompts: tuple[str | Template, ...]
    max_tokens: int | tuple[int, ...]
    stop: tuple[str, ...] = ()
    extraction: tuple[Step, ...] | dict[str, tuple[Step, ...]]
    scorer: str | ScorerChoice
