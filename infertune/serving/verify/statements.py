"""What a vLLM server says of its settings: ``/server_info`` in its development mode, ``/metrics``, ``/v1/models``."""

from collections.abc import Mapping

from infertune.engines.vllm import effective_config
from infertune.engines.vllm.serve_arguments import UNSET
from infertune.serving.verify.observation import Observation
from infertune.serving.verify.running_server import RunningServer
from infertune.types import Scalar

_CACHE_LABELS = {"kv_cache_dtype": "cache_dtype"}  # the others are called as the flag


def stated(server: RunningServer, wanted: Mapping[str, Scalar]) -> list[Observation]:
    """Return what the server says of the wanted settings, whose names have no prefix, as far as it says anything."""
    return [*_server_info(server, wanted), *_cache_labels(server, wanted), *_models(server, wanted)]


def _server_info(server: RunningServer, wanted: Mapping[str, Scalar]) -> list[Observation]:
    config = server.json("/server_info?config_format=json").get("vllm_config")
    if not isinstance(config, dict):
        return []
    return [
        _observed(name, value, effective_config.in_force(config, name), "/server_info")
        for name, value in wanted.items()
        if effective_config.is_shown(config, name)
    ]


def _cache_labels(server: RunningServer, wanted: Mapping[str, Scalar]) -> list[Observation]:
    made = []
    for labels in server.labels("vllm:cache_config_info")[:1]:
        for name, value in wanted.items():
            label = _CACHE_LABELS.get(name, name)
            if label in labels:
                made.append(_observed(name, value, labels[label], "/metrics"))
    return made


def _models(server: RunningServer, wanted: Mapping[str, Scalar]) -> list[Observation]:
    if "max_model_len" not in wanted or server.max_model_len is None:
        return []
    return [_observed("max_model_len", wanted["max_model_len"], server.max_model_len, "/v1/models")]


def _observed(name: str, wanted: Scalar, found: Scalar | None, source: str) -> Observation:
    shown = "not set" if found in (None, "None") else f"{found}"
    return Observation(name=name, source=source, says=shown, agrees=same(name, wanted, found))


def same(name: str, wanted: Scalar, found: Scalar | None) -> bool:
    """Whether a value that a server shows, be it as text, is the wanted one."""
    if found is None or found == "None":
        return wanted == UNSET.get(name)
    if isinstance(wanted, bool) or isinstance(found, bool):
        return str(wanted).lower() == str(found).lower()
    try:
        return float(wanted) == float(found)
    except ValueError:
        return str(wanted).lower() == str(found).lower()
