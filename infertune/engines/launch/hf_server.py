"""Starts servers of transformers models with settings under search: infertune's batch loop against transformers' own.

The model runs in a child process behind the same protocol that vLLM speaks: a crash or a lack of memory is that
server's failure and has a name, and figures of both kinds of servers under the same load stand side by side.
"""

import os
import secrets
import shlex
import sys
from collections.abc import Mapping, Sequence

from infertune.engines import cache, models
from infertune.engines.launch.launcher import Server
from infertune.engines.process.readiness import answers_to
from infertune.engines.process.server_process import HOST, ServerProcess
from infertune.engines.vllm import serve_arguments
from infertune.space import Constraint, SearchSpace, notation
from infertune.types import Configuration, Scalar

_PROGRAM = (sys.executable, "-m", "infertune.engines.hf.serve")


class HFServerLauncher:
    """A `ServerLauncher` of `infertune.engines.hf.serve`; its parameters are what is worth searching on this machine.

    They have no constraints: what does not go together does not exist together.

    Args:
        model: ``bundled:...``, a local folder or a hub id.
        device: ``cuda``, ``mps`` or ``cpu``; by default the first that is there.
        fixed: Settings that every server gets and that are not searched, without ``engine.``: ``runner``,
            ``batch_size``, ``attention``, ``cache``, ``compile``, ``dtype``, ``threads``.
        changing_answers: Also search the dtype, which may change what is generated.
        start_timeout_seconds: Most time until a server answers.
        program: The words that start a server.
        environment: Variables that every server gets.

    Raises:
        InvalidInputError: There is no such device or dtype.
        DataUnavailableError: The model is missing.
    """

    constraints: Sequence[Constraint] = ()

    def __init__(
        self,
        model: str,
        *,
        device: str | None = None,
        fixed: Mapping[str, Scalar] | None = None,
        changing_answers: bool = False,
        start_timeout_seconds: float = 600.0,
        program: Sequence[str] = _PROGRAM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        from infertune.engines.hf import settings
        from infertune.engines.hf.language_model import device_named, dtype_named

        self._model = model
        self._folder = models.resolve(model, adapters=True)
        self._device = device_named(device)
        self._fixed = {**(fixed or {})}
        if "dtype" in self._fixed:
            dtype_named(str(self._fixed["dtype"]), self._device)  # here, and not in every server
        self.parameters = settings.server_parameters(
            self._device.type, fixed=self._fixed, changing_answers=changing_answers
        )
        self._start_timeout_seconds = start_timeout_seconds
        self._program = tuple(program)
        self._environment = {"HF_HUB_OFFLINE": "1", **(environment or {})}
        self._n_started = 0

    @property
    def facts(self) -> Mapping[str, str]:
        """The model's fingerprint, the versions, the device, and the settings that every server gets."""
        import torch
        import transformers

        return {
            "engine": "hf",
            "model": models.fingerprint(self._folder),
            "version": f"transformers {transformers.__version__}, torch {torch.__version__}",
            "device": self._device.type,
            **{name: str(value) for name, value in self._fixed.items()},
        }

    def searched(self, texts: Sequence[str]) -> SearchSpace:
        """Return the space with the user's changes: see `infertune.engines.launch.hf_engine`."""
        return notation.changed(SearchSpace(self.parameters), texts)

    def template(self, configuration: Configuration) -> str:
        """Return the command of a server with these settings, as `CommandTemplate` takes it."""
        flags = serve_arguments.words({**self._fixed, **serve_arguments.flags(configuration)})
        where = "--model {model} --host {host} --port {port} --served-model-name {model}"
        return shlex.join(["python", *self._program[1:]]) + f" {where} {shlex.join(flags)}".rstrip()

    def start(self, configuration: Configuration) -> Server:
        """Start a server with these settings.

        Raises:
            ServerFailed: It did not start.
        """
        self._n_started += 1
        mark = f"infertune-{secrets.token_hex(8)}"
        flags = serve_arguments.words({**self._fixed, **serve_arguments.flags(configuration)})

        def command(port: int) -> list[str]:
            where = ["--host", HOST, "--port", str(port), "--served-model-name", self._model, mark]
            return [*self._program, "--model", str(self._folder), *where, "--device", self._device.type, *flags]

        process = ServerProcess(
            title="the server of transformers",
            command=command,
            is_ready=lambda process: answers_to(process, mark),
            environment=self._environment,
            log=cache.file("hf", f"serve-{os.getpid()}-{id(self)}-{self._n_started}.log"),
            start_timeout_seconds=self._start_timeout_seconds,
        )
        # Between bursts no runner keeps more than the last prompts of its rows, so there is nothing to reset.
        return Server(process=process, model=self._model)
