"""The command line of a managed vLLM server: neutral defaults, then whatever the user sets by name."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from infertune.engines.vllm import serve_arguments
from infertune.errors import InvalidInputError, nearest
from infertune.types import Scalar

OURS = {
    "host": "the server listens on 127.0.0.1 only",
    "port": "a free one is chosen",
    "uds": "the server listens on 127.0.0.1 only",
    "api_key": "the server listens on 127.0.0.1 only",
    "model": "use `model`",
    "served_model_name": "it is the name of the model",
    "dtype": "use `dtype`",
    "root_path": "infertune itself talks to the server",
    "ssl_keyfile": "infertune itself talks to the server",
    "ssl_certfile": "infertune itself talks to the server",
    "headless": "infertune itself talks to the server",
    "disable_log_stats": "they are reported at the end",
}

NEUTRAL: Mapping[str, Scalar] = {"generation_config": "vllm"}
"""What every server gets: the model's own sampling defaults would change what is not asked for."""

# How fast, not what: samples made with different values of these may stand together.
_SHAPES_NO_TEXT = {
    "async_scheduling",
    "block_size",
    "disable_log_requests",
    "disable_uvicorn_access_log",
    "enable_chunked_prefill",
    "enable_prefix_caching",
    "enforce_eager",
    "gpu_memory_utilization",
    "kv_cache_memory_bytes",
    "long_prefill_token_threshold",
    "max_num_batched_tokens",
    "max_num_seqs",
    "num_gpu_blocks_override",
    "optimization_level",
    "performance_mode",
    "shutdown_timeout",
    "stream_interval",
    "uvicorn_log_level",
}

_CPU_BLOCK_TOKENS = 32  # vLLM's 128 there would keep every shorter prompt out of the prefix cache
_CPU_KV_CACHE_GIB = 2  # vLLM's own choice there is most of the machine's memory


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerArguments:
    """What a server is started with.

    Attributes:
        values: By name, with underscores; a bool is a flag.
        environment: Variables set for it.
        seeds_are_safe: Whether a request may carry a seed. On a CPU, vLLM 0.32 dies of a seeded request whose prompt
            is computed in more than one step.
        shaping: Those of the values that shape text, as text.
    """

    values: Mapping[str, Scalar]
    environment: Mapping[str, str]
    seeds_are_safe: bool
    shaping: Mapping[str, str]

    def words(self) -> list[str]:
        """Return the command line."""
        return serve_arguments.words(self.values)


def read(given: Mapping[str, Scalar] | str | None) -> dict[str, Scalar]:
    """Return arguments given by a mapping or as a JSON object, by their names with underscores.

    Text that says true or false, and no text at all, makes a flag of the name.

    Raises:
        InvalidInputError: It is no object of plain values, or sets what is not the user's to set.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise InvalidInputError(f"engine_args must be a JSON object, and is none: {error}") from None
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInputError(f"engine_args must be an object of names and values, not {given!r}")
    read: dict[str, Scalar] = {}
    for key, value in (given or {}).items():
        name = key.lstrip("-").replace("-", "_")
        if not name.isidentifier():
            raise InvalidInputError(f"an engine argument must be a name such as max_num_seqs, not '{key}'")
        if isinstance(value, Mapping | list):  # such as speculative_config
            value = json.dumps(value)
        if not isinstance(value, Scalar):
            raise InvalidInputError(f"the engine argument {name} must be a plain value, not {value!r}")
        if name.startswith("no_"):
            name, value = name.removeprefix("no_"), not _flag(value)
        elif isinstance(value, str) and value.lower() in ("", "true", "false"):
            value = _flag(value)
        if name in OURS:
            raise InvalidInputError(f"the engine argument {name} cannot be set: {OURS[name]}")
        if name in read:
            raise InvalidInputError(f"the engine argument {name} is given twice")
        read[name] = value
    return read


def server_arguments(
    given: Mapping[str, Scalar],
    *,
    on_cpu: bool,
    dtype: str | None = None,
    max_model_len: int | None = None,
    kv_cache_gib: int | None = None,
) -> ServerArguments:
    """Return what to start a server with.

    Args:
        given: The user's, which come before the defaults.
        on_cpu: Whether this is vLLM's CPU build.
        dtype: None for vLLM's choice.
        max_model_len: Most tokens of prompt and output together; None for the model's own.
        kv_cache_gib: Of a CPU's memory, at least 1; None for $VLLM_CPU_KVCACHE_SPACE, else 2.
    """
    values: dict[str, Scalar] = {**NEUTRAL, "dtype": dtype or "auto"}
    if max_model_len is not None:
        values["max_model_len"] = max_model_len
    if on_cpu:
        values |= {"block_size": _CPU_BLOCK_TOKENS, "enable_chunked_prefill": False}
    if max_model_len is not None and "max_model_len" in given:
        raise InvalidInputError("max_model_len is given twice: as itself and as an engine argument")
    values |= given
    splits_prompts = bool(values.get("enable_chunked_prefill", True)) or _is_above_zero(
        values.get("long_prefill_token_threshold", 0)
    )
    return ServerArguments(
        values=values,
        environment=environment(on_cpu=on_cpu, kv_cache_gib=kv_cache_gib),
        seeds_are_safe=not (on_cpu and splits_prompts),
        shaping={name: str(value) for name, value in values.items() if name not in _SHAPES_NO_TEXT},
    )


def environment(*, on_cpu: bool, kv_cache_gib: int | None) -> dict[str, str]:
    """Return the variables of a server; see `server_arguments`."""
    made = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}  # the model's folder has all that it needs
    if on_cpu:
        space = str(kv_cache_gib) if kv_cache_gib else os.environ.get("VLLM_CPU_KVCACHE_SPACE", "")
        made["VLLM_CPU_KVCACHE_SPACE"] = space or str(_CPU_KV_CACHE_GIB)
    return made


def shapes_text(name: str) -> bool:
    """Whether an argument may change what is generated: all do but those that are known to be about speed alone."""
    return name not in _SHAPES_NO_TEXT


def _flag(value: Scalar) -> bool:
    if isinstance(value, str):
        words = {"": True, "true": True, "false": False}
        if value.lower() not in words:
            raise InvalidInputError(f"a flag must be true or false, not '{value}'{nearest(value, ['true', 'false'])}")
        return words[value.lower()]
    return bool(value)


def _is_above_zero(value: Scalar) -> bool:
    try:
        return float(value) > 0
    except ValueError:
        return True  # the server will say what is wrong with it
