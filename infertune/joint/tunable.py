"""Engines that can be started with settings of their own: what `Joint` searches outside."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from infertune.engines import models
from infertune.engines.probing.recall import ProbeJournal
from infertune.engines.vllm import arguments, installed, serve_arguments, settings
from infertune.engines.vllm.interpreter import find
from infertune.errors import EngineError
from infertune.space import Constraint, Parameter, SearchSpace
from infertune.space.names import ENGINE
from infertune.types import Configuration, Engine, Scalar

PREFIX = ENGINE
Start = Callable[[Mapping[str, Scalar], ProbeJournal | None], Engine]
"""Starts the user's engine with further options; the journal keeps what it finds out about its server."""


class Tunable(Protocol):
    """One kind of engine with the settings that are worth searching."""

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Named ``engine.NAME``, tier ``engine``; all at their defaults, the engine is what it is without a search."""

    @property
    def constraints(self) -> Sequence[Constraint]:
        """Which of their values cannot stand together."""

    def may_shape_text(self, name: str) -> bool:
        """Whether another value of this parameter may change what is generated; facts tell it for sure."""

    def options(self, configuration: Configuration) -> Mapping[str, Scalar]:
        """Return the options of the engine, beside those that were given, that are these settings."""

    def start(self, configuration: Configuration, journal: ProbeJournal | None = None) -> Engine:
        """Start the engine with these settings (``engine.*``; a missing one has its default).

        Args:
            journal: Keeps what it finds out about its server, and what that cost.

        Raises:
            EngineError: It did not start.
        """


class HFTunable:
    """The engine ``hf``: batch size, dtype, threads.

    Args:
        start: Starts it with options of `infertune.engines.hf.engine.HFEngine`.
        options: Those that were given, which are therefore not searched.
    """

    def __init__(self, start: Start, options: Mapping[str, Scalar]) -> None:
        from infertune.engines.hf import settings as hf_settings

        device = options.get("device")
        self._start = start
        self._parameters = hf_settings.engine_parameters(None if device is None else str(device), fixed=options)

    @property
    def parameters(self) -> Sequence[Parameter]:
        """What this machine can do."""
        return self._parameters

    @property
    def constraints(self) -> Sequence[Constraint]:
        """None."""
        return ()

    def may_shape_text(self, name: str) -> bool:
        """Only the dtype does: rows do not depend on their company, whatever the batch."""
        return name == f"{PREFIX}dtype"

    def options(self, configuration: Configuration) -> Mapping[str, Scalar]:
        """Return them under their own names."""
        return {name.removeprefix(PREFIX): value for name, value in configuration.items()}

    def start(self, configuration: Configuration, journal: ProbeJournal | None = None) -> Engine:
        """Load the model; a lack of memory is the failure of these settings."""
        from infertune.engines.hf.engine import is_about_memory

        try:
            return self._start(self.options(configuration), journal)
        except (MemoryError, RuntimeError) as error:
            if not is_about_memory(error):
                raise
            raise EngineError(f"out of memory: {error}") from error


class VLLMTunable:
    """The engine ``vllm``: the flags of the installed version that are worth searching.

    Args:
        start: Starts it with options of `infertune.engines.vllm.engine.VLLMEngine`.
        model: ``bundled:...``, a local folder or a hub id.
        options: Those that were given; the flags among them are not searched.
        vllm_python: Interpreter that has vLLM.

    Raises:
        DataUnavailableError: vLLM or the model is missing.
        EngineError: vLLM cannot take the model.
    """

    def __init__(self, start: Start, model: str, options: Mapping[str, Scalar]) -> None:
        self._start = start
        dtype = options.get("dtype")
        self._given = arguments.read(str(options["engine_args"]) if "engine_args" in options else None)
        python = find(str(options["vllm_python"]) if "vllm_python" in options else None)
        usual = arguments.server_arguments(
            self._given, on_cpu=python.on_cpu, dtype=None if dtype is None else str(dtype)
        )
        self.installed = installed.ask(
            python,
            models.resolve(model),
            arguments=serve_arguments.words(usual.values),
            environment=usual.environment,
        )
        # Of a CPU, prompts in more than one step would take the seeds away, and with them the pairing.
        fixed = {**self._given, **({} if dtype is None else {"dtype": dtype})}
        fixed |= {"enable_chunked_prefill": False} if python.on_cpu else {}
        self._parameters = settings.parameters(self.installed, given=fixed, changing_answers=True)

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Of the installed version on this machine, with the defaults that infertune gives to a server."""
        return self._parameters

    @property
    def constraints(self) -> Sequence[Constraint]:
        """Which of their values vLLM refuses together."""
        return settings.constraints(self.installed, self._parameters)

    def with_flags(self, space: SearchSpace, given: Sequence[str]) -> SearchSpace:
        """Return the space with a parameter for each further flag that a ``--set`` names."""
        return settings.with_flags(space, self.installed, given)

    def may_shape_text(self, name: str) -> bool:
        """Whatever is not known to be about speed alone."""
        return arguments.shapes_text(name.removeprefix(PREFIX))

    def options(self, configuration: Configuration) -> Mapping[str, Scalar]:
        """Return dtype and arguments; what is at its default is not said: the default server is `optimize`'s own."""
        defaults = {parameter.name: parameter.default for parameter in self._parameters}
        told = {name: value for name, value in configuration.items() if value != defaults.get(name)}
        if f"{PREFIX}speculative_method" in told:  # the parts of one flag belong together
            parts = {f"{PREFIX}{name}" for name in serve_arguments.SPECULATIVE}
            told |= {name: value for name, value in configuration.items() if name in parts}
        flags = serve_arguments.flags(told)
        options: dict[str, Scalar] = {"dtype": flags.pop("dtype")} if "dtype" in flags else {}
        if self._given or flags:
            options["engine_args"] = json.dumps({**self._given, **flags}, sort_keys=True)
        return options

    def start(self, configuration: Configuration, journal: ProbeJournal | None = None) -> Engine:
        """Start a server."""
        return self._start(self.options(configuration), journal)


def settings_in_words(engine: Mapping[str, Scalar]) -> str:
    """Return engine settings as ``batch_size=64, dtype=float32``."""
    return ", ".join(f"{name.removeprefix('engine.')}={value}" for name, value in engine.items()) or "no settings"
