"""The scorer for mathematics by the path that it had: code that imports it from here goes on."""

from infertune.tasks.scorers.math import MathEquivalence

__all__ = ["MathEquivalence"]
