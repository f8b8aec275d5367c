"""The search space of a task, with the user's changes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from infertune import plugins
from infertune.errors import InvalidInputError
from infertune.space import SearchSpace, notation
from infertune.space.default_space import STRATEGIES, default_space
from infertune.space.extra_settings import check_extra
from infertune.tasks import Task
from infertune.types import Scalar

Values = Scalar | Sequence[Scalar]
"""Of one parameter: a range such as ``"0..1.2"``, some values, or one."""


def task_space(task: Task, file: Path | None = None, settings: Sequence[str] = ()) -> SearchSpace:
    """Return the default space of a task with the changes of a file, then those of ``NAME=VALUES`` texts."""
    added = [name for name in plugins.names("strategies") if name not in STRATEGIES]
    known = default_space(
        prompts=tuple(task.prompts),
        max_tokens=task.max_tokens_choices,
        strategies=(*STRATEGIES, *added),
        extractors=tuple(task.extractors),
    )
    space = notation.read(file, known) if file is not None else known
    for parameter in space.parameters:
        if parameter.name not in known:
            check_extra(parameter, where=str(file))
    return notation.changed(space, settings)


def as_texts(settings: Mapping[str, Values] | Sequence[str] | None) -> list[str]:
    """Return values by name as the ``NAME=VALUES`` texts that the command line takes; such texts stay as they are.

    Raises:
        InvalidInputError: A value is no number, text or truth value.
    """
    if not isinstance(settings, Mapping):
        return [settings] if isinstance(settings, str) else [*(settings or ())]
    return [f"{name}={_text(name, values)}" for name, values in settings.items()]


def _text(name: str, values: Values) -> str:
    if isinstance(values, (bool, int, float, str)):
        return str(values).lower() if isinstance(values, bool) else str(values)
    if not isinstance(values, Sequence) or not values:
        raise InvalidInputError(f"the values of {name} must be a range, a value or a list of values, not {values!r}")
    return ",".join(_text(name, value) for value in values)
