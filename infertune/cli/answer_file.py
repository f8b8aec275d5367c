"""An answer file to be: its place is settled before anything is spent, and it is written after the answer is shown."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infertune.evaluation.parts import Part
    from infertune.recipes.recipe import Files, Recipe, RecipeEvidence
    from infertune.report.answer import Answer
    from infertune.tasks import Task
    from infertune.types import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """What an answer file says whatever the study finds.

    Attributes:
        files: Those that the study is run with.
        options: Of the engine, such that they hold in any folder.
    """

    path: Path
    study: str
    task: "Task"
    files: "Files"
    model: str
    engine: str
    options: "Mapping[str, Scalar]"
    seed: int

    def recipe(
        self,
        recommended: "Mapping[str, Scalar]",
        default: "Mapping[str, Scalar]",
        *,
        evidence: "RecipeEvidence",
        facts: Mapping[str, str],
        confirmed: "tuple[Part, ...]" = (),
        options: "Mapping[str, Scalar] | None" = None,
    ) -> "Recipe":
        """Return what is written.

        Args:
            recommended: The configuration; ``default`` is the one it was compared with.
            evidence: Of the confirmation.
            facts: Of the recommended engine.
            confirmed: What the confirmation holds; nothing where that is not known.
            options: Of the recommended engine, where they are more than those that were given.
        """
        import msgspec

        from infertune import __version__
        from infertune.recipes import recipe, recipe_task

        further = tuple((part.n_examples, part.n_more) for part in confirmed)
        return recipe.Recipe(
            infertune=__version__,
            study=self.study,
            task=self.task.name,
            task_digest=self.task.digest,
            model=self.model,
            engine=self.engine,
            engine_options={**self.options, **(options or {})},
            seed=self.seed,
            configuration=dict(recommended),
            default=dict(default),
            evidence=msgspec.structs.replace(evidence, further_samples=further if any(n for _, n in further) else ()),
            definition=recipe_task.kept(self.task, [str(one["prompt.template"]) for one in (recommended, default)]),
            examples=recipe_task.examples_digests(self.task),
            files=self.files,
            facts={name: str(fact) for name, fact in facts.items()},
            versions=recipe.versions(),
        )


def prepare(
    out: Path | None,
    *,
    study: str,
    task: "Task",
    given_task: str,
    data: Path | None,
    model: str,
    engine: str,
    options: "Mapping[str, Scalar]",
    seed: int,
    database: str,
) -> AnswerFile:
    """Return the answer file of a study, or say now that it cannot be written.

    Args:
        out: ``--out``; by default a file of the study's name.
        task: As loaded; ``given_task`` is ``--task`` and ``data`` is ``--data``.
        database: ``--db``; of a URL nothing is kept, for it may hold a password.

    Raises:
        InvalidInputError: There is no such folder, or the file is something else or the answer of another study.
    """
    from infertune.files import text_file
    from infertune.recipes import recipe, recipe_task

    task_file = recipe_task.task_file(given_task)
    path = out or recipe.default_path(study)
    recipe.check_writable(path, study)
    has_folder = engine != "openai" and text_file.exists(Path(model).expanduser())
    files = recipe.Files(
        task=None if task_file is None else recipe.place(task_file, answer=path),
        data=None if data is None else recipe.place(data, answer=path),
        model=recipe.place(model, answer=path) if has_folder else None,
        database=None if "://" in database else recipe.place(database, answer=path),
    )
    held = {name: _absolute(name, value) for name, value in options.items()}
    return AnswerFile(
        path=path, study=study, task=task, files=files, model=model, engine=engine, options=held, seed=seed
    )


def _absolute(option: str, value: "Scalar") -> "Scalar":
    """Return an engine's option as it holds in any folder; a Python without a folder is looked up in the path."""
    if option == "api_key_file" or (option == "vllm_python" and os.sep in str(value)):
        return str(Path(str(value)).expanduser().absolute())
    return value


def hand_over(answer: "Answer", path: Path, *, picture: Path | None, as_json: bool, show: Callable[[], None]) -> None:
    """Print the answer, then write its file, even where the reader of the output has gone, then draw the picture.

    Raises:
        InvalidInputError: A file cannot be written.
    """
    from infertune.recipes import recipe
    from infertune.report import picture as drawing

    try:
        show()
        sys.stdout.flush()
    finally:
        recipe.write(path, answer.recipe)
    said = f"Written to {path}; measure it again with: {recipe.command(path)}"
    print(said, file=sys.stderr if as_json else sys.stdout)
    if picture is not None:
        drawing.draw(answer, picture)
