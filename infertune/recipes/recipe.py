"""The answer file: what to run, word for word, what it was found with, and how sure it is."""

import importlib.metadata
import math
import os
import platform
import re
import shlex
from pathlib import Path

import msgspec

from infertune.errors import InvalidInputError
from infertune.files import text_file, yaml_file
from infertune.tasks.definition import Definition
from infertune.types import Scalar

_SCORE = re.compile(r"-|[01]|0\.[0-9]{1,9}|[1-9](\.[0-9]{1,9})?e-[0-9]{2}")
_PACKAGES = ("torch", "transformers", "vllm")


class RecipeEvidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the confirmation measured; an interval is ``[low, high]`` at 95%.

    Attributes:
        further_samples: Examples in a row, and how many samples beyond its n each had; empty for none.
        scores: Of the recommended configuration, one for each ``confirm`` example in the task's order, ``-`` for one
            that was not measured; empty where they are not known.
    """

    n_examples: int
    utility: float
    utility_interval: tuple[float, float]
    default_utility: float
    difference: float
    difference_interval: tuple[float, float]
    cost_tokens: float
    default_cost_tokens: float
    further_samples: tuple[tuple[int, int], ...] = ()
    scores: str = ""

    @property
    def scores_by_place(self) -> dict[int, float]:
        """The scores by the number of the ``confirm`` example."""
        return {place: float(each) for place, each in enumerate(self.scores.split()) if each != "-"}

    def problems(self) -> list[str]:
        """Return which figures are none."""
        values = {**msgspec.structs.asdict(self), "further_samples": (), "scores": ()}
        plain = {name: value if isinstance(value, tuple) else (value,) for name, value in values.items()}
        wrong = [name for name, each in plain.items() if not all(map(math.isfinite, each))]
        found = [f"'{name}' must be finite" for name in wrong]
        if self.n_examples < 1 or any(n < 0 for each in self.further_samples for n in each):
            found.append("must count at least one example, and no negative number of them or of samples")
        if not all(_SCORE.fullmatch(each) for each in self.scores.split(" ") if self.scores):
            found.append("'scores' must be numbers in [0, 1], or - for none, with a space between each two")
        return found


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file or folder: seen from the answer file, so that both may move together, and from the root."""

    relative: str
    absolute: str

    def paths(self, answer: Path) -> list[Path]:
        """Return where it may be, the likelier first; there need not be anything.

        Args:
            answer: The answer file as it is found now.
        """
        beside = Path(os.path.normpath(answer.resolve().parent / self.relative))
        return list(dict.fromkeys([beside, Path(self.absolute)]))

    def find(self, answer: Path) -> Path | None:
        """Return the first of ``paths`` that is there."""
        return next((path for path in self.paths(answer) if text_file.exists(path)), None)


class Files(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The files a study was run with; None for what was no file, such as a shipped task or a model of the hub.

    Attributes:
        data: What ``--data`` named.
        database: Holds the samples.
    """

    task: Place | None = None
    data: Place | None = None
    model: Place | None = None
    database: Place | None = None


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A configuration with all that is needed to run it again, in any folder and on another machine.

    What has a default here is not in files of earlier versions.

    Attributes:
        infertune: The version that wrote it.
        study: Whose answer it is; empty where that is not known.
        task: Its name; in files of earlier versions whatever ``--task`` said.
        engine_options: Those that were given, such as ``dtype``.
        seed: Of every generation.
        configuration: The recommended one, dotted names to values; ``default`` is the one it was compared with.
        evidence: Of the confirmation.
        definition: The task as its file says it, with the texts of the prompts of both configurations.
        examples: Identity of each split's examples.
        facts: `Engine.facts` of the engine that answered.
        versions: Of Python and of the packages that generate.
    """

    infertune: str
    study: str = ""
    task: str
    task_digest: str
    model: str
    engine: str
    engine_options: dict[str, Scalar]
    seed: int
    configuration: dict[str, Scalar]
    default: dict[str, Scalar] = {}
    evidence: RecipeEvidence
    definition: Definition | None = None
    examples: dict[str, str] = {}
    files: Files = Files()
    facts: dict[str, str] = {}
    versions: dict[str, str] = {}


def default_path(study: str) -> Path:
    """Return the answer file of a study where none is named: ``STUDY.yaml`` here, fit for any file system.

    A task file may be called so, as after ``infertune tasks new``: where there is such a file and it is no answer, the
    answer is ``STUDY-answer.yaml``.
    """
    name = re.sub(r"[^\w.-]+", "-", study).strip(".-") or "answer"
    path = Path(f"{name}.yaml")
    return path if not path.exists() or _is_answer(path) else Path(f"{name}-answer.yaml")


def _is_answer(path: Path) -> bool:
    try:
        read(path)
    except InvalidInputError:
        return False
    return True


def place(path: str | Path, *, answer: Path) -> Place:
    """Return where a file or folder is, for an answer file that need not be there yet."""
    absolute = Path(path).expanduser().resolve()
    try:
        relative = os.path.relpath(absolute, answer.resolve().parent)
    except ValueError:  # on another drive
        relative = str(absolute)
    return Place(relative=Path(relative).as_posix(), absolute=str(absolute))


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that generate, where they are installed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def command(path: Path) -> str:
    """Return the command line that measures an answer file again, quoted for a shell."""
    return shlex.join(["infertune", "evaluate", "--config", str(path)])


def write(path: Path, recipe: Recipe) -> None:
    """Write the file whole or not at all; an earlier answer of the same study is replaced.

    Raises:
        InvalidInputError: It cannot be written, or something else is there by now.
    """
    try:
        check_writable(path, recipe.study)
        again = " ".join(command(path).split())  # a line break in a file name must not end the comment
        yaml_file.write(path, recipe, head=f"# The answer of `infertune optimize`. Measure it again: {again}\n")
    except InvalidInputError as error:
        raise InvalidInputError(
            f"the answer was not written: {error.text}; the same command with another `out` writes it and pays for "
            "nothing again"
        ) from error


def read(path: Path) -> Recipe:
    """Return what a file holds.

    Raises:
        InvalidInputError: It cannot be read, or is something else.
    """
    return yaml_file.read(path, Recipe)


def check_writable(path: Path, study: str) -> None:
    """Raise InvalidInputError now rather than after hours, unless a study's answer can be written there.

    There must be a folder and in it no such file, or an earlier answer of this study.
    """
    yaml_file.check_writable(path, Recipe)
    if not path.exists():
        return
    earlier = read(path).study
    if earlier != study:
        whose = (
            f"of the study '{earlier}'" if earlier else "of an earlier infertune, which does not say of which study"
        )
        raise InvalidInputError(
            f"`out` must not replace the answer of another study, but {path} is {whose}, and this is '{study}': give "
            "another `out`, or remove the file"
        )
