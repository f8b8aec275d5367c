"""What starts a server with the chosen settings elsewhere: a command, a systemd unit, Kubernetes and Helm files."""

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from infertune.decoding.settings import NAMES
from infertune.engines.launch.command_template import CommandTemplate
from infertune.engines.vllm import serve_arguments
from infertune.space.names import DECODING
from infertune.types import Scalar

_START_SECONDS = 1800
_PROBE_SECONDS = 10


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


def command_line(service: Service) -> str:
    """Return one command for a POSIX shell, one flag with its value on a line."""
    return f"{_folded(service.words(), shlex.quote)}\n"


def systemd_unit(service: Service) -> str:
    """Return a unit file; ``/usr/bin/env`` finds the program in the PATH of the service."""
    command = _folded(["/usr/bin/env", *service.words()], _systemd_word)
    return f"""\
[Unit]
Description={_systemd_text(f"Inference server for {service.model}")}
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart={command}
Restart=on-failure
RestartSec=5
KillMode=control-group
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
"""


def kubernetes(service: Service) -> str:
    """Return a Deployment and a Service as two YAML documents."""
    name = _dns_name(service.name)
    labels = {"app.kubernetes.io/name": name}
    health = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": _PROBE_SECONDS}
    program, *arguments = service.words(host="0.0.0.0")
    container: dict[str, Any] = {
        "name": "server",
        "image": service.image,
        "command": [_kubernetes_word(program)],
        "args": [_kubernetes_word(word) for word in arguments],
        "ports": [{"name": "http", "containerPort": service.port}],
        "startupProbe": {**health, "failureThreshold": _START_SECONDS // _PROBE_SECONDS},
        "readinessProbe": health,
        "livenessProbe": {**health, "failureThreshold": 6},
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],  # the processes of one server talk through it
    }
    if service.n_gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": service.n_gpus}}
    pod = {"containers": [container], "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    entry = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
    text: str = yaml.safe_dump_all([deployment, entry], sort_keys=False)
    return text


def helm_values(service: Service) -> str:
    """Return values for the chart ``vllm/vllm-stack`` of vLLM's production stack; of vLLM only.

    All flags go through ``extraArgs``, which the chart passes on as they are.
    """
    repository, _, tag = service.image.rpartition(":")
    model = {
        "name": _dns_name(service.name),
        "enabled": True,
        "repository": repository,
        "tag": tag,
        "modelURL": service.model,
        "replicaCount": 1,
        "requestGPU": service.n_gpus,
        "vllmConfig": {"extraArgs": [_kubernetes_word(word) for word in service.flags()]},
    }
    engine: dict[str, Any] = {"modelSpec": [model]}
    if not service.n_gpus:
        engine["runtimeClassName"] = ""
    text: str = yaml.safe_dump({"servingEngineSpec": engine}, sort_keys=False)
    return text


FORMS = {"command": command_line, "systemd": systemd_unit, "kubernetes": kubernetes, "helm": helm_values}
"""What a service can be written as."""


def _folded(words: Sequence[str], quote: Callable[[str], str]) -> str:
    """Return quoted words with a new line before each that looks like a flag."""
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and word.startswith("-") and not _is_number(word):
            lines.append([])
        lines[-1].append(quote(word))
    return " \\\n    ".join(" ".join(line) for line in lines)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"-\d+(\.\d+)?", word) is not None


def _systemd_word(word: str) -> str:
    """Quote a word of ``ExecStart`` (systemd.service(5), "Command lines"): C escapes, and ``%`` and ``$`` doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    escaped = _systemd_text(escaped).replace("$", "$$")
    return escaped if re.fullmatch(r"[\w./:=,%$@+-]+", word) else f'"{escaped}"'


def _systemd_text(text: str) -> str:
    return text.replace("%", "%%")


def _kubernetes_word(word: str) -> str:
    """Kubernetes replaces ``$(NAME)`` in commands, unless the dollar is doubled."""
    return word.replace("$(", "$$(")


def _dns_name(name: str) -> str:
    """Return a name that Kubernetes takes (RFC 1123): 63 lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "server"
