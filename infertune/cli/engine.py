"""Starts the engine that the options name."""

import inspect
from collections.abc import Mapping
from dataclasses import fields

from infertune import models, plugins
from infertune.errors import DataUnavailableError, InvalidInputError, nearest
from infertune.types import Decoding, Engine, Scalar

_NO_OPTIONS = {"model", "extra", "honours", "waits", "alive"}  # what a program may give to an engine, but no command


def start(
    name: str, model: str, options: Mapping[str, Scalar], *, extra: Mapping[str, tuple[Scalar, Scalar]] | None = None
) -> Engine:
    """Return a running engine.

    Args:
        name: As registered.
        model: Whatever that engine takes for one.
        options: Those that were given; the engine has its own defaults for the others.
        extra: Settings of the space beyond the engine-neutral ones, with their two ends.

    Raises:
        InvalidInputError: No such engine, or one that does not take such an option or setting.
        DataUnavailableError: The engine's packages or the model are missing.
    """
    try:
        kind = plugins.load("engines", name)
    except ImportError as error:
        raise DataUnavailableError(
            f"the engine '{name}' needs the package '{error.name}': pip install 'infertune[{name}]'"
        ) from error
    parameters = inspect.signature(kind).parameters
    takes = [option for option in parameters if option not in _NO_OPTIONS]
    for option in options:
        if option not in takes:
            flags = ", ".join(f"--{each.replace('_', '-')}" for each in takes)
            raise InvalidInputError(f"the engine '{name}' has no --{option.replace('_', '-')}; it takes {flags}")
    for option in takes:
        if parameters[option].default is inspect.Parameter.empty and option not in options:
            raise InvalidInputError(f"the engine '{name}' needs --{option.replace('_', '-')}")
    if extra and "extra" not in parameters:
        setting = next(iter(extra))
        own = [field.name for field in fields(Decoding) if field.name != "extra"]
        raise InvalidInputError(f"the engine '{name}' has no setting decoding.{setting}{nearest(setting, own)}")
    engine: Engine = kind(model, **options, **({"extra": extra} if extra else {}))
    return engine


def given(**options: Scalar | None) -> dict[str, Scalar]:
    """Return the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def loading(model: str) -> str:
    """Return what to say before a model is loaded, which may take a while."""
    once = "; its first use converts it, which takes about half a minute" if models.needs_conversion(model) else ""
    return f"loading the model {model}{once}"
