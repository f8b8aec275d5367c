"""The dotted names that code speaks of; a setting's prefix says what it belongs to."""

from collections.abc import Mapping

from infertune.types import Scalar

DECODING = "decoding."
ENGINE = "engine."
ARGUMENT = "argument."
"""Begins the names of settings that are an engine's own, which get to it as they are."""

TEMPERATURE = "decoding.temperature"
MAX_TOKENS = "decoding.max_tokens"
PROMPT = "prompt.template"
PROMPT_KIND = "prompt.kind"
"""Names in `Unsupported` what no engine knows by name: all templates of the kind ``chat``, ``plain`` or ``system``."""
N = "strategy.n"
VOTER = "strategy.name"
EXTRACTOR = "strategy.extractor"


def settings_in_words(engine: Mapping[str, Scalar]) -> str:
    """Return engine settings as ``batch_size=64, dtype=float32``."""
    return ", ".join(f"{name.removeprefix(ENGINE)}={value}" for name, value in engine.items()) or "no settings"
