"""From the file of an answer to what is exported, on any machine: nothing is looked up but what the file says."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from infertune.decoding.settings import SETTINGS
from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.openai.dialects import dialect
from infertune.engines.vllm import arguments as vllm_arguments
from infertune.engines.vllm.serve_arguments import PREFIX
from infertune.errors import InvalidInputError, together
from infertune.exports import service as services
from infertune.exports.answer import Answer, Asking, is_name, turns
from infertune.exports.service import Service
from infertune.files import yaml_file
from infertune.recipes import recipe as recipes
from infertune.recipes import serving_recipe, serving_values
from infertune.recipes.recipe import Recipe
from infertune.recipes.serving_recipe import ServingRecipe
from infertune.space.extra_settings import is_extra
from infertune.space.names import ARGUMENT, DECODING, EXTRACTOR, MAX_TOKENS, PROMPT, TEMPERATURE, VOTER, N
from infertune.tasks.definition import Conversation, Definition, ScorerChoice
from infertune.tasks.extraction import Step
from infertune.tasks.prompts import Template
from infertune.types import Scalar
from infertune.wire.base_url import tidied

_IMAGES = {"cpu": "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo", "gpu": "vllm/vllm-openai"}
_KEY = "OPENAI_API_KEY"
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
        infertune=recipe.infertune,
        engine=recipe.engine,
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
    chosen, definition = recipe.configuration, recipe.definition
    if any(name.startswith(ARGUMENT) for name in chosen):
        raise InvalidInputError(f"{where} holds arguments of a Python function, which no other tool takes")
    if definition is None:
        raise InvalidInputError(f"{where} is of an earlier infertune and does not hold the prompt's text")
    _check(recipe, where)
    template = _template(definition, str(chosen.get(PROMPT, "")), where)
    fields = tuple(name for name in definition.fields if name in template.fields)
    model = there.model or recipe.model
    version = str(recipe.facts.get("version", ""))
    service = _service(
        model=model,
        settings=_engine_settings(recipe),
        decoding={name: value for name, value in chosen.items() if name.startswith(DECODING)},
        command=None,
        on_cpu=recipe.facts.get("device", "").startswith("cpu"),
        version=version,
        there=there,
    )
    server, _, _ = recipe.facts.get("server", "").partition(" ")
    if recipe.engine != "openai":
        server = "vllm"  # which is what is started for it
    dtype = str(recipe.facts.get("dtype", recipe.engine_options.get("dtype", "")))
    key = str(recipe.engine_options.get("api_key_env", _KEY))
    asking = Asking(
        task=definition.name,
        turns=turns(template, fields),
        fields=fields,
        conversations=tuple(name for name in fields if isinstance(definition.fields[name], Conversation)),
        settings={each.name: chosen.get(f"{DECODING}{each.name}", _neutral(each.name)) for each in SETTINGS},
        extra={name.removeprefix(DECODING): value for name, value in chosen.items() if is_extra(name)},
        extra_body=_object(recipe.engine_options.get("extra_body", "{}"), where),
        max_tokens=int(chosen.get(MAX_TOKENS, _largest(definition))),
        stop=definition.stop,
        n=_n(chosen),
        voter=str(chosen.get(VOTER, "first")),
        steps=_steps(definition, str(chosen.get(EXTRACTOR, ""))),
        scorer=ScorerChoice(definition.scorer) if isinstance(definition.scorer, str) else definition.scorer,
        server=server,
        says_neutral=recipe.engine != "openai" or dialect(server).says_neutral,
        warpers=recipe.facts.get("warpers", ""),
        base_url=_base_url(recipe, there, service),
        key_variable=key if is_name(key) else _KEY,
    )
    return Answer(
        infertune=recipe.infertune,
        study=recipe.study,
        engine=recipe.engine,
        model=model,
        dtype=dtype if dtype in _DTYPES else "",
        service=service,
        asking=asking,
        left_to_requests=_left_to_requests(asking),
        notes=_notes(recipe, model),
    )


def _check(recipe: Recipe, where: str) -> None:
    """Raise InvalidInputError unless the values are such that a study can have found them."""
    chosen = recipe.configuration
    decoding = {name: value for name, value in chosen.items() if name.startswith(DECODING)}
    found = list(serving_values.problems({}, decoding, is_vllm=False))
    numbers = {name: value for name, value in chosen.items() if isinstance(value, float)}
    found += [f"'{name}' must be finite" for name, value in numbers.items() if not isfinite(value)]
    n = chosen.get(N, 1)
    if type(n) is not int or n < 1:
        found.append(f"'{N}' must be a whole number of at least 1, but is {n!r}")
    if not recipe.model.isprintable() or recipe.model.startswith("-"):
        found.append("'model' must be one line of printable characters, and no option")
    if found:
        raise together(found, alone=f"{where}: ", head=f"{where} has {len(found)} errors")


def _template(definition: Definition, name: str, where: str) -> Template:
    for each in definition.prompts:
        if isinstance(each, Template) and each.name == name:
            if problems := [*each.problems(), *each.unmatched(definition.fields)]:
                raise InvalidInputError(f"{where}: prompt '{name}': {problems[0]}")
            return each
    raise InvalidInputError(f"{where}: the text of the prompt '{name}' must be in it, but is not")


def _steps(definition: Definition, name: str) -> tuple[Step, ...]:
    given = definition.extraction
    if not isinstance(given, dict):
        return given
    return given[name] if name in given else next(iter(given.values()))


def _neutral(name: str) -> Scalar:
    neutral = next(each for each in SETTINGS if each.name == name)
    return int(neutral.neutral) if neutral.whole else neutral.neutral


def _largest(definition: Definition) -> int:
    return definition.max_tokens if isinstance(definition.max_tokens, int) else max(definition.max_tokens)


def _n(chosen: Mapping[str, Scalar]) -> int:
    """Return how many samples a request needs: one, where only the first counts or all would be the same."""
    is_one = chosen.get(VOTER, "first") == "first" or chosen.get(TEMPERATURE) == 0
    return 1 if is_one else int(chosen.get(N, 1))


def _engine_settings(recipe: Recipe) -> dict[str, Scalar]:
    """Return the flags of the server that the answer was found on, and the dtype of any engine of ours."""
    if recipe.engine not in ("hf", "vllm"):
        return {}
    given = vllm_arguments.read(recipe.engine_options.get("engine_args")) if recipe.engine == "vllm" else {}  # type: ignore[arg-type]
    dtype = recipe.engine_options.get("dtype")
    named = ({"dtype": dtype} if dtype else {}) | given
    return {f"{PREFIX}{name}": value for name, value in named.items()}


def _base_url(recipe: Recipe, there: Elsewhere, service: Service) -> str:
    """Return where requests go; most endpoints are below /v1, which is added where no version is given."""
    given = there.base_url or recipe.engine_options.get("base_url") or f"http://127.0.0.1:{service.port}/v1"
    url = tidied(str(given))
    if not url.isprintable() or not re.match(r"https?://[^/\s]", url):
        raise InvalidInputError(f"`base_url` must be a URL such as http://127.0.0.1:8000/v1, not {url[:80]!r}")
    return url if re.search(r"/v\d+\w*$", url) else f"{url.rstrip('/')}/v1"


def _object(text: Scalar, where: str) -> dict[str, Any]:
    try:
        found = json.loads(str(text), parse_constant=_no_number)
    except ValueError as error:
        raise InvalidInputError(f"{where}: `extra_body` must be a JSON object, and is none: {error}") from None
    if not isinstance(found, dict):
        raise InvalidInputError(f"{where}: `extra_body` must be a JSON object")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _left_to_requests(asking: Asking) -> tuple[str, ...]:
    """Return what no server sets for its requests, in words."""
    found = [f"max_tokens = {asking.max_tokens}"]
    if asking.stop:
        found.append(f"stop = {list(asking.stop)!a}")
    found += [f"{name} = {value!a}" for name, value in asking.extra.items()]
    if asking.n > 1:
        found.append(f"n = {asking.n}")
    return tuple(found)


def _notes(recipe: Recipe, model: str) -> tuple[str, ...]:
    found = []
    if model.startswith("bundled:"):
        found.append(f"{model} is a name of infertune's own: `infertune export --model` gives its folder or hub id.")
    return tuple(found)
