"""What a stored sample is found again by: all that shaped its tokens, and nothing that only ends them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from hashlib import sha256

from infertune.types import Decoding, Prompt, Request, Scalar

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def keys_of(facts: Mapping[str, str], requests: Sequence[Request]) -> list[str]:
    """Return a key for each request: of the engine, the example, the prompt, the seed and the settings."""
    engine = digest_of(canonical_json(dict(facts)))
    return [
        digest_of(
            engine,
            canonical_json([request.example_id, str(request.seed), prompt_json(request.prompt)]),
            _settings_json(request.decoding),
        )
        for request in requests
    ]


def _written(decoding: Decoding) -> str:
    """Return the decoding settings that shape the tokens of a sample; the others only end it."""
    names = (field.name for field in fields(decoding))
    own: dict[str, Scalar] = {
        name: float(getattr(decoding, name)) for name in names if name not in ("max_tokens", "stop", "extra")
    }
    # 1 and 1.0 are one setting, but no setting is the same as true.
    extra = {f"extra.{name}": float(value) if type(value) is int else value for name, value in decoding.extra}
    return canonical_json(own | extra)


_kept = lru_cache(maxsize=4096)(_written)  # a study has few settings and many requests of each


def _settings_json(decoding: Decoding) -> str:
    return _written(decoding) if decoding.extra else _kept(decoding)  # among extra ones 1 would be taken for true


def prompt_json(prompt: Prompt) -> str:
    """Return a prompt as it is stored."""
    plain = prompt if isinstance(prompt, str) else [[message.role, message.content] for message in prompt]
    return canonical_json(plain)


def prompt_digest(prompt: Prompt) -> str:
    """Return what a stored prompt is found again by."""
    return digest_of(prompt_json(prompt))


def stop_json(stop: tuple[str, ...]) -> str:
    """Return stop texts as they are stored: their order means nothing."""
    return canonical_json(sorted(set(stop)))


def canonical_json(value: object) -> str:
    """Return a value as JSON of which there is one only."""
    return _CANONICAL.encode(value)


def digest_of(*parts: str | bytes) -> str:
    """Return 128 bits of a digest of the parts, with their lengths so that no two lists of parts run together."""
    whole = sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(f"{len(data)}:".encode() + data)
    return whole.hexdigest()[:32]
