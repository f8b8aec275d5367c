"""Tasks: examples, prompts, extraction and scoring, from one YAML file and its data."""

from infertune.tasks.task import Task, load, names

__all__ = ["Task", "load", "names"]
