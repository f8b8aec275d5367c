"""``infertune.export``: an answer as what other tools load."""

from pathlib import Path

from infertune.engines import models
from infertune.errors import InfertuneError, InvalidInputError
from infertune.exports import formats, reading
from infertune.exports.answer import Exported
from infertune.exports.formats import format_of
from infertune.exports.reading import Elsewhere
from infertune.files import yaml_file
from infertune.recipes.recipe import Recipe
from infertune.recipes.serving_recipe import ServingRecipe


def export(
    answer: str | Path | Recipe | ServingRecipe,
    as_: str = "command",
    *,
    model: str | None = None,
    base_url: str | None = None,
    host: str | None = None,
    port: int | None = None,
    name: str | None = None,
    image: str | None = None,
    gpus: int | None = None,
) -> Exported:
    """Return an answer in a format: its files, and notes on what they cannot say; nothing is written.

        for file in infertune.export("capitals.yaml", "openai-python").files:
            print(file.text)

    Args:
        answer: The file of an answer of `optimize` or `tune_serving`; nothing else is needed, in any folder.
        as_: The format; docs/export.md lists them.
        model: Name or path of the model where the files will be used; by default the answer's.
        base_url: Endpoint that requests go to; by default the answer's, or http://127.0.0.1:8000/v1.
        host: Where a server listens; ``port`` likewise.
        name: Of a deployment.
        image: Container image with its tag; by default vLLM's own of the answer's version.
        gpus: Of one server; by default what the settings need.

    Raises:
        InvalidInputError: The file is no answer, or the format does not fit it or has no use for an argument.
    """
    given = {"base_url": base_url, "host": host, "port": port, "name": name, "image": image, "gpus": gpus}
    chosen = format_of(as_)
    for each, value in given.items():
        if value is not None and each not in chosen.options:
            having = [name for name, other in formats.FORMATS.items() if each in other.options]
            raise InvalidInputError(f"`{each}` needs `as_` {' or '.join(having)}, not {as_}")
    if image is not None and ":" not in image:
        raise InvalidInputError(f"`image` must have a tag, as in {image}:latest")
    where = str(answer) if isinstance(answer, str | Path) else "the answer"
    recipe = reading.read(Path(answer)) if isinstance(answer, str | Path) else answer
    is_command = isinstance(recipe, ServingRecipe) and recipe.engine == "command"
    if as_ == "kubernetes" and is_command and image is None:
        raise InvalidInputError("the format kubernetes needs `image` where the file's engine is a command")
    there = Elsewhere(
        model=model or _model(recipe, Path(where)),
        base_url=base_url,
        host=host,
        port=port,
        name=name,
        image=image,
        gpus=gpus,
    )
    return formats.export(reading.answer(recipe, there, where=where), as_)


def write(exported: Exported, out: Path) -> list[Path]:
    """Write the files of an export and return their paths.

    Args:
        exported: Where it is one file, ``out`` is that file or a folder that is there; else it is a folder.

    Raises:
        InvalidInputError: A file of other contents is there, or cannot be written.
    """
    is_folder = len(exported.files) > 1 or out.is_dir()
    paths = [out / file.name for file in exported.files] if is_folder else [out]
    for path, file in zip(paths, exported.files, strict=True):
        if path.exists() and (path.is_dir() or yaml_file.text_of(path) != file.text):
            raise InvalidInputError(f"`out` must replace nothing, but {path} is there: give another, or remove it")
    try:
        (out if is_folder else out.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(f"`out` cannot be written: {error.strerror}: {out}") from None
    for path, file in zip(paths, exported.files, strict=True):
        yaml_file.write_text(path, file.text)
    return paths


def _model(recipe: Recipe | ServingRecipe, answer: Path) -> str | None:
    """Return where the model is on this machine, if it is infertune's own or a folder; None for its name."""
    if recipe.model.startswith("bundled:"):
        try:
            return str(models.resolve(recipe.model))
        except InfertuneError:
            return None
    if isinstance(recipe, Recipe) and recipe.files.model is not None:
        return str(recipe.files.model.find(answer) or recipe.files.model.absolute)
    return None
