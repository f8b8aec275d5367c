"""Starts the engine ``vllm`` with settings under search: the flags of the installed version that are worth it."""

import json
from collections.abc import Mapping, Sequence

from infertune.engines import models
from infertune.engines.launch.launcher import StartEngine
from infertune.engines.launch.vllm_settings import VLLMSettings
from infertune.engines.probing.recall import ProbeJournal
from infertune.engines.vllm import arguments, serve_arguments
from infertune.engines.vllm.interpreter import find
from infertune.space import SearchSpace
from infertune.space.names import ENGINE
from infertune.types import Configuration, Engine, Scalar


def vllm_engine_launcher(start: StartEngine, model: str, options: Mapping[str, Scalar]) -> "VLLMEngineLauncher":
    """Return the launcher of the vLLM that is installed here, after asking it for its flags.

    Args:
        start: Starts it with options of `infertune.engines.vllm.engine.VLLMEngine`.
        model: ``bundled:...``, a local folder or a hub id.
        options: Those that were given; the flags among them are not searched.

    Raises:
        InvalidInputError: vLLM does not take the flags.
        DataUnavailableError: vLLM or the model is missing.
        EngineError: vLLM cannot take the model.
    """
    dtype = None if (named := options.get("dtype")) is None else str(named)
    given = arguments.read(str(options["engine_args"]) if "engine_args" in options else None)
    python = find(str(options["vllm_python"]) if "vllm_python" in options else None)
    usual = arguments.server_arguments(given, on_cpu=python.on_cpu, dtype=dtype)
    # Of a CPU, prompts in more than one step would take the seeds away, and with them the pairing.
    fixed = {**given, **({} if dtype is None else {"dtype": dtype})}
    fixed |= {"enable_chunked_prefill": False} if python.on_cpu else {}
    settings = VLLMSettings.asked(
        python, models.resolve(model), usual.values, usual.environment, fixed=fixed, changing_answers=True
    )
    return VLLMEngineLauncher(start, settings, given)


class VLLMEngineLauncher:
    """An `EngineLauncher`; most callers want `vllm_engine_launcher`, which finds out the rest.

    Args:
        start: Starts the engine.
        settings: Of its vLLM.
        given: Arguments of the server that the engine gets in any case.
    """

    def __init__(self, start: StartEngine, settings: VLLMSettings, given: Mapping[str, Scalar]) -> None:
        self.parameters = settings.parameters
        self.constraints = settings.constraints
        self._start = start
        self._settings = settings
        self._given = dict(given)

    def searched(self, texts: Sequence[str]) -> SearchSpace:
        """Return the space with the user's changes: see `VLLMSettings.searched`."""
        return self._settings.searched(texts)

    def may_shape_text(self, name: str) -> bool:
        """Whatever is not known to be about speed alone."""
        return arguments.shapes_text(name.removeprefix(ENGINE))

    def options(self, configuration: Configuration) -> Mapping[str, Scalar]:
        """Return dtype and arguments; what is at its default is not said: the default server is `optimize`'s own."""
        defaults = {parameter.name: parameter.default for parameter in self.parameters}
        told = {name: value for name, value in configuration.items() if value != defaults.get(name)}
        if f"{ENGINE}speculative_method" in told:  # the parts of one flag belong together
            parts = {f"{ENGINE}{name}" for name in serve_arguments.SPECULATIVE}
            told |= {name: value for name, value in configuration.items() if name in parts}
        flags = serve_arguments.flags(told)
        options: dict[str, Scalar] = {"dtype": flags.pop("dtype")} if "dtype" in flags else {}
        if self._given or flags:
            options["engine_args"] = json.dumps({**self._given, **flags}, sort_keys=True)
        return options

    def start(self, configuration: Configuration, journal: ProbeJournal | None = None) -> Engine:
        """Start a server, and the engine that asks it."""
        return self._start(self.options(configuration), journal)
