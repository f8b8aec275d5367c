"""Starts vLLM servers with settings under search: a `Launcher` whose settings are those of the installed version."""

import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from infertune.engines import models
from infertune.engines.process.server_process import ServerProcess
from infertune.engines.vllm import arguments as vllm_arguments
from infertune.engines.vllm import installed as vllm_installed
from infertune.engines.vllm import serve_arguments, settings
from infertune.engines.vllm.installed import Installed
from infertune.engines.vllm.interpreter import VLLMPython, find
from infertune.engines.vllm.server import VLLMServer
from infertune.load.workload import Workload
from infertune.serving.launch.server_deployment import ServerDeployment
from infertune.space import Constraint, Parameter
from infertune.types import Configuration, Scalar

_RESET_TRIES = 50
_RESET_SECONDS = 0.1


def vllm_launcher(
    model: str,
    workload: Workload,
    *,
    dtype: str | None = None,
    engine_args: Mapping[str, Scalar] | str | None = None,
    vllm_python: str | None = None,
    kv_cache_gib: int | None = None,
    changing_answers: bool = False,
    start_timeout_seconds: float = 600.0,
    hang_seconds: float = 300.0,
) -> "VLLMLauncher":
    """Return the launcher of the vLLM that is installed here, after asking it for its flags (about ten seconds).

    Args:
        model: ``bundled:...``, a local folder or a hub id.
        workload: What presses the servers.
        dtype: Of every server, and so not searched; by default vLLM's choice.
        engine_args: Flags that every server gets, by name or as a JSON object; they are not searched.
        vllm_python: Interpreter that has vLLM; by default this one, else ``$INFERTUNE_VLLM_PYTHON``.
        kv_cache_gib: CPU memory for keys and values; by default ``$VLLM_CPU_KVCACHE_SPACE``, else 2.
        changing_answers: Also search what may change what is generated: types of weights and cache, quantisation.
        start_timeout_seconds: Most time until a server answers.
        hang_seconds: Most time that one may be under load without getting on.

    Raises:
        InvalidInputError: vLLM does not take the flags.
        DataUnavailableError: vLLM or the model is missing.
        EngineError: vLLM cannot take the model.
    """
    given = vllm_arguments.read(engine_args) | ({"dtype": dtype} if dtype else {})
    python = find(vllm_python)
    folder = models.resolve(model)
    environment = vllm_arguments.environment(on_cpu=python.on_cpu, kv_cache_gib=kv_cache_gib)
    return VLLMLauncher(
        model,
        workload,
        python=python,
        folder=folder,
        installed=vllm_installed.ask(python, folder, arguments=serve_arguments.words(given), environment=environment),
        given=given,
        environment=environment,
        changing_answers=changing_answers,
        start_timeout_seconds=start_timeout_seconds,
        hang_seconds=hang_seconds,
    )


class VLLMLauncher:
    """A `Launcher`; most callers want `vllm_launcher`, which finds out the rest.

    Args:
        model: The name that clients use.
        workload: What presses the servers.
        python: That has vLLM.
        folder: Of the model.
        installed: What that vLLM makes of the model.
        given: Flags that every server gets.
        environment: Variables that every server gets.

    Attributes:
        installed: As given; it knows the other flags by name (`infertune.engines.vllm.settings.with_flags`).
    """

    def __init__(
        self,
        model: str,
        workload: Workload,
        *,
        python: VLLMPython,
        folder: Path,
        installed: Installed,
        given: Mapping[str, Scalar],
        environment: Mapping[str, str],
        changing_answers: bool = False,
        start_timeout_seconds: float = 600.0,
        hang_seconds: float = 300.0,
    ) -> None:
        self.installed = installed
        self._model = model
        self._workload = workload
        self._python = python
        self._folder = folder
        # The model's own sampling defaults would change what the workload asks for.
        self._given = {"generation_config": "vllm", **given}
        # The mode has /reset_prefix_cache; the server listens on 127.0.0.1 only.
        self._environment = {**environment, "VLLM_SERVER_DEV_MODE": "1"}
        self._start_timeout_seconds = start_timeout_seconds
        self._hang_seconds = hang_seconds
        self._parameters = settings.parameters(installed, given=given, changing_answers=changing_answers)
        self._n_started = 0

    @property
    def facts(self) -> Mapping[str, str]:
        """The model's fingerprint, vLLM's version, the devices, and the flags that every server gets."""
        return {
            "engine": "vllm",
            "model": models.fingerprint(self._folder),
            "version": self._python.version,
            "device": self.installed.device_name,
            "n_devices": str(self.installed.n_devices),
            **{name: str(value) for name, value in self._given.items()},
        }

    @property
    def parameters(self) -> Sequence[Parameter]:
        """What is worth searching, with the defaults of this version, model and machine."""
        return self._parameters

    @property
    def constraints(self) -> Sequence[Constraint]:
        """Which of their values vLLM refuses together."""
        return settings.constraints(self.installed, self._parameters)

    def template(self, configuration: Configuration) -> str:
        """Empty: the hand-over knows how ``vllm serve`` is called."""
        return ""

    def command(self, configuration: Mapping[str, Scalar]) -> list[str]:
        """Return the flags of a server with these settings, as words."""
        return serve_arguments.words({**self._given, **serve_arguments.flags(configuration)})

    def start(self, configuration: Configuration) -> ServerDeployment:
        """Start a server with these settings and warm it up.

        Raises:
            ServerFailed: It did not start, or not survive the warm-up.
            EngineError: It answers every request with an error.
        """
        self._n_started += 1
        log = models.cache_file("vllm", f"serve-{os.getpid()}-{id(self)}-{self._n_started}.log")
        server = VLLMServer(
            python=self._python.path,
            model=self._folder,
            name=self._model,
            arguments=self.command(configuration),
            environment=self._environment,
            log=log,
            start_timeout_seconds=self._start_timeout_seconds,
        )
        return ServerDeployment(
            server, model=self._model, workload=self._workload, reset=_reset, hang_seconds=self._hang_seconds
        )


def _reset(server: ServerProcess) -> None:
    """Empty the prefix cache; cancelled requests may hold their blocks a moment longer."""
    with contextlib.suppress(OSError, ValueError):  # of a dying server, the burst that follows tells
        for _ in range(_RESET_TRIES):
            status, body = server.post("/reset_prefix_cache")
            if status != 200 or not body.strip() or json.loads(body).get("success", True):
                return
            time.sleep(_RESET_SECONDS)
