"""From the file of an answer to what is exported, on any machine: nothing is looked up but what the file says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.vllm import arguments as vllm_arguments
from infertune.engines.vllm.serve_arguments import PREFIX
from infertune.errors import InvalidInputError
from infertune.exports import service as services
from infertune.exports.answer import Answer, Asking
from infertune.exports.asking import asking
from infertune.exports.service import Service
from infertune.files import yaml_file
from infertune.recipes import recipe as recipes
from infertune.recipes import serving_recipe
from infertune.recipes.recipe import Recipe
from infertune.recipes.serving_recipe import ServingRecipe
from infertune.space.names import DECODING
from infertune.types import Scalar

_IMAGES = {"cpu": "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo", "gpu": "vllm/vllm-openai"}
_DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What is another there than where the answer was found; None for as the answer says, or usual.

    Attributes:
        model: Name or path of the model.
        base_url: Of the endpoint that requests go to.
        host: Where a server listens; ``port`` likewise.
        name: Of a deployment.
        image: Of a container, with its tag.
        gpus: Of one server.
    """

    model: str | None = None
    base_url: str | None = None
    host: str | None = None
    port: int | None = None
    name: str | None = None
    image: str | None = None
    gpus: int | None = None


def read(path: Path) -> Recipe | ServingRecipe:
    """Return what the file of an answer holds, of `optimize` or of `tune-serving`.

    Raises:
        InvalidInputError: It cannot be read, or is something else.
    """
    plain = yaml_file.read(path, dict[str, Any])
    return recipes.read(path) if "configuration" in plain else serving_recipe.read(path)


def answer(recipe: Recipe | ServingRecipe, there: Elsewhere, *, where: str) -> Answer:
    """Return an answer, ready for every format.

    Args:
        recipe: As it was read.
        there: What is another there.
        where: Names the file in messages.

    Raises:
        InvalidInputError: It holds no prompt, or is of settings of a Python function.
    """
    if isinstance(recipe, Recipe):
        return _of_decoding(recipe, there, where)
    service = _service(
        model=there.model or recipe.model,
        settings=recipe.settings,
        decoding=recipe.decoding,
        command=CommandTemplate(recipe.command) if recipe.command else None,
        on_cpu=recipe.device.startswith("cpu"),
        version=recipe.engine_version,
        there=there,
    )
    return Answer(
        model=service.model,
        service=service,
        left_to_requests=tuple(
            f"{name} = {recipe.decoding[name]}"
            for name in (recipe.decoding if service.command else services.left_to_clients(recipe.decoding))
        ),
    )


def _service(
    *,
    model: str,
    settings: Mapping[str, Scalar],
    decoding: Mapping[str, Scalar],
    command: CommandTemplate | None,
    on_cpu: bool,
    version: str,
    there: Elsewhere,
) -> Service:
    usual = Service(model=model, settings=settings, decoding=decoding)
    tag = f"v{version}" if re.fullmatch(r"\d[\w.-]*", version, re.ASCII) else "latest"
    device = "cpu" if on_cpu else "gpu"
    return Service(
        model=model,
        settings=settings,
        decoding=decoding,
        command=command,
        host=there.host or usual.host,
        port=there.port or usual.port,
        name=there.name or usual.name,
        image=there.image or f"{_IMAGES[device]}:{tag}",
        n_gpus=services.n_gpus(settings, device=device) if there.gpus is None else there.gpus,
    )


def _of_decoding(recipe: Recipe, there: Elsewhere, where: str) -> Answer:
    server, _, version = recipe.facts.get("server", "").partition(" ")
    dtype = str(recipe.facts.get("dtype", recipe.engine_options.get("dtype", "")))
    service = _service(
        model=there.model or recipe.model,
        settings=_engine_settings(recipe, where),
        decoding={name: value for name, value in recipe.configuration.items() if name.startswith(DECODING)},
        command=None,
        on_cpu=recipe.facts.get("device", "").startswith("cpu"),
        version=recipe.facts.get("version", version if server == "vllm" else ""),
        there=there,
    )
    own = recipe.engine_options.get("base_url", f"http://127.0.0.1:{service.port}/v1")
    asked = asking(recipe, base_url=there.base_url or str(own), where=where)
    return Answer(
        study=recipe.study,
        model=service.model,
        dtype=dtype if dtype in _DTYPES else "",
        service=service,
        asking=asked,
        left_to_requests=_left_to_requests(asked),
        notes=_notes(service.model),
    )


def _engine_settings(recipe: Recipe, where: str) -> dict[str, Scalar]:
    """Return the flags of the server that the answer was found on, and the dtype of any engine of ours."""
    if recipe.engine not in ("hf", "vllm"):
        return {}
    given = vllm_arguments.read(recipe.engine_options.get("engine_args")) if recipe.engine == "vllm" else {}  # type: ignore[arg-type]
    dtype = recipe.engine_options.get("dtype")
    named = ({"dtype": dtype} if dtype else {}) | given
    if wrong := [name for name, value in named.items() if not str(value).isprintable()]:
        raise InvalidInputError(f"{where}: '{wrong[0]}' must be one line of printable characters")
    return {f"{PREFIX}{name}": value for name, value in named.items()}


def _left_to_requests(asking: Asking) -> tuple[str, ...]:
    """Return what no server sets for its requests, in words."""
    found = [f"max_tokens = {asking.max_tokens}"]
    if asking.stop:
        found.append(f"stop = {list(asking.stop)!a}")
    found += [f"{name} = {value!a}" for name, value in asking.extra.items()]
    if asking.n > 1:
        found.append(f"n = {asking.n}")
    return tuple(found)


def _notes(model: str) -> tuple[str, ...]:
    if not model.startswith("bundled:"):
        return ()
    return (f"{model} is a name of infertune's own: `infertune export --model` gives its folder or hub id.",)
