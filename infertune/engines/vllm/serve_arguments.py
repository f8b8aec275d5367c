"""From settings (``engine.NAME``) to the arguments of a server that is started with them."""

import json
from collections.abc import Mapping

from infertune.space.names import ENGINE
from infertune.types import Scalar

PREFIX = ENGINE

UNSET: Mapping[str, Scalar] = {"attention_backend": "auto", "quantization": "none", "speculative_method": "none"}
"""The values that stand for leaving a flag away, for those that cannot be said otherwise."""

SPECULATIVE = ("speculative_method", "speculative_tokens", "prompt_lookup_max")
"""Settings that become one flag, ``speculative_config``."""

LOOKUP_METHODS = ("ngram", "ngram_gpu")
_LOOKUP_MIN = 2


def flags(settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the flags of ``vllm serve``, by their names with underscores, in the order of the settings.

    Args:
        settings: Of all names, those that begin with ``engine.`` count.
    """
    named = {name.removeprefix(PREFIX): value for name, value in settings.items() if name.startswith(PREFIX)}
    made = {
        name: value
        for name, value in named.items()
        if name not in SPECULATIVE and (name not in UNSET or value != UNSET[name])
    }
    if speculation := speculative_config(named):
        made["speculative_config"] = json.dumps(speculation)
    return made


def speculative_config(named: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return how a server is to speculate, as vLLM's ``--speculative-config`` takes it; empty for not at all.

    Args:
        named: Settings without their prefix.
    """
    method = named.get("speculative_method", "none")
    if method == "none":
        return {}
    made: dict[str, Scalar] = {"method": method}
    if "speculative_tokens" in named:
        made["num_speculative_tokens"] = named["speculative_tokens"]
    if method in LOOKUP_METHODS and "prompt_lookup_max" in named:
        longest = int(named["prompt_lookup_max"])
        made |= {"prompt_lookup_max": longest, "prompt_lookup_min": min(_LOOKUP_MIN, longest)}
    return made


def words(flags: Mapping[str, Scalar]) -> list[str]:
    """Return flags as the words of a command line; a bool is ``--name`` or ``--no-name``."""
    line = []
    for name, value in flags.items():
        flag = name.replace("_", "-")
        line += (
            ([f"--{flag}"] if value else [f"--no-{flag}"]) if isinstance(value, bool) else [f"--{flag}", str(value)]
        )
    return line
