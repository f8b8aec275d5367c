"""Scorers: an answer and its reference to a score in [0, 1]."""

from infertune.tasks.scorers.text import Exact, Number, Scorer

__all__ = ["Exact", "Number", "Scorer"]
