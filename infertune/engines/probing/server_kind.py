"""Which server answers at an endpoint, as far as it can be told from what it says of itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from infertune.decoding.settings import NAMES
from infertune.engines.openai.dialects import dialect
from infertune.engines.probing.probe_client import CHAT, PLAIN, Endpoint, ProbeReply

_LABEL = re.compile(r'(\w+)="([^"]*)"')
_SAMPLERS = {  # of llama.cpp
    "penalties": "repetition_penalty",
    **{name: name for name in NAMES if name != "repetition_penalty"},
}
_VERSION = re.compile(r"[\w.+-]{1,40}")
_FINGERPRINT = re.compile(r"vllm-([\w.+]{1,40})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model that the endpoint serves; ``root`` is where its weights come from, empty where it is not said."""

    id: str
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKind:
    """What is known of a server.

    Attributes:
        name: ``vllm``, ``sglang``, ``llama.cpp``, ``transformers``, ``ollama``, ``tgi`` or ``other``.
        version: Empty where it is not said.
        models: What it lists; empty where it lists nothing.
        warpers: The order in which it applies the settings; empty where it is not known.
        may_be_cpu: False where it is certain that no vLLM on a CPU answers, whose engine a seeded request can kill:
            one whose prompt is computed in several parts ends in an error that stops the whole server.
        evidence: What ``may_be_cpu`` was judged by, for the user.
    """

    name: str
    version: str
    models: tuple[ServedModel, ...]
    warpers: str
    may_be_cpu: bool
    evidence: str


def identify(endpoint: Endpoint) -> ServerKind:
    """Return the kind of the server; generates one token where it lists no owner of its models."""
    models, owners = served_models(endpoint), _owners(endpoint)
    name, version = _named(endpoint, owners)
    may_be_cpu, evidence = False, "not a vLLM server"
    if name == "vllm":
        may_be_cpu, evidence = _may_be_cpu(endpoint.get("metrics", root=True))
    return ServerKind(
        name=name,
        version=version,
        models=models,
        warpers=(_told_order(endpoint) if name == "llama.cpp" else "") or dialect(name).warpers,
        may_be_cpu=may_be_cpu,
        evidence=evidence,
    )


def served_models(endpoint: Endpoint) -> tuple[ServedModel, ...]:
    """Return what the endpoint lists; nothing where it has no list."""
    return tuple(
        ServedModel(id=str(row["id"]), root=str(row.get("root") or "")) for row in _listed(endpoint) if row.get("id")
    )


def _owners(endpoint: Endpoint) -> set[str]:
    return {str(row.get("owned_by", "")).lower() for row in _listed(endpoint)}


def _listed(endpoint: Endpoint) -> list[dict[str, Any]]:
    rows = _mapping(endpoint.get("models")).get("data")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _named(endpoint: Endpoint, owners: set[str]) -> tuple[str, str]:
    """Return name and version, the surest signs first."""
    version = _version(_mapping(endpoint.get("version", root=True)), "version")
    if "vllm" in owners or "vllm:" in endpoint.get("metrics", root=True):
        return "vllm", version
    if "sglang" in owners:
        return "sglang", _version(_mapping(endpoint.get("get_server_info", root=True)), "version")
    if "llamacpp" in owners:
        return "llama.cpp", _version(_mapping(endpoint.get("props", root=True)), "build_info")
    if "/load_model" in _within(_mapping(endpoint.get("openapi.json", root=True)), "paths"):
        return "transformers", ""
    ollama = _version(_mapping(endpoint.get("api/version", root=True)), "version")
    if ollama:
        return "ollama", ollama
    info = _mapping(endpoint.get("info", root=True))
    if "model_id" in info:
        return "tgi", _version(info, "version")
    behind = _behind(endpoint)
    return ("vllm", behind or version) if behind is not None else ("other", "")


def _behind(endpoint: Endpoint) -> str | None:
    """Return the version of a vLLM behind a proxy that hides all but its answers; None where they are not vLLM's."""
    for path in (CHAT, PLAIN):
        answer = endpoint.ask(path, "Hello", max_tokens=1)
        if isinstance(answer, ProbeReply):
            marked = _FINGERPRINT.match(answer.fingerprint)
            if marked:
                return marked[1]
            return "" if answer.keys & {"kv_transfer_params", "prompt_logprobs"} else None
    return None


def _may_be_cpu(metrics: str) -> tuple[bool, str]:
    """Judge by the cache's own description; only a proof counts, for the price of an error is the whole server."""
    line = next((line for line in metrics.splitlines() if line.startswith("vllm:cache_config_info{")), "")
    labels = dict(_LABEL.findall(line))
    space = labels.get("cpu_kvcache_space_bytes")  # always set by the CPU engine of the versions that have it
    if space == "None":
        return False, "its metrics show no cache in CPU memory"
    if space:
        return True, f"its cache is in CPU memory ({space} bytes)"
    size = labels.get("block_size", "")
    # The CPU engine computes in blocks of a multiple of 32, or of 16 for one family of models.
    if size.isdigit() and int(size) % 32 != 0 and int(size) != 16:
        return False, f"its cache has blocks of {size} tokens, which the CPU engine never uses"
    return True, "nothing it reports proves that it runs on a GPU"


def _told_order(endpoint: Endpoint) -> str:
    """Return the order of the settings that llama.cpp tells; empty where it does not."""
    settings = _within(_mapping(endpoint.get("props", root=True)), "default_generation_settings", "params")
    told = settings.get("samplers")
    order = [_SAMPLERS.get(str(each), "") for each in told] if isinstance(told, list) else []
    order = list(filter(None, order))
    return ",".join(order) if sorted(order) == sorted(_SAMPLERS.values()) else ""


def _within(found: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        inner = found.get(name)
        found = inner if isinstance(inner, dict) else {}
    return found


def _version(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    match = _VERSION.match(value) if isinstance(value, str) else None
    return match[0] if match else ""


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
