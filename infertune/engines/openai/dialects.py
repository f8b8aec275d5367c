"""How each kind of server says what OpenAI's interface has no word for, and what it does where nothing is said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infertune.decoding.settings import SETTINGS

_TOKEN_IDS: Mapping[str, Any] = {"return_token_ids": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between kinds of server in the body of a request.

    Attributes:
        server: Its kind, by which `SETTINGS` know what they are called there.
        beside: Fields that give a setting the meaning that it has in `Decoding`, sent with it.
        says_neutral: Whether a neutral setting must be said, for silence means another value there. Elsewhere it must
            not, for some servers refuse every way to say it.
        token_ids: Fields that ask for token ids; empty where these come with the log probabilities.
        bare_logprobs: Whether log probabilities of a plain prompt come without likelier tokens, as 0 of these.
        nested: Settings that go as JSON text into the field `generation_config`, where sampling is switched on too.
        keeps_connections: False where a kept connection holds one of a few threads, so that requests on others starve.
        own_seeds: False where a seed is the whole process's, so that requests side by side mix theirs.
        warpers: The order in which the settings act, as in `Engine.facts`; empty when unknown.
    """

    server: str = ""
    beside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    says_neutral: bool = False
    token_ids: Mapping[str, Any] = field(default_factory=lambda: _TOKEN_IDS)
    bare_logprobs: bool = False
    nested: tuple[str, ...] = ()
    keeps_connections: bool = True
    own_seeds: bool = True
    warpers: str = ""

    @property
    def names(self) -> Mapping[str, str]:
        """Of the settings that are called otherwise there."""
        return {each.name: each.names[self.server] for each in SETTINGS if self.server in each.names}

    def spoken(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings as they are sent."""
        said: dict[str, Any] = {}
        names = self.names
        for name, value in settings.items():
            said |= {names.get(name, name): value, **self.beside.get(name, {})}
        if not self.nested:
            return said
        inner = {name: said.pop(name) for name in self.nested if name in said}
        if "temperature" in said:
            inner["do_sample"] = said["temperature"] > 0
        return said | ({"generation_config": json.dumps(inner)} if inner else {})


_USUAL = Dialect()
_DIALECTS = {
    "vllm": Dialect(server="vllm", bare_logprobs=True, warpers="repetition_penalty,temperature,min_p,top_k,top_p"),
    "llama.cpp": Dialect(
        server="llama.cpp",
        beside={"repetition_penalty": {"repeat_last_n": 2**16}},  # tokens; by default the last 64 only
        says_neutral=True,  # silence means top_k 40, top_p 0.95 and min_p 0.05
        token_ids={},
        keeps_connections=False,
        warpers="repetition_penalty,top_k,top_p,min_p,temperature",  # by default; what it tells goes before
    ),
    "transformers": Dialect(
        server="transformers",
        says_neutral=True,  # silence means top_k 50
        nested=("top_k", "min_p", "repetition_penalty"),  # beside which it refuses them
        own_seeds=False,
        warpers="repetition_penalty,temperature,top_k,top_p,min_p",
    ),
}


def dialect(server: str) -> Dialect:
    """Return how a kind of server is asked, of a `ServerKind.name`; the usual way where it is not known."""
    return _DIALECTS.get(server, _USUAL)
