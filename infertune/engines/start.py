"""Starts an engine by its name, with options that it takes."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from infertune import plugins
from infertune.engines import bundled
from infertune.engines.options import OURS, REQUIRED
from infertune.errors import DataUnavailableError, InvalidInputError, nearest
from infertune.space import extra_body
from infertune.types import Decoding, Engine, Scalar

if TYPE_CHECKING:
    from infertune.engines.probing.probe import ProbeStep
    from infertune.engines.probing.recall import ProbeJournal

WIRING = ("extra", "on_probe", "journal", "again")
"""What an engine may be given beside its options, where its signature has room for it."""

_KINDS: Mapping[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def start(
    name: str,
    model: str,
    options: Mapping[str, Scalar],
    *,
    extra: Mapping[str, tuple[Scalar, Scalar]] | None = None,
    on_probe: "Callable[[ProbeStep], None] | None" = None,
    journal: "ProbeJournal | None" = None,
    again: bool = False,
) -> Engine:
    """Return a running engine.

    Args:
        name: As registered.
        model: Whatever that engine takes for one.
        options: Those that were given; the engine has its own defaults for the others.
        extra: Settings of the space beyond the engine-neutral ones, with their two ends.
        on_probe: Called before each step by which an engine finds out what its server honours.
        journal: Keeps what it found out, and what that cost.
        again: Find it out again, even if it is known.

    Raises:
        InvalidInputError: No such engine, or one that does not take such an option or setting.
        DataUnavailableError: The engine's packages or the model are missing.
    """
    kind = checked(name, options)
    parameters = inspect.signature(kind).parameters
    wiring = {"extra": extra or None, "on_probe": on_probe, "journal": journal, "again": again or None}
    if extra and "extra" not in parameters:
        setting = next(iter(extra))
        own = [field.name for field in fields(Decoding) if field.name != "extra"]
        raise InvalidInputError(f"the engine '{name}' has no setting decoding.{setting}{nearest(setting, own)}")
    more = {each: value for each, value in wiring.items() if value is not None and each in parameters}
    engine: Engine = kind(model, **options, **more)
    return engine


def looks(name: str) -> bool:
    """Return whether an engine of this name may have to find out what its server honours."""
    return "journal" in inspect.signature(plugins.load("engines", name)).parameters


def checked(name: str, options: Mapping[str, Scalar]) -> Callable[..., Engine]:
    """Return what makes an engine, before anything is opened or spent; it takes all of the options, and needs no more.

    Raises:
        InvalidInputError: No such engine, or one that does not take such an option, or needs another.
        DataUnavailableError: The engine's packages are missing.
    """
    try:
        kind: Callable[..., Engine] = plugins.load("engines", name)
    except ImportError as error:
        raise DataUnavailableError(
            f"the engine '{name}' needs the package '{error.name}': pip install 'infertune[{name}]'"
        ) from error
    takes = _options(name, kind)
    if isinstance(options.get("extra_body"), str):
        extra_body.parse(str(options["extra_body"]), reserved=extra_body.OF_ENGINES)
    for option in options:
        if option not in takes:
            own = ", ".join(map(_named, takes)) or "no options"
            needs = f"{_named(option)} needs `engine` {others}: " if (others := _engines_with(option)) else ""
            raise InvalidInputError(f"{needs}the engine '{name}' has no {_named(option)}; it takes {own}")
        kinds = _scalars(takes[option])
        if kinds and type(options[option]) not in kinds:
            words = " or ".join(_KINDS[kind] for kind in kinds)
            raise InvalidInputError(f"{_named(option)} must be {words}, but is {str(options[option])[:60]!r}")
    required = REQUIRED.get(name, ()) if name in OURS else _without_default(kind)
    for option in required:
        if option not in options:
            raise InvalidInputError(f"the engine '{name}' needs {_named(option)}")
    return kind


def _options(name: str, kind: Callable[..., Engine]) -> dict[str, Any]:
    """Return the types of the options that an engine takes: of ours the typed value, of a plugin its signature."""
    if name in OURS:
        hints = get_type_hints(OURS[name])
        return {field.name: hints[field.name] for field in fields(OURS[name])}
    parameters = inspect.signature(kind).parameters
    return {option: parameters[option].annotation for option in parameters if option not in ("model", *WIRING)}


def _without_default(kind: Callable[..., Engine]) -> list[str]:
    parameters = inspect.signature(kind).parameters
    return [name for name, each in parameters.items() if each.default is each.empty and name != "model"]


def _scalars(hint: Any) -> list[type]:
    """Return which scalars an option takes, as far as its type says so: an answer file may hold any."""
    hints = get_args(hint) or (hint,)
    return [kind for kind in _KINDS if kind in hints]


def _engines_with(option: str) -> str:
    """Return the engines that take an option, of those whose packages are here, as ``hf or vllm``."""
    found = []
    for name in plugins.names("engines"):
        with suppress(ImportError):
            found += [name] if option in _options(name, plugins.load("engines", name)) else []
    return " or ".join(found)


def counted(engine: Engine) -> dict[str, float | int | str | None] | None:
    """Return what the engine's server counted of its work, and how it fared; None where there is none of its own."""
    from infertune.engines.vllm import metrics as server_metrics

    metrics = getattr(engine, "metrics", None)
    if not isinstance(metrics, server_metrics.ServerMetrics):
        return None
    failures = getattr(engine, "failures", [])
    fate = {"n_restarts": len(failures), "last_failure": str(failures[-1]) if failures else None}
    return server_metrics.as_json(metrics) | fate


def starting(engine: str, model: str, options: Mapping[str, Scalar]) -> str:
    """Return what to say before an engine is started, which may take a while."""
    if engine == "openai":
        return f"connecting to {options.get('base_url')} for {model}"
    once = ", converting it first: about half a minute" if bundled.needs_conversion(model) else ""
    if engine == "vllm":
        return f"starting a vLLM server for {model}{once}; this usually takes one to three minutes"
    return f"loading {model}{once}"


def looked(engine: Engine) -> str:
    """Return what to say of how an engine probed its server; empty where it did not."""
    probe = getattr(engine, "probe", None)
    if probe is None:
        return ""
    if probe.is_recalled:
        return "using the stored result of an earlier probe of this server"
    return f"probed the server for {probe.tokens:,} tokens in {probe.n_requests} requests; they count as spent"


def _named(option: str) -> str:
    return f"`{option}`"
