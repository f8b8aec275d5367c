"""Starts any OpenAI-compatible server by a command template, such as SGLang's or llama.cpp's."""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from infertune.engines import cache
from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.launch.launcher import Server
from infertune.engines.process.server_process import HOST, ServerProcess
from infertune.errors import EngineError, InvalidInputError
from infertune.space import Constraint, Parameter
from infertune.types import Configuration

_ANSWER_SECONDS = 5


class CommandLauncher:
    """A `ServerLauncher` for a server that infertune does not know; the user says what its settings may be.

    A server is ready when it is this command, or a child of it, that listens on the port, ``/v1/models`` names a
    model, and ``/health``, where there is one, answers without an error.

    Args:
        template: The command.
        model: What ``{model}`` becomes.
        parameters: One for each hole ``{engine.NAME}`` of the template, and no other.
        constraints: Between them.
        reset_path: Is posted to before each burst and empties the server's caches, such as SGLang's ``/flush_cache``;
            empty for a server that has none, whose caches then keep what an earlier burst left.
        environment: Variables of the server beside this process's own.
        start_timeout_seconds: Most time until a server is ready.

    Raises:
        InvalidInputError: Holes and parameters do not fit together.
    """

    def __init__(
        self,
        template: CommandTemplate,
        model: str,
        *,
        parameters: Sequence[Parameter] = (),
        constraints: Sequence[Constraint] = (),
        reset_path: str = "",
        environment: Mapping[str, str] | None = None,
        start_timeout_seconds: float = 600.0,
    ) -> None:
        names = {parameter.name for parameter in parameters}
        for name in template.settings:
            if name not in names:
                raise InvalidInputError(
                    f"`command` has a hole {{{name}}}: give its values with `settings` {name}=A,B,C"
                )
        for name in sorted(names - set(template.settings)):
            raise InvalidInputError(f"`command` has no hole {{{name}}}, so that {name} would change nothing")
        self._template = template
        self._model = model
        self.parameters = tuple(parameters)
        self.constraints = tuple(constraints)
        self._reset_path = reset_path
        self._environment = {**(environment or {})}
        self._start_timeout_seconds = start_timeout_seconds
        self._n_started = 0

    @property
    def facts(self) -> Mapping[str, str]:
        """The command with its holes, and the model."""
        return {"engine": "command", "command": self._template.text, "model": self._model}

    def template(self, configuration: Configuration) -> str:
        """The command with its holes, whatever the settings are."""
        return self._template.text

    def start(self, configuration: Configuration) -> Server:
        """Start a server with these settings.

        Raises:
            ServerFailed: It did not start.
            EngineError: It names no model.
        """
        self._n_started += 1
        settings = {parameter.name: parameter.default for parameter in self.parameters} | dict(configuration)
        process = ServerProcess(
            title="the server",
            command=lambda port: self._template.fill(model=self._model, host=HOST, port=port, settings=settings),
            is_ready=_is_ready,
            environment=self._environment,
            log=cache.file("command", f"{os.getpid()}-{id(self)}-{self._n_started}.log"),
            start_timeout_seconds=self._start_timeout_seconds,
        )
        served = _served(process)
        if not served:
            process.stop()
            raise EngineError(f"the server names no model any more under /v1/models (log: {process.log})")
        return Server(process=process, model=served[0], reset=self._reset)

    def _reset(self, server: ServerProcess) -> None:
        if self._reset_path:
            with contextlib.suppress(OSError):  # of a dying server, the burst that follows tells
                server.post(self._reset_path)


def _is_ready(server: ServerProcess) -> bool:
    try:
        health, _ = server.get("/health", timeout_seconds=_ANSWER_SECONDS)
        return health < 500 and bool(_served(server)) and server.owns_port()
    except OSError:
        return False


def _served(server: ServerProcess) -> list[str]:
    """Return the names of the models that a server serves; empty where it does not say."""
    try:
        answer: dict[str, Any] = json.loads(server.get("/v1/models", timeout_seconds=_ANSWER_SECONDS)[1])
        return [str(model["id"]) for model in answer["data"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []
