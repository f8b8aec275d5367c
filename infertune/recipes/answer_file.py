"""An answer file to be: what it says whatever a study finds; its place is settled before anything is spent."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infertune import __version__
from infertune.evaluation.parts import Part
from infertune.files import text_file
from infertune.recipes import recipe, recipe_task
from infertune.recipes.recipe import Files, Recipe, RecipeEvidence
from infertune.space.names import PROMPT
from infertune.tasks import Task
from infertune.types import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """What an answer file says whatever the study finds.

    Attributes:
        path: Where it is to be.
        task: As loaded, by ``asked_task``, a name or a path, from ``data`` where that was given.
        options: Of the engine, as given.
        database: Of the samples; of a URL nothing is kept, for it may hold a password.
    """

    path: Path
    study: str
    task: Task
    asked_task: str
    data: Path | None
    model: str
    engine: str
    options: Mapping[str, Scalar]
    seed: int
    database: str

    def check_writable(self) -> None:
        """Raise InvalidInputError where there is no such folder, or the file is something else or another answer."""
        recipe.check_writable(self.path, self.study)

    def _line(self, scores: Mapping[str, float]) -> str:
        """Return scores in the order of the examples, as far as there are any."""
        words = [f"{scores[each.id]:.4g}" if each.id in scores else "-" for each in self.task.confirm]
        while words and words[-1] == "-":
            words.pop()
        return " ".join(words)

    @property
    def has_folder(self) -> bool:
        """Whether the model is a folder on this machine."""
        return self.engine != "openai" and text_file.exists(Path(self.model).expanduser())

    def recipe(
        self,
        recommended: Mapping[str, Scalar],
        default: Mapping[str, Scalar],
        *,
        evidence: RecipeEvidence,
        facts: Mapping[str, str],
        confirmed: tuple[Part, ...] = (),
        scores: Mapping[str, float] | None = None,
        options: Mapping[str, Scalar] | None = None,
    ) -> Recipe:
        """Return what is written.

        Args:
            recommended: The configuration; ``default`` is the one it was compared with.
            evidence: Of the confirmation.
            facts: Of the recommended engine.
            confirmed: What the confirmation holds; nothing where that is not known.
            scores: Of the recommended configuration by ``confirm`` example, where they are known.
            options: Of the recommended engine, where they are more than those that were given.
        """
        parts = tuple((part.n_examples, part.n_more) for part in confirmed)
        further = parts if any(n for _, n in parts) else ()
        held = {name: _absolute(name, value) for name, value in self.options.items()}
        return Recipe(
            infertune=__version__,
            study=self.study,
            task=self.task.name,
            task_digest=self.task.digest,
            model=self.model,
            engine=self.engine,
            engine_options={**held, **(options or {})},
            seed=self.seed,
            configuration=dict(recommended),
            default=dict(default),
            evidence=msgspec.structs.replace(evidence, further_samples=further, scores=self._line(scores or {})),
            definition=recipe_task.kept(self.task, [str(one[PROMPT]) for one in (recommended, default)]),
            examples=recipe_task.examples_digests(self.task),
            files=self.files(),
            facts={name: str(fact) for name, fact in facts.items()},
            versions=recipe.versions(),
        )

    def files(self) -> Files:
        """Return the files that the study is run with, as seen from the answer file and from the root."""
        task_file = recipe_task.task_file(self.asked_task)
        return Files(
            task=None if task_file is None else recipe.place(task_file, answer=self.path),
            data=None if self.data is None else recipe.place(self.data, answer=self.path),
            model=recipe.place(self.model, answer=self.path) if self.has_folder else None,
            database=None if "://" in self.database else recipe.place(self.database, answer=self.path),
        )


def _absolute(option: str, value: Scalar) -> Scalar:
    """Return an engine's option as it holds in any folder; a Python without a folder is looked up in the path."""
    if option == "api_key_file" or (option == "vllm_python" and os.sep in str(value)):
        return str(Path(str(value)).expanduser().absolute())
    return value
