"""The file in which a configuration is handed over: what to run, on what it was found, and how sure it is."""

from pathlib import Path

import msgspec

from infertune import yamlfile
from infertune.types import Scalar


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the confirmation measured; an interval is ``[low, high]`` at 95%."""

    n_examples: int
    utility: float
    utility_interval: tuple[float, float]
    default_utility: float
    difference: float
    difference_interval: tuple[float, float]
    cost_tokens: float
    default_cost_tokens: float


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configuration with all that is needed to run it again.

    Attributes:
        infertune: The version that wrote it.
        engine_options: Those that were given, such as ``dtype``.
        seed: Of every generation.
        configuration: Dotted names to values.
    """

    infertune: str
    task: str
    task_digest: str
    model: str
    engine: str
    engine_options: dict[str, Scalar]
    seed: int
    configuration: dict[str, Scalar]
    evidence: Evidence


def write(path: Path, recipe: Recipe) -> None:
    """Write the file whole or not at all; an earlier one of the same name is replaced."""
    task = f"'{recipe.task}'" if " " in recipe.task else recipe.task
    head = f"# The answer of `infertune optimize`. Run again: infertune evaluate --config {path} --task {task}\n"
    yamlfile.write(path, recipe, head=head)


def read(path: Path) -> Recipe:
    """Return what a file holds.

    Raises:
        InvalidInputError: It cannot be read, or is something else.
    """
    return yamlfile.read(path, Recipe)


def check_writable(path: Path) -> None:
    """Raise InvalidInputError now rather than after hours: no such folder, or a file there that is not ours."""
    yamlfile.check_writable(path, Recipe)
