"""Whether a live endpoint honours what an answer says, setting by setting: by what it does, not by what it accepts."""

from collections.abc import Mapping, Sequence

from infertune.engines.probing.experiments import Row
from infertune.engines.start import start
from infertune.errors import InvalidInputError
from infertune.recipes.recipe import Recipe
from infertune.report.live import View
from infertune.report.status import probe_status
from infertune.serving.verify.observation import Finding, Observation
from infertune.space.extra_settings import is_extra
from infertune.space.names import DECODING, PROMPT
from infertune.space.restriction import is_neutral
from infertune.types import Scalar, Unsupported

_KINDS = {"chat": "chat", "plain": "completions"}  # of a prompt, and the row that tells of it


def verified_answer(recipe: Recipe, options: Mapping[str, Scalar], model: str, view: View) -> list[Finding]:
    """Probe an endpoint anew and return what is known of every decoding setting of an answer, and of its prompt.

    Args:
        recipe: The answer.
        options: Of the engine ``openai``: ``base_url``, and where the key is.
        model: As the endpoint calls it.
        view: Shows the steps, while it is entered.

    Raises:
        InvalidInputError: It is no answer of a model's decoding settings.
        EngineError: The endpoint cannot generate.
    """
    wanted = {name: value for name, value in recipe.configuration.items() if name.startswith(DECODING)}
    if not wanted:
        raise InvalidInputError("an answer must have decoding settings to be verified, and this one has none")
    extra = {
        name.removeprefix(DECODING): (value, recipe.default.get(name, value))
        for name, value in wanted.items()
        if is_extra(name)
    }
    with view:
        running = start(
            "openai",
            model,
            options,
            extra=extra or None,
            on_probe=lambda step: view.update(lambda: probe_status(step)),
            again=True,
        )
    try:
        rows = {row.setting: row for row in running.probe.rows}  # type: ignore[attr-defined]
        unsupported = running.unsupported
    finally:
        running.close()
    found = [
        Finding(name=name, wanted=value, observations=_observed(name, value, rows, unsupported))
        for name, value in wanted.items()
    ]
    kind = _prompt_kind(recipe)
    if kind in rows:
        honoured = rows[kind].verdict == "honoured"
        seen = Observation(name=kind, source="effect", says=rows[kind].seen, agrees=honoured)
        found.append(Finding(name=f"{PROMPT} ({kind})", wanted=recipe.configuration[PROMPT], observations=[seen]))
    return found


def _observed(
    name: str, value: Scalar, rows: Mapping[str, Row], unsupported: Sequence[Unsupported]
) -> list[Observation]:
    short = name.removeprefix(DECODING)
    for each in unsupported:
        if each.name == name and _touches(each, value) and not is_neutral(name, value):
            return [Observation(name=short, source="effect", says=each.reason, agrees=False)]
    if is_neutral(name, value):
        return [Observation(name=short, source="", says="changes nothing at this value", agrees=None)]
    row = rows.get(short)
    if row is None:
        return [Observation(name=short, source="", says="nothing was seen of it", agrees=None)]
    return [Observation(name=short, source="effect", says=row.seen, agrees=row.verdict == "honoured")]


def _touches(unsupported: Unsupported, value: Scalar) -> bool:
    """Whether a value is one of those that mean nothing to the endpoint."""
    if unsupported.value is not None:
        return value == unsupported.value
    if unsupported.below is not None or unsupported.above is not None:
        below = unsupported.below is not None and float(value) < unsupported.below
        return below or (unsupported.above is not None and float(value) > unsupported.above)
    return True


def _prompt_kind(recipe: Recipe) -> str:
    """Return the row that tells whether the answer's prompt can be asked; empty where the file does not hold it."""
    name = recipe.configuration.get(PROMPT)
    for template in recipe.definition.prompts if recipe.definition is not None else ():
        if not isinstance(template, str) and template.name == name:
            return _KINDS[template.kind]
    return ""
