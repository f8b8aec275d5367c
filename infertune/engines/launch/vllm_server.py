"""Starts vLLM servers with settings under search: those of the installed version."""

import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from infertune.engines import cache, models
from infertune.engines.launch.launcher import Server
from infertune.engines.launch.vllm_settings import VLLMSettings
from infertune.engines.process.server_process import ServerProcess
from infertune.engines.vllm import arguments as vllm_arguments
from infertune.engines.vllm import serve_arguments
from infertune.engines.vllm.interpreter import VLLMPython, find
from infertune.engines.vllm.server import VLLMServer
from infertune.space import SearchSpace
from infertune.types import Configuration, Scalar

_RESET_TRIES = 50
_RESET_SECONDS = 0.1


def vllm_server_launcher(
    model: str,
    *,
    dtype: str | None = None,
    engine_args: Mapping[str, Scalar] | str | None = None,
    vllm_python: str | None = None,
    kv_cache_gib: int | None = None,
    changing_answers: bool = False,
    start_timeout_seconds: float = 600.0,
) -> "VLLMServerLauncher":
    """Return the launcher of the vLLM that is installed here, after asking it for its flags.

    Args:
        model: ``bundled:...``, a local folder or a hub id.
        dtype: Of every server, and so not searched; by default vLLM's choice.
        engine_args: Flags that every server gets, by name or as a JSON object; they are not searched.
        vllm_python: Interpreter that has vLLM; by default this one, else ``$INFERTUNE_VLLM_PYTHON``.
        kv_cache_gib: CPU memory for keys and values; by default ``$VLLM_CPU_KVCACHE_SPACE``, else 2.
        changing_answers: Also search what may change what is generated: types of weights and cache, quantisation.
        start_timeout_seconds: Most time until a server answers.

    Raises:
        InvalidInputError: vLLM does not take the flags.
        DataUnavailableError: vLLM or the model is missing.
        EngineError: vLLM cannot take the model.
    """
    given = vllm_arguments.read(engine_args) | ({"dtype": dtype} if dtype else {})
    python = find(vllm_python)
    folder = models.resolve(model)
    environment = vllm_arguments.environment(on_cpu=python.on_cpu, kv_cache_gib=kv_cache_gib)
    return VLLMServerLauncher(
        model,
        python=python,
        folder=folder,
        settings=VLLMSettings.asked(
            python, folder, given, environment, fixed=given, changing_answers=changing_answers
        ),
        given=given,
        environment=environment,
        start_timeout_seconds=start_timeout_seconds,
    )


class VLLMServerLauncher:
    """A `ServerLauncher`; most callers want `vllm_server_launcher`, which finds out the rest.

    Args:
        model: The name that clients use.
        python: That has vLLM.
        folder: Of the model.
        settings: Of that vLLM with the model.
        given: Flags that every server gets.
        environment: Variables that every server gets.
        start_timeout_seconds: Most time until a server answers.
    """

    def __init__(
        self,
        model: str,
        *,
        python: VLLMPython,
        folder: Path,
        settings: VLLMSettings,
        given: Mapping[str, Scalar],
        environment: Mapping[str, str],
        start_timeout_seconds: float = 600.0,
    ) -> None:
        self.parameters = settings.parameters
        self.constraints = settings.constraints
        self._settings = settings
        self._model = model
        self._python = python
        self._folder = folder
        self._given = {**vllm_arguments.NEUTRAL, **given}
        # The mode has /reset_prefix_cache; the server listens on 127.0.0.1 only.
        self._environment = {**environment, "VLLM_SERVER_DEV_MODE": "1"}
        self._start_timeout_seconds = start_timeout_seconds
        self._n_started = 0

    @property
    def facts(self) -> Mapping[str, str]:
        """The model's fingerprint, vLLM's version, the devices, and the flags that every server gets."""
        return {
            "engine": "vllm",
            "model": models.fingerprint(self._folder),
            "version": self._python.version,
            "device": self._settings.installed.device_name,
            "n_devices": str(self._settings.installed.n_devices),
            **{name: str(value) for name, value in self._given.items()},
        }

    def searched(self, texts: Sequence[str]) -> SearchSpace:
        """Return the space with the user's changes: see `VLLMSettings.searched`."""
        return self._settings.searched(texts)

    def template(self, configuration: Configuration) -> str:
        """Empty: the hand-over knows how ``vllm serve`` is called."""
        return ""

    def command(self, configuration: Mapping[str, Scalar]) -> list[str]:
        """Return the flags of a server with these settings, as words."""
        return serve_arguments.words({**self._given, **serve_arguments.flags(configuration)})

    def start(self, configuration: Configuration) -> Server:
        """Start a server with these settings.

        Raises:
            ServerFailed: It did not start.
        """
        self._n_started += 1
        process = VLLMServer(
            python=self._python.path,
            model=self._folder,
            name=self._model,
            arguments=self.command(configuration),
            environment=self._environment,
            log=cache.file("vllm", f"serve-{os.getpid()}-{id(self)}-{self._n_started}.log"),
            start_timeout_seconds=self._start_timeout_seconds,
        )
        return Server(process=process, model=self._model, reset=_reset)


def _reset(server: ServerProcess) -> None:
    """Empty the prefix cache; cancelled requests may hold their blocks a moment longer."""
    with contextlib.suppress(OSError, ValueError):  # of a dying server, the burst that follows tells
        for _ in range(_RESET_TRIES):
            status, body = server.post("/reset_prefix_cache")
            if status != 200 or not body.strip() or json.loads(body).get("success", True):
                return
            time.sleep(_RESET_SECONDS)
