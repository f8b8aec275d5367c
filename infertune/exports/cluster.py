"""A server on Kubernetes: a Deployment with its Service, or the values of a Helm chart."""

import re
from typing import Any

import yaml

from infertune.exports.service import Service

_START_SECONDS = 1800
_PROBE_SECONDS = 10
_CPUS, _MEMORY = 4, "16Gi"


def kubernetes(service: Service) -> str:
    """Return a Deployment and a Service as two YAML documents."""
    name = dns_name(service.name)
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

    All flags go through ``extraArgs``, which the chart passes on as they are; its own that it would set otherwise go
    before. It does not install without a request for processors and memory, of which an answer knows nothing.
    """
    repository, _, tag = service.image.rpartition(":")
    config: dict[str, Any] = {
        # Where it is not said, the chart switches it off, which vLLM does not.
        "enablePrefixCaching": service.settings.get("engine.enable_prefix_caching", True),
        "extraArgs": [_kubernetes_word(word) for word in service.flags()],
    }
    if service.n_gpus > 1:
        config["tensorParallelSize"] = service.settings.get("engine.tensor_parallel_size", 1)  # it adds shared memory
    model = {
        "name": dns_name(service.name),
        "enabled": True,
        "repository": repository,
        "tag": tag,
        "modelURL": service.model,
        "replicaCount": 1,
        "requestCPU": _CPUS,
        "requestMemory": _MEMORY,
        "requestGPU": service.n_gpus,
        "vllmConfig": config,
    }
    engine: dict[str, Any] = {"modelSpec": [model]}
    if not service.n_gpus:
        engine["runtimeClassName"] = ""
    text: str = yaml.safe_dump({"servingEngineSpec": engine}, sort_keys=False)
    return text


def _kubernetes_word(word: str) -> str:
    """Kubernetes replaces ``$(NAME)`` in commands, unless the dollar is doubled."""
    return word.replace("$(", "$$(")


def dns_name(name: str) -> str:
    """Return a name that Kubernetes takes (RFC 1123): 63 lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "server"
