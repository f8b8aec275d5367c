"""What an answer of `optimize` asks, from its file: the prompt as it is rendered, the settings, and what reads it."""

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from infertune.decoding.settings import SETTINGS, Setting
from infertune.engines.openai.dialects import dialect
from infertune.errors import InvalidInputError, together
from infertune.exports.answer import Asking, Field, Piece, Turn
from infertune.recipes import serving_values
from infertune.recipes.recipe import Recipe
from infertune.space.extra_settings import is_extra
from infertune.space.names import ARGUMENT, DECODING, EXTRACTOR, MAX_TOKENS, PROMPT, TEMPERATURE, VOTER, N
from infertune.tasks.definition import Conversation, Definition, ScorerChoice
from infertune.tasks.extraction import Step
from infertune.tasks.prompts import Template, render
from infertune.types import Scalar
from infertune.wire.base_url import tidied

_KEY = "OPENAI_API_KEY"
_VARIABLE = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)


def asking(recipe: Recipe, *, base_url: str, where: str) -> Asking:
    """Return what each request of an answer asks.

    Args:
        recipe: The answer.
        base_url: Of the endpoint.
        where: Names the file in messages.

    Raises:
        InvalidInputError: It holds no prompt, is of a Python function's arguments, or of what no study can have found.
    """
    chosen, definition = recipe.configuration, recipe.definition
    if any(name.startswith(ARGUMENT) for name in chosen):
        raise InvalidInputError(f"{where} holds arguments of a Python function, which no other tool takes")
    if definition is None:
        raise InvalidInputError(f"{where} is of an earlier infertune and does not hold the prompt's text")
    _check(recipe, definition, where)
    template = _template(definition, str(chosen.get(PROMPT, "")), where)
    fields = tuple(definition.fields)
    # What is not asked through an endpoint is asked through a vLLM that is started for it.
    server = recipe.facts.get("server", "").partition(" ")[0] if recipe.engine == "openai" else "vllm"
    key = str(recipe.engine_options.get("api_key_env", _KEY))
    return Asking(
        task=definition.name,
        turns=turns(template, fields),
        fields=fields,
        conversations=tuple(name for name in fields if isinstance(definition.fields[name], Conversation)),
        settings={each.name: chosen.get(f"{DECODING}{each.name}", _neutral(each)) for each in SETTINGS},
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
        base_url=endpoint(base_url),
        key_variable=key if _VARIABLE.fullmatch(key) else _KEY,
    )


def endpoint(base_url: str) -> str:
    """Return the base URL of an endpoint; most are below /v1, which is added where no version is given."""
    url = tidied(base_url)
    if not url.isprintable() or not re.match(r"https?://[^/\s]", url):
        raise InvalidInputError(f"`base_url` must be a URL such as http://127.0.0.1:8000/v1, not {url[:80]!r}")
    return url if re.search(r"/v\d+\w*$", url) else f"{url.rstrip('/')}/v1"


def turns(template: Template, fields: tuple[str, ...]) -> tuple[Turn, ...]:
    """Return a prompt as infertune renders it, with its shots, the fields left open."""
    whole = repr(template)
    number = next(each for each in range(len(whole) + 1) if f"[[{each}:" not in whole)
    rendered = render(template, {name: f"[[{number}:{name}]]" for name in fields})
    told = [("", rendered)] if isinstance(rendered, str) else [(turn.role, turn.content) for turn in rendered]
    return tuple(Turn(role, _pieces(text, number)) for role, text in told)


def _pieces(text: str, number: int) -> tuple[Piece, ...]:
    found = re.split(rf"\[\[{number}:(\w+)\]\]", text)
    pieces = [Field(each) if place % 2 else each for place, each in enumerate(found)]
    return tuple(each for each in pieces if each)


def _check(recipe: Recipe, definition: Definition, where: str) -> None:
    """Raise InvalidInputError unless the values are such that a study can have found them."""
    chosen = recipe.configuration
    names = {"model": recipe.model, "study": recipe.study, "task": definition.name}
    decoding = {name: value for name, value in chosen.items() if name.startswith(DECODING)}
    found = list(serving_values.problems({}, decoding, is_vllm=False))
    numbers = {name: value for name, value in chosen.items() if isinstance(value, float)}
    found += [f"'{name}' must be finite" for name, value in numbers.items() if not isfinite(value)]
    n = chosen.get(N, 1)
    if type(n) is not int or n < 1:
        found.append(f"'{N}' must be a whole number of at least 1, but is {n!r}")
    found += [
        f"'{name}' must be one line of printable characters" for name, text in names.items() if not text.isprintable()
    ]
    if recipe.model.startswith("-"):
        found.append(f"'model' must be no option, but is {recipe.model}")
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


def _neutral(setting: Setting) -> Scalar:
    return int(setting.neutral) if setting.whole else setting.neutral


def _largest(definition: Definition) -> int:
    return definition.max_tokens if isinstance(definition.max_tokens, int) else max(definition.max_tokens)


def _n(chosen: Mapping[str, Scalar]) -> int:
    """Return how many samples a request needs: one, where only the first counts or all would be the same."""
    is_one = chosen.get(VOTER, "first") == "first" or chosen.get(TEMPERATURE) == 0
    return 1 if is_one else int(chosen.get(N, 1))


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
