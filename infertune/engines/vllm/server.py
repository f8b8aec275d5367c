"""A managed vLLM server: its command line, and how it shows that it is ready."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from infertune.engines.process.readiness import answers_to
from infertune.engines.process.server_process import HOST, ServerProcess
from infertune.engines.process.server_process import ServerFailed as ServerFailed

_MODULE = "vllm.entrypoints.openai.api_server"


class VLLMServer(ServerProcess):
    """One run of ``python -m vllm.entrypoints.openai.api_server`` on 127.0.0.1, ready when this returns.

    Args:
        python: The interpreter that has vllm.
        model: Folder of the model.
        name: What clients call the model.
        arguments: The server's other command line arguments; not host, port, model or name.
        environment: Variables that are set for the server beside this process's own.
        log: The file that gets the server's output, appended; about 32 MiB are kept, the older half in ``LOG.1``.
        start_timeout_seconds: Most time until it answers, above 0.
        grace_seconds: Most time that it gets to end by itself when stopped, at least 0.

    Raises:
        ServerFailed: It ended, or did not answer in time.
    """

    def __init__(
        self,
        *,
        python: Path,
        model: Path,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        start_timeout_seconds: float = 600.0,
        grace_seconds: float = 10.0,
    ) -> None:
        # A name that nobody else can answer to tells this server from a stranger on the same port.
        mark = f"infertune-{secrets.token_hex(8)}"

        def command(port: int) -> list[str]:
            where = ["--host", HOST, "--port", str(port), "--served-model-name", name, mark]
            return [str(python), "-m", _MODULE, "--model", str(model), *where, *arguments]

        super().__init__(
            title="the vLLM server",
            command=command,
            is_ready=lambda server: answers_to(server, mark),
            environment=environment,
            log=log,
            start_timeout_seconds=start_timeout_seconds,
            grace_seconds=grace_seconds,
        )
