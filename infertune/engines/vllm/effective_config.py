"""What a flag has become in a vLLM configuration, as ``/server_info?config_format=json`` shows one."""

from collections.abc import Mapping
from typing import Any

from infertune.types import Scalar

# Flags whose place in the configuration has another name; the others stand in one of its sections under their own.
_PLACES = {
    "attention_backend": ("attention_config", "backend"),
    "dtype": ("model_config", "dtype"),
    "enforce_eager": ("model_config", "enforce_eager"),
    "kv_cache_dtype": ("cache_config", "cache_dtype"),
    "max_model_len": ("model_config", "max_model_len"),
    "optimization_level": ("optimization_level",),
    "performance_mode": ("performance_mode",),
    "prompt_lookup_max": ("speculative_config", "prompt_lookup_max"),
    "prompt_lookup_min": ("speculative_config", "prompt_lookup_min"),
    "quantization": ("model_config", "quantization"),
    "scheduling_policy": ("scheduler_config", "policy"),
    "speculative_method": ("speculative_config", "method"),
    "speculative_tokens": ("speculative_config", "num_speculative_tokens"),
}
_SECTIONS = (
    "scheduler_config",
    "cache_config",
    "parallel_config",
    "model_config",
    "offload_config",
    "compilation_config",
    "load_config",
    "observability_config",
)


def in_force(config: Mapping[str, Any], name: str) -> Scalar | None:
    """Return the value that a flag has there; None where it has none, or none that is plain."""
    if name in _PLACES:
        value = _at(config, _PLACES[name])
    else:
        found = [section for section in _SECTIONS if name in (config.get(section) or {})]
        value = config[found[0]][name] if found else None
    if isinstance(value, str):
        return value.removeprefix("torch.")
    return value if isinstance(value, Scalar) else None


def is_shown(config: Mapping[str, Any], name: str) -> bool:
    """Whether the configuration says anything of a flag, be it that it is not set."""
    if name in _PLACES:
        *sections, last = _PLACES[name]
        place = _at(config, tuple(sections))
        return place is None or last in place
    return any(name in (config.get(section) or {}) for section in _SECTIONS)


def _at(config: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = config
    for key in path:
        value = (value or {}).get(key)
    return value
