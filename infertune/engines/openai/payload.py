"""What is sent to an OpenAI-compatible endpoint for a request: which calls, with which seeds and settings."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from infertune.decoding.settings import BY_NAME, NEUTRAL
from infertune.engines.endpoint.capabilities import Capabilities
from infertune.engines.openai.dialects import dialect
from infertune.types import Decoding, Request

_SEEDS = 2**31 - 2**16  # so that a seed and the number of a sample together stay below 2**31, which some servers need
_MOST_TOKENS = 2**15  # that one call may bring, so that its answer has a size that can be held


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request: some samples of a request whose seeds follow one another.

    Attributes:
        samples: Their indices, in the order of the answer's choices.
        path: Below the base URL.
        body: JSON.
    """

    request: Request
    samples: tuple[int, ...]
    path: str
    body: bytes


def first_seed(request: Request) -> int:
    """Return the seed of the request's sample 0; that of sample i is larger by i."""
    digest = hashlib.sha256(f"{request.seed}\0{request.example_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % _SEEDS


def refusal(request: Request, capabilities: Capabilities) -> str:
    """Return why an endpoint cannot be asked this, or an empty text."""
    if not (capabilities.completions if isinstance(request.prompt, str) else capabilities.chat):
        kind, path = ("plain", "/completions") if isinstance(request.prompt, str) else ("chat", "/chat/completions")
        return f"a {kind} prompt needs {path}, which the server does not answer"
    for name, neutral in NEUTRAL.items():
        value = getattr(request.decoding, name)
        if value != neutral and not getattr(capabilities, name) and _has_effect(name, request):
            return f"the server does not honour {name}, so it must be {neutral:g}, but is {value:g}"
    if request.decoding.temperature != 1 and not capabilities.temperature:
        return f"the server does not honour temperature, so it must be 1, but is {request.decoding.temperature:g}"
    most = capabilities.most_temperature
    if not capabilities.least_temperature <= request.decoding.temperature <= (math.inf if most is None else most):
        return f"the server does not take temperature {request.decoding.temperature:g}"
    if request.decoding.max_tokens < capabilities.least_max_tokens:
        least, found = capabilities.least_max_tokens, request.decoding.max_tokens
        return f"the server takes no max_tokens below {least}, but it is {found}"
    for name, setting in request.decoding.extra:
        if setting != 0 and name not in capabilities.extra:
            return f"the server does not honour {name}, so it must be left out, but is {setting}"
    return ""


def _has_effect(name: str, request: Request) -> bool:
    """Whether a setting can change the text; the truncations cannot at temperature 0."""
    return request.decoding.temperature > 0 or not BY_NAME[name].needs_sampling


def calls(request: Request, *, model: str, capabilities: Capabilities, extra_body: Mapping[str, Any]) -> list[Call]:
    """Return the calls that bring all samples of a request, as few as the server's abilities allow."""
    body = _body(request, model=model, capabilities=capabilities) | dict(extra_body)
    path = "/completions" if isinstance(request.prompt, str) else "/chat/completions"
    found = []
    for samples in _groups(request, capabilities):
        own = dict(body)
        if capabilities.n and len(samples) > 1:
            own["n"] = len(samples)
        if capabilities.seed and request.decoding.temperature > 0:
            own["seed"] = first_seed(request) + samples[0]
        found.append(Call(request=request, samples=samples, path=path, body=msgspec.json.encode(own)))
    return found


def _groups(request: Request, capabilities: Capabilities) -> Iterator[tuple[int, ...]]:
    """Yield the samples of each call."""
    samples = request.samples
    seeded = capabilities.seed and request.decoding.temperature > 0
    most = min(capabilities.most_n or len(samples), max(1, _MOST_TOKENS // request.decoding.max_tokens))
    # n is refused at temperature 0 by some, where all samples are the same anyway.
    if not capabilities.n or request.decoding.temperature == 0 or (seeded and not capabilities.seed_nests):
        most = 1
    start = 0
    for index in range(1, len(samples) + 1):
        is_gap = seeded and index < len(samples) and samples[index] != samples[index - 1] + 1
        if index == len(samples) or index - start == most or is_gap:
            yield samples[start:index]
            start = index


def sent_stops(decoding: Decoding, capabilities: Capabilities) -> tuple[str, ...]:
    """Return the stop texts that the server is given; at the others the text is cut here."""
    if not capabilities.stop:
        return ()
    return decoding.stop[: capabilities.most_stops] if capabilities.most_stops else decoding.stop


def _body(request: Request, *, model: str, capabilities: Capabilities) -> dict[str, Any]:
    decoding = request.decoding
    body: dict[str, Any] = {"model": model}
    if isinstance(request.prompt, str):
        body["prompt"] = request.prompt
    else:
        body["messages"] = [{"role": turn.role, "content": turn.content} for turn in request.prompt]
    chat = "messages" in body
    body["max_completion_tokens" if chat and capabilities.max_completion_tokens else "max_tokens"] = (
        decoding.max_tokens
    )
    if capabilities.temperature:
        body["temperature"] = decoding.temperature
    own = {name: value for name, value in decoding.extra if name in capabilities.extra}
    server = dialect(capabilities.server)
    for name, neutral in NEUTRAL.items():
        is_said = getattr(decoding, name) != neutral or (server.says_neutral and server.names.get(name) not in own)
        if getattr(capabilities, name) and is_said:
            body[name] = getattr(decoding, name)
    if stop := sent_stops(decoding, capabilities):
        body["stop"] = list(stop)
    if capabilities.logprobs:
        # For plain prompts the number of likely tokens beside the sampled one.
        body["logprobs"] = chat or (0 if server.bare_logprobs else 1)
    if capabilities.token_ids:
        body |= server.token_ids
    return own | server.spoken(body)
