"""Starts the engine that the options name."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args

from infertune import plugins
from infertune.engines import models
from infertune.errors import DataUnavailableError, InvalidInputError, nearest
from infertune.space import extra_body
from infertune.types import Decoding, Engine, Scalar

if TYPE_CHECKING:
    from infertune.cli.live import View
    from infertune.engines.probing.probe import ProbeStep
    from infertune.engines.probing.recall import ProbeJournal

# What a program may give to an engine, but no command; of the vllm engine, what ``--engine-arg`` says as well.
_NO_OPTIONS = {
    *("model", "extra", "capabilities", "on_probe", "journal", "timeouts", "alive"),
    *("max_model_len", "kv_cache_gib", "start_timeout_seconds", "hang_seconds"),
}


_KINDS: Mapping[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def start(
    name: str,
    model: str,
    options: Mapping[str, Scalar],
    *,
    extra: Mapping[str, tuple[Scalar, Scalar]] | None = None,
    on_probe: "Callable[[ProbeStep], None] | None" = None,
    journal: "ProbeJournal | None" = None,
) -> Engine:
    """Return a running engine.

    Args:
        name: As registered.
        model: Whatever that engine takes for one.
        options: Those that were given; the engine has its own defaults for the others.
        extra: Settings of the space beyond the engine-neutral ones, with their two ends.
        on_probe: Called before each step by which an engine finds out what its server honours.
        journal: Keeps what it found out, and what that cost.

    Raises:
        InvalidInputError: No such engine, or one that does not take such an option or setting.
        DataUnavailableError: The engine's packages or the model are missing.
    """
    kind = checked(name, options)
    parameters = inspect.signature(kind).parameters
    if extra and "extra" not in parameters:
        setting = next(iter(extra))
        own = [field.name for field in fields(Decoding) if field.name != "extra"]
        raise InvalidInputError(f"the engine '{name}' has no setting decoding.{setting}{nearest(setting, own)}")
    more: dict[str, Any] = {"extra": extra} if extra else {}
    if on_probe is not None and "on_probe" in parameters:
        more["on_probe"] = on_probe
    if journal is not None and "journal" in parameters:
        more["journal"] = journal
    engine: Engine = kind(model, **options, **more)
    return engine


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
    takes = _options(kind)
    if isinstance(options.get("extra_body"), str):
        extra_body.parse(str(options["extra_body"]), reserved=extra_body.OF_ENGINES)
    for option in options:
        if option not in takes:
            own = ", ".join(map(_flag, takes)) or "no options"
            needs = f"{_flag(option)} needs --engine {others}: " if (others := _engines_with(option)) else ""
            raise InvalidInputError(f"{needs}the engine '{name}' has no {_flag(option)}; it takes {own}")
        kinds = _scalars(takes[option])
        if kinds and type(options[option]) not in kinds:
            words = " or ".join(_KINDS[kind] for kind in kinds)
            raise InvalidInputError(f"{_flag(option)} must be {words}, but is {str(options[option])[:60]!r}")
    for option, parameter in takes.items():
        if parameter.default is inspect.Parameter.empty and option not in options:
            raise InvalidInputError(f"the engine '{name}' needs {_flag(option)}")
    return kind


def _options(kind: Callable[..., Engine]) -> dict[str, inspect.Parameter]:
    return {
        name: parameter for name, parameter in inspect.signature(kind).parameters.items() if name not in _NO_OPTIONS
    }


def _scalars(parameter: inspect.Parameter) -> list[type]:
    """Return which scalars a parameter takes, as far as its annotation says so: an answer file may hold any."""
    hints = get_args(parameter.annotation) or (parameter.annotation,)
    return [kind for kind in _KINDS if kind in hints]


def _engines_with(option: str) -> str:
    """Return the engines that take an option, of those whose packages are here, as ``hf or vllm``."""
    found = []
    for name in plugins.names("engines"):
        with suppress(ImportError):
            found += [name] if option in _options(plugins.load("engines", name)) else []
    return " or ".join(found)


def given(**options: Scalar | None) -> dict[str, Scalar]:
    """Return the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def named_values(pairs: Sequence[str] | None) -> str | None:
    """Return what ``--engine-arg`` gave, as one JSON object; a name alone is a flag.

    Raises:
        InvalidInputError: A name is missing, or given twice.
    """
    if not pairs:
        return None
    values: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not name.strip():
            raise InvalidInputError(f"--engine-arg must be NAME=VALUE, such as max_num_seqs=64, not '{pair}'")
        if name in values:
            raise InvalidInputError(f"--engine-arg {name} is given twice")
        values[name.strip()] = value
    return json.dumps(values, sort_keys=True)


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
    once = ", converting it first: about half a minute" if models.needs_conversion(model) else ""
    if engine == "vllm":
        return f"starting a vLLM server for {model}{once}; this usually takes one to three minutes"
    return f"loading {model}{once}"


def probing(view: "View") -> "Callable[[ProbeStep], None]":
    """Return what shows the steps by which an engine finds out what its server honours."""
    from infertune.cli.live import Status
    from infertune.report.table import duration

    def show(step: "ProbeStep") -> None:
        left = f", about {duration(step.seconds_left)} left"
        facts = f"{step.setting}, step {step.number} of {step.n_steps}{left}"
        view.update(lambda: Status(phase="probe", share=(step.number - 1) / step.n_steps, facts=facts))

    return show


def looked(engine: Engine) -> str:
    """Return what to say of how an engine probed its server; empty where it did not."""
    probe = getattr(engine, "probe", None)
    if probe is None:
        return ""
    if probe.is_recalled:
        return "using the stored result of an earlier probe of this server"
    return f"probed the server for {probe.tokens:,} tokens in {probe.n_requests} requests; they count as spent"


def _flag(option: str) -> str:
    return "--engine-arg" if option == "engine_args" else f"--{option.replace('_', '-')}"
