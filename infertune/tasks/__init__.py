"""Tasks: examples, prompts, extraction and scoring, from one YAML file and its data."""

from infertune.tasks.check import TaskReport, check, warnings
from infertune.tasks.draft import Draft, columns, draft
from infertune.tasks.loading import definitions, load, names, remade
from infertune.tasks.starter import starter, starter_data
from infertune.tasks.task import Task

__all__ = [
    "Draft",
    "Task",
    "TaskReport",
    "check",
    "columns",
    "definitions",
    "draft",
    "load",
    "names",
    "remade",
    "starter",
    "starter_data",
    "warnings",
]
