"""A server to be started elsewhere with chosen settings: the words of its command."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from infertune.decoding.settings import NAMES
from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.vllm import serve_arguments
from infertune.space.names import DECODING
from infertune.types import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One server to be started.

    Attributes:
        model: As the server takes it, such as a hub id or a folder there.
        settings: ``engine.NAME`` to values; ``decoding.NAME`` likewise, which become the server's defaults.
        decoding: Likewise; empty leaves the model's own.
        command: The template of a server that is no vLLM; None for vLLM.
        host: Where it listens; ``port`` likewise.
        name: Of the unit, the deployment or the release.
        image: The container image, with its tag.
        n_gpus: For each replica; 0 for a server on CPUs.
    """

    model: str
    settings: Mapping[str, Scalar]
    decoding: Mapping[str, Scalar]
    command: CommandTemplate | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    name: str = "infertune-server"
    image: str = "vllm/vllm-openai:latest"
    n_gpus: int = 1

    def words(self, *, host: str = "") -> list[str]:
        """Return the command as words; ``host`` in place of its own, such as inside a container."""
        host = host or self.host
        if self.command is not None:
            return self.command.fill(model=self.model, host=host, port=self.port, settings=self.settings)
        return ["vllm", "serve", self.model, "--host", host, "--port", str(self.port), *self.flags()]

    def flags(self) -> list[str]:
        """Return the words that say the settings and the decoding; of vLLM only."""
        flags = serve_arguments.flags(self.settings)
        if generation := generation_config(self.decoding):
            # The model's own defaults would fill in what is not said here, and were not there when it was measured.
            flags |= {"generation_config": "vllm", "override_generation_config": json.dumps(generation)}
        return serve_arguments.words(flags)


def generation_config(decoding: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return what a server can apply to every request that does not say otherwise: `generation_config.json`.

    ``max_new_tokens`` is not among it, for it would cap every request.
    """
    return {name: decoding[f"decoding.{name}"] for name in NAMES if f"decoding.{name}" in decoding}


def left_to_clients(decoding: Mapping[str, Scalar]) -> tuple[str, ...]:
    """Return the names of the decoding side that no server sets, so that each request must bring them."""
    return tuple(name for name in decoding if name.removeprefix(DECODING) not in NAMES)


def n_gpus(settings: Mapping[str, Scalar], *, device: str) -> int:
    """Return how many GPUs one server needs; 0 where the settings were found on CPUs."""
    if device == "cpu":
        return 0
    sizes = [settings.get(f"engine.{name}_parallel_size", 1) for name in ("tensor", "pipeline", "data")]
    return int(sizes[0]) * int(sizes[1]) * int(sizes[2])
